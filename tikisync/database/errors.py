"""What an error of the driver means, by whose fault it is."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import exc as sa

from tikisync.errors import ConflictError, DataRefusedError, PassingError, SetupError, TikiError

# MySQL and MariaDB error numbers (the reference manuals' server and client error lists).
_CONFLICTS = {1020, 1205, 1213, 3572}  # changed snapshot, lock wait, deadlock, NOWAIT
PASSING = {1021, 1040, 1041, 1047, 1053, 1114, 1129, 1158, 1159, 1160, 1161, 1180, 1203, 1226, 1290, 1317, 1836, 1927,
            2002, 2003, 2006, 2013, 2014, 2055, 4031}  # fmt: skip
_DENIED = {1044, 1045, 1142, 1143, 1227, 1370, 1698}
_MISSING = {1049, 1054, 1146}
_NO_TLS = 2026
_REFUSED = {1267, 1366, 3854}  # characters (also to compare with) or a number that the column cannot hold
_NO_DEFAULT = 1364
_STATEMENT_BINLOG = 1665


def translated(error: Exception, url: str) -> Exception:
    """Return the error of ours that a driver's or SQLAlchemy's error means, or the error itself where it is a bug.

    ``url``: the database's, without its password, for the sentence.
    """
    original = getattr(error, "orig", None) or error
    arguments: tuple[Any, ...] = getattr(original, "args", ())
    number = arguments[0] if arguments and isinstance(arguments[0], int) else 0
    message = re.sub(r"\s+", " ", str(arguments[1] if number and len(arguments) > 1 else original))
    if number in _CONFLICTS or "database is locked" in message:
        return ConflictError(f"another transaction was in the way ({message})")
    if number == _NO_TLS or "CERTIFICATE_VERIFY_FAILED" in message:
        return SetupError(
            f"the connection to the database cannot be encrypted ({message})",
            hint="check what the database URL says about ssl_…, and the server's own certificate",
            reason="database_tls",
        )
    if isinstance(error, sa.TimeoutError) or number in PASSING or getattr(error, "connection_invalidated", False):
        return PassingError(f"the database is away or overloaded ({message})", reason="database_away")
    if number in _DENIED:
        return SetupError(
            f"the database refuses the user tikisync connects as ({message})",
            hint="grant that user the rights that `tikisync grants` prints",
            reason="database_denied",
        )
    missing = number in _MISSING or isinstance(error, sa.NoSuchColumnError)
    if missing or "no such table" in message or "no such column" in message:
        return TikiError(
            f"the database lacks a table or column ({message})",
            hint="run `tikisync setup` for tikisync's own tables; for Tiki's, check that the database is the Tiki's",
            reason="database_incomplete",
        )
    if number == _NO_DEFAULT:
        return TikiError(
            f"a table of the database has a column that tikisync does not know ({message})",
            hint="`tikisync check` names it and says what to do",
            reason="database_incomplete",
        )
    if any(told in message for told in ("unable to open database", "not a database", "readonly database")):
        return SetupError(
            f"the database {url} cannot be used ({message})",
            hint="check the path, and that the user tikisync runs as may write the file and its folder",
            reason="database_denied",
        )
    if number == _STATEMENT_BINLOG:
        return SetupError(
            f"the server does not write down our kind of transaction in its binary log ({message})",
            hint="set binlog_format = ROW (or MIXED) in the server's configuration, or replicate without it",
            reason="binlog_format",
        )
    if isinstance(error, sa.DataError) or number in _REFUSED:
        message = re.sub(r"(value|string):? '.*' (for|from)", r"\1 \2", message)  # it may be anybody's secret
        return DataRefusedError(f"the database refuses a value ({message})")
    return error
