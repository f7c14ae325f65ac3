"""What a field of a given type stores for a value, with answers in place of a database."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tikisync.core.fields import FIELD_TYPES
from tikisync.core.fields.kind import Context, Stored
from tikisync.core.questions import Answers
from tikisync.core.trackers import Field, Json

CREATE = Context(user="hook", now=1_700_000_000, creating=True, default_group="Sync")
UPDATE = replace(CREATE, creating=False)


def field(code: str, **options: Any) -> Field:
    return Field(10, 2, "theField", code, options=options)


def stored(definition: Field, value: Json, context: Context = CREATE, **known: Any) -> Stored:
    context = replace(context, answers=Answers(known.get("answers", {})))
    asked = list(FIELD_TYPES[definition.type].questions(definition, value, context))
    for question in asked:
        assert context.answers[question] is not NotImplemented  # every question asked is one the test answers
    return FIELD_TYPES[definition.type].encode(definition, value, context)
