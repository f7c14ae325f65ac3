"""What a rule makes of one payload: pure data, not yet looked at by any tracker."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tikisync.core.characters import narrowed
from tikisync.core.trackers import Json

WRITE, CLOSE, DELETE = "write", "close", "delete"

_JSON = json.JSONEncoder(sort_keys=True, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class ItemChange:
    """Write (or close, or delete) one tracker item.

    The item is the one with ``item_id``, or the one whose ``key`` fields hold these values (found: update, not
    found: create), or a new one where both are empty.
    """

    rule: str
    tracker: str  # name or id, as the rule says
    key: Mapping[str, Json] = field(default_factory=dict)  # permanent name → value
    item_id: int | None = None
    fields: Mapping[str, Json] = field(default_factory=dict)  # without nulls: those leave a field alone
    status: str | None = None  # o, p, c
    action: str = WRITE
    trust: Mapping[str, str] = field(default_factory=dict)  # permanent name → 'html' or 'wiki'
    version: str = ""  # as ``versions.version_text`` gives it; '': not compared, always applied

    def order_key(self) -> bytes | None:
        """Return 16 bytes that equal changes of one item share, so that they are applied in the order received."""
        if self.item_id is None and not self.key:
            return None
        identity: Json = [self.tracker.strip().casefold(), self.item_id, {name: str(v) for name, v in self.key.items()}]
        text = _JSON.encode(identity)
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()

    def narrowed(self) -> ItemChange:
        """Return the change with a space for each character that MySQL's older character sets cannot hold."""
        key = {name: narrowed(value) for name, value in self.key.items()}
        return replace(self, key=key, fields={name: narrowed(value) for name, value in self.fields.items()})
