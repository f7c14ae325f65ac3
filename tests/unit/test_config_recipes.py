"""``recipe`` and ``recipe.*`` of [handler NAME]: read with the rest of the config, problems told with theirs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tikisync.config import Config, load
from tikisync.core.recipes.senders import RECIPES
from tikisync.errors import ConfigError

TIKI = "[tiki]\nurl = sqlite:///tiki.db\n"
EXAMPLE = Path(__file__).parents[2] / "config.example.ini"


def loaded(folder: Path, text: str) -> Config:
    file = folder / "config.ini"
    file.write_text(TIKI + text, encoding="utf-8")
    return load(file, {})


def problems(folder: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text)
    return caught.value.problems


def test_a_recipe_is_chosen_and_adjusted(tmp_path: Path) -> None:
    config = loaded(tmp_path, "[handler Pay]\nrecipe = stripe\nrecipe.tolerance = 10 min\nduplicates = id\n")
    pay = config.handlers["Pay"]
    assert pay.recipe and pay.recipe.name == "stripe"
    assert (pay.recipe.tolerance, pay.duplicates, pay.topic_place) == (600_000, "id", "body.type")
    assert config.recipes == {"Pay": pay.recipe}


def test_the_public_address_counts_wherever_it_stands_in_the_file(tmp_path: Path) -> None:
    config = loaded(tmp_path, "[handler SMS]\nrecipe = twilio\n[server]\npublic_url = https://wiki.example.org/tiki/\n")
    assert config.server.public_url == "https://wiki.example.org/tiki"
    recipe = config.recipes["SMS"]
    assert recipe.public_url == "https://wiki.example.org/tiki"


def test_a_topic_that_the_handler_names_stands_above_the_recipes(tmp_path: Path) -> None:
    config = loaded(tmp_path, "[handler Shop]\nrecipe = shopify\ntopic = X-Topic\n[handler Pay]\ntopic = X-Event\n")
    assert config.handlers["Shop"].topic_place == "headers.x-topic"
    assert config.handlers["Pay"].topic_place == "headers.x-event"
    assert loaded(tmp_path, "[handler Pay]\nduplicates = id\n").handlers["Pay"].topic_place == ""


def test_the_routing_of_deliveries_follows_the_topics_place(tmp_path: Path) -> None:
    told = {
        loaded(tmp_path, f"[handler Pay]\n{lines}").fingerprint
        for lines in ("", "recipe = stripe\n", "recipe = stripe\nrecipe.topic = body.kind\n")
    }
    assert len(told) == 3


@pytest.mark.parametrize(
    ("lines", "where", "what"),
    [
        ("recipe = stirpe", "recipe (line 4)", "there is no recipe 'stirpe'; did you mean stripe?; there are plain, "),
        ("recipee = stripe", "recipee (line 4)", "there is no such key; did you mean recipe?"),
        ("recipe = github\nrecipe.prefx = v1=", "recipe.prefx (line 5)", "there is nothing so to adjust; did you mean"),
        ("recipe = github\nrecipe.encoding = morse", "recipe.encoding (line 5)", "give one of hex, base64"),
        ("recipe.encoding = hex", "recipe.encoding (line 4)", "say which recipe it adjusts, such as recipe = hmac"),
        ("recipe = plain\nrecipe.prefix = x", "recipe.prefix (line 5)", "there is nothing so to adjust"),
        ("recipe = square", "recipe (line 4)", "Square signs the address too; set [server] public_url, or recipe.url"),
        ("recipe = paypal", "recipe.webhook_id (line 3)", "PayPal signs it too"),
        ("recipe = github\ntopc = X", "topc (line 5)", "there is no such key; did you mean topic?"),
    ],
)
def test_each_problem_is_told_where_it_stands_with_what_would_be_right(
    tmp_path: Path, lines: str, where: str, what: str
) -> None:
    (problem,) = problems(tmp_path, f"[handler A]\n{lines}\n")
    assert problem.startswith(f"[handler A] {where}: {what}")


@pytest.mark.parametrize(
    "url", ["wiki.example.org", "ftp://a", "https://", "https://a b", "https://a?x=1", "https://u@a"]
)
def test_an_address_that_is_none_is_told_once_though_recipes_need_it(tmp_path: Path, url: str) -> None:
    (problem,) = problems(tmp_path, f"[server]\npublic_url = {url}\n[handler A]\nrecipe = twilio\n")
    assert problem.startswith("[server] public_url (line 4): give the address of your Tiki as senders know it, such as")


def test_the_example_shows_complete_sections_of_senders(tmp_path: Path) -> None:
    shown = re.findall(r"^;   (\[handler .*|recipe.* = .*)$", EXAMPLE.read_text(), re.MULTILINE)
    config = loaded(tmp_path, "\n".join(shown))
    assert {each.name for each in config.recipes.values()} == {"stripe", "slack", "twilio", "paypal"}


def test_the_example_names_each_recipe_that_there_is() -> None:
    listed = EXAMPLE.read_text().partition("\n; Recipes: ")[2].partition(".\n")[0]
    assert set(re.split(r"[,;\s]+", listed)) == {"plain", *RECIPES}
