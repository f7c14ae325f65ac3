"""The reference in the manual is whole and says nothing that is gone: settings, commands, reasons, events, fields."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup, TyperOption

from tests import manual_pages, source_facts
from tests.manual_pages import PAGES, README, ROOT
from tikisync.cli import program
from tikisync.config import Config, load
from tikisync.core.fields import FIELD_TYPES
from tikisync.core.recipes.adjusting import ADJUSTABLE
from tikisync.errors import ConfigError

CONFIGURATION, RULES, SENDERS = PAGES["configuration"], PAGES["rules"], PAGES["senders"]
TIKI = "[tiki]\nurl = mysql+pymysql://u:p@h/d\n"
UNKNOWN = "zzqqxx"


def problems(file: Path, text: str) -> str:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(file, {})
    return "\n".join(caught.value.problems)


def known(file: Path, text: str) -> set[str]:
    """What the config itself says there is, where it meets a name that it does not know."""
    found = re.search(r"there is no such [a-z]+; there are (.*)", problems(file, text))
    assert found, text
    return set(found[1].split(", "))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "database-url").write_text("mysql+pymysql://u:p@h/d")
    return tmp_path / "config.ini"


def loaded(file: Path, text: str) -> Config:
    file.write_text(text, encoding="utf-8")
    return load(file, {})


def settings() -> Iterator[Any]:
    """Each documented setting but those of rules: its section and its row."""
    for heading, text in manual_pages.sections(CONFIGURATION).items():
        if heading.startswith("["):
            for row in manual_pages.tables(text):
                yield pytest.param(heading.strip("[]"), row, id=f"{heading} {row['key']}")


def test_each_section_has_its_heading(file: Path) -> None:
    headings = {*manual_pages.sections(CONFIGURATION), *manual_pages.sections(RULES)}
    assert {each.strip("[]") for each in headings if each.startswith("[")} == known(file, f"[{UNKNOWN}]")


def test_each_setting_is_in_its_sections_table_and_in_the_example(file: Path) -> None:
    example = (ROOT / "config.example.ini").read_text("utf-8")
    for section in known(file, f"[{UNKNOWN}]"):
        page = RULES if section == "rule NAME" else CONFIGURATION
        text = manual_pages.sections(page)[f"[{section}]"]
        there = known(file, f"{TIKI * (section != 'tiki')}[{section}]\n{UNKNOWN} = 1\n")
        assert manual_pages.column(text, "key") - {"recipe.*"} == there, section
        for key in there:
            pattern = re.escape(key).replace("NAME", r"\w+")
            assert re.search(rf"^(; )?{pattern} = ", example, re.MULTILINE), f"[{section}] {key} in the example"


def test_each_adjustment_of_a_recipe_is_in_the_table() -> None:
    keys = {word for word in manual_pages.column(SENDERS.read_text("utf-8"), "key") if word.startswith("recipe.")}
    assert keys == {f"recipe.{name}" for name in ADJUSTABLE}


@pytest.mark.parametrize(("section", "row"), [*settings()])
def test_a_settings_example_loads_and_its_default_changes_nothing(
    file: Path, section: str, row: dict[str, str]
) -> None:
    [key], examples, defaults = (manual_pages.words(row[name]) for name in ("key", "example", "default"))
    around = f"[{section}]\n" if section == "tiki" else f"{TIKI}[{section}]\n"
    around += {
        "site": "path = /tiki\n",
        "system_configuration_file": "path = /tiki\n",
        "system_configuration_identifier": "path = /tiki\nsystem_configuration_file = /etc/tiki.ini\n",
        "recipe.*": "recipe = stripe\n",
    }.get(key, "")
    without = loaded(file, around if around != "[tiki]\n" else f"{around}path = /somewhere/else\n")
    [given, *defaulting] = [each if " = " in each else f"{key} = {each}" for each in (examples[0], *defaults)]
    assert loaded(file, around + given) != without
    for each in defaulting:
        assert loaded(file, around + each) == without


def commands() -> dict[str, Any]:
    """Every command that people type, and every group of them, by what is typed after ``tikisync``."""
    top = typer.main.get_command(program)
    assert isinstance(top, TyperGroup)
    found: dict[str, Any] = {"": top, **top.commands}
    for name, command in top.commands.items():
        found.update({f"{name} {each}": below for each, below in getattr(command, "commands", {}).items()})
    return {name: each for name, each in found.items() if not each.hidden}


def options(command: Any) -> list[set[str]]:
    return [{*each.opts, *each.secondary_opts} for each in command.params if isinstance(each, TyperOption)]


def typed(line: str) -> tuple[str, Any, set[str]]:
    """The command that a line in the manual types, and the options it names."""
    there = commands()
    rest = line.removeprefix("tikisync").split(" && ")[0]
    words = [word.strip("[]…") for word in shlex.split(rest)]
    given = {word.partition("=")[0] for word in words if re.match(r"-{1,2}[A-Za-z]", word)}
    plain = [word for word in words if not word.startswith("-")]
    name = next((each for each in (" ".join(plain[:2]), "".join(plain[:1])) if each in there), None)
    assert name is not None or not plain, line
    return name or "", there[name or ""], given


def test_each_command_and_option_is_in_the_table() -> None:
    common = {"--config", "--json", "--help", "--install-completion", "--show-completion"}
    documented = set()
    for row in manual_pages.tables(PAGES["commands"].read_text("utf-8")):
        name, command, given = typed(manual_pages.words(row["command"])[0])
        documented.add(name)
        missing = [each for each in options(command) if not each & (given | common)]
        assert not missing, f"tikisync {name}: {missing}"
    assert documented == {"", *(name for name, command in commands().items() if not isinstance(command, TyperGroup))}


def lines() -> Iterator[str]:
    """Every use of the program in the README, the manual, the example, our own messages and the ends of help."""
    for command in commands().values():
        yield from re.findall(r"^  (tikisync (?!COMMAND).*)", command.epilog or "", re.MULTILINE)
    source = [path for path in (ROOT / "tikisync").rglob("*") if path.suffix in (".py", ".html")]
    for path in (README, *PAGES.values(), ROOT / "config.example.ini", ROOT / "CHANGELOG.md", *source):
        yield from re.findall(r"`(tikisync [^`{]+)`", path.read_text("utf-8").replace("``", "`"))


def test_every_use_of_the_program_names_a_command_and_options_that_there_are() -> None:
    for line in set(lines()):
        _, command, given = typed(line.replace("\n", " "))
        known = {"-h", "--help", *(name for each in options(command) for name in each)}
        assert given <= known, line


def test_each_reason_is_explained_and_no_other() -> None:
    assert manual_pages.column(PAGES["troubleshooting"].read_text("utf-8"), "reason") == source_facts.reasons()


def test_each_event_of_the_log_is_explained_and_no_other() -> None:
    assert manual_pages.column(PAGES["running"].read_text("utf-8"), "action") == source_facts.log_actions()


def test_each_environment_variable_is_in_the_table() -> None:
    named = manual_pages.column(CONFIGURATION.read_text("utf-8"), "variable")
    assert {name for name in named if name.startswith("TIKISYNC_")} == source_facts.variables()


def test_each_field_type_is_explained_as_writable_or_not() -> None:
    text = PAGES["fields"].read_text("utf-8")
    never = manual_pages.column(manual_pages.sections(PAGES["fields"])["Fields that no rule can write"], "code")
    assert manual_pages.column(text, "code") == set(FIELD_TYPES)
    assert never == {code for code, kind in FIELD_TYPES.items() if kind.accepts == "nothing from a webhook"}


@pytest.mark.parametrize("path", [README, *PAGES.values()], ids=lambda path: path.stem)
def test_each_snippet_of_the_configuration_loads(file: Path, path: Path) -> None:
    for text in manual_pages.code(path, "ini"):
        loaded(file, text if "[tiki]" in text else TIKI + text)
