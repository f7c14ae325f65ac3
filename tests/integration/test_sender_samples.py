"""Recorded webhooks of real senders, signed anew: they verify, and say where the recipe expects what they hold."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.signed_requests import handler_for, recipe_named, signed, unsigned
from tikisync.core.handlers import Verified
from tikisync.core.recipes.parts import Parts
from tikisync.core.verification import verify

SAMPLES = Path(__file__).parents[3] / "shared" / "samples"
NAMES = {"paddlebilling": "paddle", "gitlab": "gitlab-token"}  # of recipes, where the folder is called otherwise
OWN = {"webhook-id", "idempotency-key"}  # what these recordings are too old to hold
FILES = sorted(SAMPLES.glob("*/*.json"))


@pytest.mark.skipif(not FILES, reason="the samples are not laid beside this project")
@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_a_recorded_webhook_verifies_and_holds_what_its_recipe_looks_for(file: Path) -> None:
    sample: dict[str, Any] = json.loads(file.read_text())
    recipe = recipe_named(NAMES.get(file.parent.name, file.parent.name))
    headers = tuple((name.lower().encode(), str(value).encode()) for name, value in sample["headers"].items())
    body = json.dumps(sample["body"], separators=(",", ":")).encode()
    recorded = unsigned(body, *headers)
    missing = {
        place
        for place in (recipe.delivery_id, recipe.event_time, recipe.topic)
        if place and len(Parts(recorded).at(place)) != 1 and place.removeprefix("headers.") not in OWN
    }
    assert not missing or file.parent.name in ("hubspot", "woocommerce")  # a workflow's body; a coupon without dates
    request = signed(recipe, replace(recorded, headers=headers))
    handler = handler_for(recipe)
    assert isinstance(verify(request, [handler], {handler.name: recipe}), Verified)
