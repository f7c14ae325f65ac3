"""What a check finds."""

from __future__ import annotations

from dataclasses import dataclass

ERROR, WARNING = "error", "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not work (error) or works less well than it could (warning)."""

    level: str
    where: str
    message: str
    hint: str
