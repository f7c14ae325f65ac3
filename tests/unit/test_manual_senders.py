"""What the manual says of senders is so."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests import manual_pages
from tests.manual_pages import PAGES
from tests.signed_requests import BODY, handler_for, signed
from tikisync.config import load
from tikisync.core.recipes.choice import for_handler, inferred
from tikisync.core.recipes.senders import RECIPES
from tikisync.core.verification import Refused, Verified, verify

SENDERS = PAGES["senders"]
HAVE_NO_HEADER = {"hmac", "token", "bearer", "basic", "url-secret", "mailchimp"}


def rows() -> list[tuple[list[str], list[str]]]:
    """The recipes of each row, with their asterisks, and the headers."""
    table = SENDERS.read_text("utf-8").partition("| sender | recipe |")[2].partition("\n\n")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return [(re.findall(r"`([a-z0-9-]+`(?: [*])?)", row[1]), row[2].lower().split(", ")) for row in cells]


def test_each_recipe_is_in_the_table_of_senders() -> None:
    named = [recipe.partition("`")[0] for recipes, _ in rows() for recipe in recipes]
    assert sorted(named) == sorted(RECIPES)


def test_the_headers_of_the_table_are_those_of_the_recipes() -> None:
    for recipes, headers in rows():
        names = {recipe.partition("`")[0] for recipe in recipes} - HAVE_NO_HEADER
        places = {place.removeprefix("headers.") for name in names for place in RECIPES[name].signature}
        if names:
            assert set(headers) <= {place.replace("#", "1") for place in places}
            for name in names:
                own = {place.removeprefix("headers.").replace("#", "1") for place in RECIPES[name].signature}
                assert own & set(headers)


def test_the_table_says_which_recipes_are_inferred() -> None:
    for recipes, _ in rows():
        for entry in recipes:
            recipe = RECIPES[entry.partition("`")[0]]
            header = recipe.signature[0].removeprefix("headers.") if recipe.signature else "X-Signature"
            handler = replace(handler_for(recipe), signature_header=header, algo=recipe.algorithm)
            found = inferred(handler)
            assert ("*" in entry) == bool(found and found.name == recipe.name), entry
            assert found == for_handler(handler, {})


def by_sender() -> dict[str, str]:
    """The text about each sender, by its name."""
    parts = re.split(r"^### (.*)$", manual_pages.sections(SENDERS)["One by one"], flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_table_leads_to_each_sender_of_the_page() -> None:
    linked = re.findall(r"\[[^]]+\]\(#([\w-]+)\)", SENDERS.read_text("utf-8").partition("\n\n- ")[0])
    anchors = [manual_pages.anchor(name) for name in by_sender()]
    assert linked == [*anchors, "a-sender-that-is-not-in-the-list"]
    told = " ".join(" ".join(by_sender().values()).split())
    named = {name for names in re.findall(r"recipe = ([a-z0-9-]+)(?:` or `([a-z0-9-]+)`)?", told) for name in names}
    assert named - {""} == set(RECIPES) - {"hmac", "token", "bearer", "basic", "url-secret"}


@pytest.mark.parametrize("sender", by_sender())
def test_what_the_sender_signs_is_verified_as_its_snippets_say(tmp_path: Path, sender: str) -> None:
    """The handler is as Tiki's admin makes it by the page, the config the snippet, and our own signer signs."""
    text = by_sender()[sender]
    [snippet] = re.findall(r"```ini\n(.*?)```", text, re.DOTALL)
    path = tmp_path / "config.ini"
    path.write_text(f"[tiki]\nurl = mysql+pymysql://u:p@h/d\n{snippet}")
    [(name, settings)] = load(path, {}).handlers.items()
    assert settings.recipe is not None
    in_tiki = manual_pages.words(text.partition("- In Tiki: ")[2].partition("secret:")[0])
    header, *algorithm = [*in_tiki, *[""][len(in_tiki) :]]
    handler = replace(handler_for(settings.recipe), name=name, signature_header=header, algo=(*algorithm, "sha256")[0])
    recipes = {name: settings.recipe}
    request = signed(settings.recipe, handler=handler)

    assert isinstance(verify(request, [handler], recipes), Verified)
    assert isinstance(verify(replace(request, body=BODY + b" "), [handler], recipes), Refused) == (
        settings.recipe.scheme != "token"
    )
    assert settings.recipe.signature[0].removeprefix("headers.").replace("#", "1") in (header.lower(), "query.secret")
