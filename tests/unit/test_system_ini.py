"""Tiki's system configuration is read as PHP's INI scanner and Tiki read it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tikisync.core.php_ini import Ini, IniSyntaxError, PhpIni
from tikisync.core.php_serialize import unserialize
from tikisync.errors import SetupError
from tikisync.tiki.local_php import LocalPhp
from tikisync.tiki.system_ini import SystemIni, of_tiki, read

ENVIRONMENT = {"HOME": "/root", "EMPTY": ""}


@pytest.mark.parametrize("written", ["(" * 5000, "!" * 5000, "~" * 3000 + "1"])
def test_what_is_nested_without_end_is_refused(written: str) -> None:
    with pytest.raises(IniSyntaxError, match="line 1 cannot be read"):
        PhpIni(f"x = {written}", ENVIRONMENT)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("y", "y"), ('"yes"', "yes"), ("yes", "1"), ("On", "1"), ("TRUE ", "1"), ("no", ""), ("none", ""), ("null", ""),
        ("", ""), ("''", ""), ('""', ""), ("007", "007"), ("3|4", "7"), ("(1 | 2) & 3", "3"), ("6 ^ 3", "5"),
        ("~1", "-2"), ("!0", "1"), ("!x|2", "3"), ("2147483648|0", "-2147483648"), ("a;b", "a"), ('"a;b"', "a;b"),
        ("a b  ; c", "a b"), ("'${HOME}'", "${HOME}"), ("${HOME}/x", "/root/x"), ('"${HOME}"', "/root"),
        ("${MISSING}", ""), ('"\\${HOME}"', "${HOME}"),
        ('a "b" \'c\'', "abc"), ('"say \\"hi\\""', 'say "hi"'), ('"C:\\dir\\"', "C:\\dir\\"), ("%Y-%m-%d", "%Y-%m-%d"),
        ("$x", "$x"), ("Europe/Paris", "Europe/Paris"), ("'two\nlines'", "two\nlines"),
    ],
)  # fmt: skip
def test_a_value_is_what_php_makes_of_it(written: str, value: str) -> None:
    assert PhpIni(f"before = 1\nx = {written}\nafter = 2\n", ENVIRONMENT).values == {
        "before": "1", "x": value, "after": "2"}  # fmt: skip


@pytest.mark.parametrize(
    "written", ["a=b", "a yes", "yes a", '"open', "(1", "1(2)", "a ! b", "|1", "'' x", "${", '"${x"']
)
def test_what_php_refuses_too_is_refused_with_its_line(written: str) -> None:
    with pytest.raises(IniSyntaxError, match=r"line 2 cannot be read; put the value in double quotes"):
        PhpIni(f"a = 1\nx = {written}", ENVIRONMENT)


@pytest.mark.parametrize("line", ["yes = 1", "[open", "{x} = 1", "x[a] y", '"x" = 1'])
def test_keys_and_sections_that_php_refuses_are_refused(line: str) -> None:
    with pytest.raises(IniSyntaxError):
        PhpIni(line, ENVIRONMENT)


def test_reading_ends_where_php_gives_up() -> None:
    ini = PhpIni("a = don't\nb = 1", ENVIRONMENT)
    assert ini.values == {"a": "don"}
    assert ini.remarks == ["PHP stops reading at line 1, at a single quote or dollar sign"]


def test_what_depends_on_php_is_remarked() -> None:
    remarks = PhpIni("a = E_ALL\nb = ${HOME}", ENVIRONMENT).remarks
    assert remarks == [
        "E_ALL in line 1 is text here; PHP may replace it by a constant's value",
        "line 2 takes HOME from the environment of tikisync, PHP from its own",
    ]


def test_arrays_and_sections_are_told_apart() -> None:
    text = "x[] = a\nx[k] = b\nx[] = c\ny = 1\ny[] = 2\nalone\n[s] ; note\na = 1\n[s]\nb = 2\n"
    assert PhpIni(text, ENVIRONMENT).values == {"x": {"0": "a", "k": "b", "1": "c"}, "y": {"0": "2"}, "s": {"b": "2"}}


piece = st.sampled_from([
    "a", "y", "n", "yes", "no", "On", "null", "none", "true", "E_X", "3", "4", "-1", "0", "2.5", " ", "  ", "\t", "|",
    "&", "^", "~", "!", "(", ")", "'", "''", "'b c'", "';'", '"', '"q"', '"a;b"', '"\\"', "\\", '"c\\\\"', "$", "$x",
    "${HOME}", "${EMPTY}", '"x${HOME}y"', '"\\${HOME}"', ";", "; note", "=", "/", ".", ",", "{", "}", "[", "]", "#",
    "é",
    "99999999999", "'\n'", "0x10", '"C:\\d\\"',
])  # fmt: skip
value = st.lists(piece, max_size=5).map("".join)
key = st.sampled_from(
    ["preference.x", " a", "b ", "c.d", "k[]", "k[z]", "k[3]", "rules.0", "yes", "a b", "a\tb", "#a", "@include"]
)
equals = st.sampled_from([" = ", "=", "\t=\t", "", " "])
line = st.one_of(
    st.tuples(key, equals, value).map("".join),
    st.sampled_from(["", "; c", "  ; c", "[a]", "[b : a]", "[ a ] ; c", "[a]x=1", "[]", "[x.y]", "[a", "alone", "'"]),
)
ini_text = st.lists(line, max_size=5).flatmap(
    lambda lines: st.sampled_from(["\n", "\r\n"]).map(lambda nl: nl.join(lines))
)


@pytest.mark.skipif(shutil.which("php") is None, reason="php, the judge, is not installed")
@settings(max_examples=15)
@given(st.lists(ini_text, min_size=40, max_size=40))
def test_random_texts_are_read_as_php_reads_them(texts: list[str]) -> None:
    for text, expected in zip(texts, _parsed(texts), strict=True):
        try:
            values: Ini | None = PhpIni(text, ENVIRONMENT).values
        except IniSyntaxError:
            continue
        assert values == expected, text


def _parsed(texts: list[str]) -> list[Ini | None]:
    judge = """
        function keyed($value) { return is_array($value) ? (object) array_map('keyed', $value) : $value; }
        foreach (json_decode(stream_get_contents(STDIN)) as $text) {
            $ini = @parse_ini_string($text, true, INI_SCANNER_NORMAL);
            $out[] = $ini === false ? null : keyed($ini);
        }
        echo json_encode($out, JSON_THROW_ON_ERROR);
    """
    run = subprocess.run(
        ["php", "-n", "-r", judge],
        input=json.dumps(texts).encode(),
        capture_output=True,
        check=True,
        env=ENVIRONMENT | {"PATH": "/usr/bin:/bin"},
    )
    parsed: list[Ini | None] = json.loads(run.stdout)
    return parsed


def _read(folder: Path, text: str, identifier: str | None = None, name: str = "tiki.ini") -> SystemIni:
    (folder / name).write_text(text, encoding="utf-8")
    return read([(folder / name, identifier)], ENVIRONMENT)


def test_preferences_of_the_top_level_are_forced(tmp_path: Path) -> None:
    text = "preference.feature_search = n\npreference.title = Größe\nrules.0 = deny all\n[site]\npreference.x = y\n"
    assert _read(tmp_path, text) == SystemIni({"feature_search": "n", "title": "Größe"})


def test_arrays_are_forced_as_the_table_holds_them(tmp_path: Path) -> None:
    text = "preference.langs[] = en\npreference.langs[] = fr\npreference.a[k] = v\npreference.b.c = d"
    forced = _read(tmp_path, text).forced
    assert {name: unserialize(value) for name, value in forced.items()} == {"langs": ["en", "fr"]}


def test_a_preference_block_discards_the_lines_above_it(tmp_path: Path) -> None:
    assert _read(tmp_path, "preference.a = y\n[preference]\nb = n\n").forced == {"b": "n"}


SITES = """
preference.a = top
[base]
preference.a = base
preference.b = base
[site : base]
preference.a = site
[other : site]
"""


@pytest.mark.parametrize(
    ("identifier", "forced"),
    [(None, {"a": "top"}), ("base", {"a": "base", "b": "base"}), ("site", {"a": "site", "b": "base"}),
     ("other", {"a": "site", "b": "base"})],
)  # fmt: skip
def test_only_the_named_section_counts_and_inherits(
    tmp_path: Path, identifier: str | None, forced: dict[str, str]
) -> None:
    assert _read(tmp_path, SITES, identifier) == SystemIni(forced)


def test_a_section_that_is_missing_forces_nothing_and_warns(tmp_path: Path) -> None:
    ini = _read(tmp_path, SITES, "nowhere")
    assert ini.forced == {}
    assert ini.warnings == (f"{tmp_path}/tiki.ini: nothing is forced: it has no section [nowhere]",)


def test_a_section_with_a_dot_is_never_found_as_in_tiki(tmp_path: Path) -> None:
    ini = _read(tmp_path, "[example.com]\npreference.a = y\n[x.y]\nz=1\n", "example.com")
    assert ini.forced == {}
    assert "Tiki never finds a section whose name has a dot" in ini.warnings[0]


def test_a_dotted_section_nests(tmp_path: Path) -> None:
    assert _read(tmp_path, "preference.a = y\n[preference.b]\n0 = x\n").forced == {"a": "y", "b": 'a:1:{i:0;s:1:"x";}'}
    assert _read(tmp_path, "preference = 1\n[preference.b]\n0 = x\n").forced == {"b": 'a:1:{i:0;s:1:"x";}'}


def test_a_scalar_in_the_place_of_the_preferences_forces_nothing(tmp_path: Path) -> None:
    assert _read(tmp_path, "preference = 1\n").forced == {}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a = b = c", "line 1 cannot be read"),
        (
            "preference = 1\npreference.a = y",
            "or preference has a value already",
        ),
        ("preference. = 1", "is empty on one side of a dot"),
        ("[a : b]", r"inherits from \[b\], which does not exist"),
        ("[a : b]\n[b : a]", "or inherits from itself"),
        ("@include = tiki.ini", "@include is not possible here"),
        ("[s]\n@include[] = x", "@include is not possible here"),
    ],
)
def test_what_stops_tiki_is_refused(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(SetupError, match=f"tiki.ini is broken, which stops Tiki too: .*{what}"):
        _read(tmp_path, text)


@pytest.mark.parametrize(
    "text", ["a." * 2000 + "b = 1", "".join(f"[s{number} : s{number + 1}]\n" for number in range(2000)) + "[s2000]\n"]
)
def test_a_file_that_nests_without_end_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "system.ini").write_text(text)
    with pytest.raises(SetupError, match="nested too deeply"):
        read([(tmp_path / "system.ini", "s0")])


def test_a_file_may_include_another(tmp_path: Path) -> None:
    (tmp_path / "more.ini").write_text("preference.a = more\npreference.b = more\n[site]\npreference.s = more\n")
    text = "preference.a = 1\n@include = more.ini\npreference.b = 2\n[site]\n@include = more.ini\n"
    assert _read(tmp_path, text).forced == {"a": "more", "b": "2"}
    assert _read(tmp_path, text, "site").forced == {"s": "more"}


PHP_FILE = "<?php\n// only for Tiki\nif (!defined('X')) { exit; }\n?>\npreference.a = y\n"


def test_what_a_php_file_prints_is_read_without_running_it(tmp_path: Path) -> None:
    assert _read(tmp_path, PHP_FILE, name="tiki.ini.php") == SystemIni({"a": "y"})
    assert _read(tmp_path, "<?php $x = 1;", name="tiki.ini.php") == SystemIni()
    ini = _read(tmp_path, PHP_FILE + "<?php echo 'preference.b = y'; ?>", name="tiki.ini.php")
    assert ini.forced == {"a": "y"}
    assert ini.warnings == (f"{tmp_path}/tiki.ini.php: its PHP code may print settings; tikisync does not run it",)
    with pytest.raises(SetupError, match="@include is not possible"):
        _read(tmp_path, PHP_FILE + "@include = x.ini", name="tiki.ini.php")


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="cannot be read: No such file"):
        read([(tmp_path / "none.ini", None)], ENVIRONMENT)


def test_a_later_file_stands_above_an_earlier_one(tmp_path: Path) -> None:
    (tmp_path / "a.ini").write_text("preference.x = 1\npreference.y = ${HOME}\n")
    (tmp_path / "b.ini").write_text("preference.x = 2\n")
    ini = read([(tmp_path / "a.ini", None), (tmp_path / "b.ini", None)], ENVIRONMENT)
    assert ini.forced == {"x": "2", "y": "/root"}
    assert len(ini.warnings) == 1


def test_local_php_names_the_file_from_the_tikis_root() -> None:
    local = LocalPhp("h", "u", "p", "d", system_configuration_file="db/t.ini", system_configuration_identifier="site")
    assert of_tiki(Path("/tiki"), local) == ((Path("/tiki/db/t.ini"), "site"),)
    assert of_tiki(Path("/tiki"), LocalPhp("h", "u", "p", "d")) == ()
