"""The wiki page with rules (``tiki_pages``), and whether Tiki lets only administrators change it (Tiki 24.4)."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

from tikisync.core.rules_page import PAGE, Page, administrators, who_may_change
from tikisync.database import Transaction
from tikisync.tiki import permissions, users
from tikisync.tiki.preferences import Preferences

_ANOTHER = "let an administrator make a page of another name, and name that in [rules] page"
RIGHTS = "SELECT (pageName, data, version, lastModif, user, creator, is_html)"


def stamp(tx: Transaction, name: str) -> tuple[int, int] | None:
    """Return what differs after every save of a page: its version and time; None where there is no such page."""
    row = tx.first("SELECT version, lastModif FROM tiki_pages WHERE pageName = :name", name=name)
    return (int(row["version"]), int(row["lastModif"] or 0)) if row else None


def load(tx: Transaction, name: str) -> Page | None:
    """Return the page of this name, None where there is none; SQL takes it in any case, as Tiki does."""
    sql = "SELECT pageName, data, version, lastModif, `user`, creator, is_html FROM tiki_pages WHERE pageName = :name"
    row = tx.first(sql, name=name)
    if row is None:
        return None
    return Page(
        name=str(row["pageName"]),
        text=row["data"] or "",
        version=int(row["version"]),
        modified=int(row["lastModif"] or 0),
        author=row["user"] or "",
        creator=row["creator"] or "",
        is_html=bool(row["is_html"]),
    )


def objections(tx: Transaction, page: Page, preferences: Preferences) -> Iterator[tuple[str, str]]:
    """Yield what speaks against trusting a page, and what to do: others than administrators may change it, or did."""
    levels = permissions.levels_of(tx, [(PAGE, page.name)], preferences)
    admins = administrators(levels, users.including(tx))
    where, others = who_may_change(levels, page.name, admins)
    if others:
        told = ", ".join(f"{group} ({permission})" for group, permission in others[:3])
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        address = "tiki-objectpermissions.php?" + urlencode(
            {"objectType": PAGE, "objectId": page.name, "objectName": page.name, "permType": "wiki"}
        )
        yield (
            f"others than administrators may change it, and so what webhooks write: {told}{more}, by {where}",
            f"give the page permissions of its own, which leave these to Admins: in Tiki, {address}",
        )
    if preferences.is_on("wiki_creator_admin") and not _is_admin(tx, page.creator, admins):
        who = page.creator or "a visitor"
        yield f"its creator, {who}, may change it (preference wiki_creator_admin) and is no administrator", _ANOTHER
    prefix = preferences["feature_wiki_userpage_prefix"].lower()
    if preferences.is_on("feature_wiki_userpage") and prefix and page.name.lower().startswith(prefix):
        yield f"its name makes it a user's own page ({page.name[: len(prefix)]}…), which that user may change", _ANOTHER
    if not _is_admin(tx, page.author, admins):
        yield (
            f"it was saved last by {page.author or 'a visitor'}, who is no administrator",
            "look at what was changed (the page's history), and save it again as an administrator",
        )


def _is_admin(tx: Transaction, login: str, admins: frozenset[str]) -> bool:
    user = users.find(tx, login)
    return user is not None and not admins.isdisjoint(user.groups)
