"""Tiki's webhook handlers, as its admin UI keeps them (table ``tiki_webhooks``, Tiki 25 and newer)."""

from __future__ import annotations

from collections.abc import Sequence

from tikisync.core.verification import Handler
from tikisync.database import Transaction

COLUMNS = ("webhookId", "name", "user", "verification", "algo", "signatureHeader", "secret")
_COLUMNS = ", ".join(f"`{column}`" for column in COLUMNS)


def load(transaction: Transaction) -> Sequence[Handler]:
    """Return all handlers in the order Tiki tries them, whether or not the feature is switched on.

    Raises TikiError where the table is missing: the Tiki is older than 25.
    """
    rows = transaction.all(f"SELECT {_COLUMNS} FROM `tiki_webhooks` ORDER BY `webhookId`")  # noqa: S608  names of ours, no value
    # A join would fail on sites where the two tables' collations differ, and would take any spelling of a login.
    users = {row["user"] for row in rows}
    found = transaction.all("SELECT `login` FROM `users_users` WHERE `login` IN :users", users=users) if users else ()
    logins = {row["login"] for row in found}
    return [
        Handler(
            handler_id=int(row["webhookId"]),
            name=row["name"] or "",
            user=row["user"] or "",
            verification=row["verification"] or "",
            algo=row["algo"] or "",
            signature_header=row["signatureHeader"] or "",
            secret=row["secret"] or "",
            user_exists=row["user"] in logins,
        )
        for row in rows
    ]
