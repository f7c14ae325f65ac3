"""Recorded webhooks of real senders, signed anew: they verify, and say where the recipe expects what they hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.signed_requests import handler_for, recipe_named, signed, unsigned
from tikisync.core.handlers import Verified
from tikisync.core.recipes.parts import Parts
from tikisync.core.verification import verify

SAMPLES = Path(__file__).parents[3] / "shared" / "samples"
NAMES = {"paddlebilling": "paddle", "gitlab": "gitlab-token"}  # of recipes, where the folder is called otherwise
LACKING = {  # a recording from before GitLab sent it; the body of a HubSpot workflow, which is no event
    "gitlab": {"headers.idempotency-key"},
    "hubspot": {"body.0.occurredAt", "body.0.subscriptionType"},
}
FILES = sorted(SAMPLES.glob("*/*.json"))


@pytest.mark.skipif(not FILES, reason="the samples are not laid beside this project")
@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_a_recorded_webhook_verifies_and_holds_what_its_recipe_looks_for(file: Path) -> None:
    sample: dict[str, Any] = json.loads(file.read_text())
    recipe = recipe_named(NAMES.get(file.parent.name, file.parent.name))
    headers = tuple((name.lower().encode(), str(value).encode()) for name, value in sample["headers"].items())
    body = json.dumps(sample["body"], separators=(",", ":")).encode()
    recorded = unsigned(body, *headers)
    expected = {recipe.delivery_id, recipe.event_time, recipe.topic} - {""}
    found = {place for place in expected if len(Parts(recorded).at(place)) == 1}
    assert expected - found == LACKING.get(file.parent.name, set())
    request = signed(recipe, recorded)
    handler = handler_for(recipe)
    assert isinstance(verify(request, [handler], {handler.name: recipe}), Verified)
