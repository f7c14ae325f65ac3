"""Tiki's users and their groups: ``users_users``, ``users_usergroups``, ``tiki_group_inclusion``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tikisync.database import Transaction

ANONYMOUS, REGISTERED = "Anonymous", "Registered"


@dataclass(frozen=True, slots=True)
class User:
    """A Tiki user: login as stored, and the groups it is in, those its groups include among them."""

    user_id: int
    login: str
    email: str
    groups: tuple[str, ...]
    default_group: str
    default_category: int = 0  # what Tiki gives objects of this user that would be without one; 0: none


def find(tx: Transaction, login: str) -> User | None:
    """Return the user with exactly this login; SQL would also find others that differ in case or accents."""
    return tx.once(("user", login), lambda: _find(tx, login))


def _find(tx: Transaction, login: str) -> User | None:
    rows = tx.all(
        "SELECT u.userId, u.login, u.email, u.default_group, g.groupDefCat FROM users_users u "
        "LEFT JOIN users_groups g ON g.groupName = u.default_group WHERE u.login = :login",
        login=login,
    )
    row = next((row for row in rows if row["login"] == login), None)
    if row is None:
        return None
    members = tx.all("SELECT groupName FROM users_usergroups WHERE userId = :user", user=row["userId"])
    groups = with_included(tx, [str(member["groupName"]) for member in members])
    return User(
        user_id=int(row["userId"]),
        login=login,
        email=str(row["email"] or ""),
        groups=groups,
        default_group=str(row["default_group"] or _default_group(groups)),
        default_category=int(row["groupDefCat"] or 0),
    )


def with_included(tx: Transaction, direct: Sequence[str]) -> tuple[str, ...]:
    """Return the groups of somebody who was put into ``direct``; who is in none has none at all."""
    return _all_groups(direct, _inclusions(tx)) if direct else ()


def including(tx: Transaction) -> dict[str, tuple[str, ...]]:
    """Return all groups in which somebody in a group is, for each that includes others."""
    included = _inclusions(tx)
    return {group: _all_groups([group], included) for group in included}


def _inclusions(tx: Transaction) -> Mapping[str, Sequence[str]]:
    included: dict[str, list[str]] = {}
    for row in tx.all("SELECT groupName, includeGroup FROM tiki_group_inclusion"):
        included.setdefault(str(row["groupName"]), []).append(str(row["includeGroup"]))
    return included


def _all_groups(direct: Iterable[str], included: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Follow inclusions, round in circles too; everybody in a group is Registered (tikilib get_user_groups)."""
    found: dict[str, None] = {}
    waiting = list(direct)
    while waiting:
        group = waiting.pop(0)
        if group not in found:
            found[group] = None
            waiting += included.get(group, ())
    return tuple(found | {REGISTERED: None})


def _default_group(groups: Iterable[str]) -> str:
    """Return the first group of one's own, as Tiki does for users without a default (get_user_default_group)."""
    return next((group for group in groups if group not in (ANONYMOUS, REGISTERED, "")), REGISTERED)
