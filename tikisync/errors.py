"""Every error tikisync raises on purpose, by whose fault it is.

::

    TikisyncError
    ├── SenderError            what arrived cannot be used; never retried
    │   ├── PayloadError           the body cannot be read as what it claims to be
    │   ├── FieldValueError        a value does not fit its tracker field
    │   └── DataRefusedError       the database has no room for a value
    ├── SetupError             an admin can mend it; never retried
    │   ├── ConfigError            the config file, all its problems at once
    │   ├── RuleError              a rule does not fit its tracker, or its expression fails
    │   ├── TikiError              the Tiki database is not as it must be
    │   └── NotPermittedError      the handler's user may not do this in Tiki
    └── PassingError           trouble that goes away by itself; tried again
        └── ConflictError          a deadlock or lock wait: the transaction can simply run again

Anything else that is raised is a bug of ours: 500, logged in full, tried again like passing trouble.
The consequences stand on the classes: ``http_status``, ``exit_code``, ``retried``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class TikisyncError(Exception):
    """An error with a sentence for people, a ``hint`` how to mend it and a ``reason`` for machines."""

    reason: str = "internal"
    http_status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1
    retried: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str = "", reason: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if reason:
            self.reason = reason


class SenderError(TikisyncError):
    """What the sender sent cannot be used; trying again cannot help."""

    reason = "sender"
    http_status = 400


class PayloadError(SenderError):
    """A body that is not readable as what it claims to be, or exceeds a bound."""

    reason = "payload_unreadable"


class FieldValueError(SenderError):
    """A value that a tracker field cannot hold; ``rule`` is filled in where it is known."""

    reason = "invalid_value"

    def __init__(self, field: str, message: str, *, rule: str = "", hint: str = "", reason: str = "") -> None:
        super().__init__(message, hint=hint, reason=reason)
        self.field = field
        self.rule = rule

    def __str__(self) -> str:
        where = f"rule {self.rule}, " if self.rule else ""
        return f"{where}field {self.field}: {self.message}"


class DataRefusedError(SenderError):
    """The database cannot hold a value: too long, or characters its column has no room for."""

    reason = "value_refused"


class SetupError(TikisyncError):
    """Something an admin set up, here or in Tiki, does not work; the message names the setting."""

    reason = "setup"
    exit_code = 2


class ConfigError(SetupError):
    """The config file cannot be used; ``problems`` holds a sentence for each problem."""

    reason = "config"

    def __init__(self, source: str, problems: Sequence[str]) -> None:
        super().__init__(f"{source}: " + "; ".join(problems))
        self.source = source
        self.problems = tuple(problems)


class RuleError(SetupError):
    """A rule does not fit the tracker it names, or one of its expressions cannot be evaluated."""

    reason = "rule"

    def __init__(self, rule: str, message: str, *, hint: str = "", reason: str = "") -> None:
        super().__init__(message, hint=hint, reason=reason)
        self.rule = rule

    def __str__(self) -> str:
        return f"rule {self.rule}: {self.message}"


class TikiError(SetupError):
    """The Tiki database lacks something or holds something that tikisync cannot work with."""

    reason = "tiki"


class NotPermittedError(SetupError):
    """The handler's Tiki user may not do what the rule asks; grant it in Tiki or change the user."""

    reason = "not_permitted"


class PassingError(TikisyncError):
    """Trouble that passes: the database is away, a lock was not to be had."""

    reason = "passing"
    http_status = 503
    retried = True


class ConflictError(PassingError):
    """Another transaction was in the way (deadlock, lock wait, changed snapshot)."""

    reason = "conflict"
