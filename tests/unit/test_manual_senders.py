"""What the manual says of senders is so."""

from __future__ import annotations

import re
from dataclasses import replace

from tests.manual_pages import PAGES
from tests.signed_requests import handler_for
from tikisync.core.recipes.choice import for_handler, inferred
from tikisync.core.recipes.senders import RECIPES

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
