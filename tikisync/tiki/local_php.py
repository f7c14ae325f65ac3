"""Tiki's ``db/local.php``: how Tiki reaches its database (Tiki: db/tiki-db.php, lib/core/Tiki/TikiInit.php).

The file is PHP, but it is read as text and never run: plain assignments count, the last one wins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlencode

from tikisync.core.php_tokens import HTML, NUMBER, SYMBOL, TEXT, VARIABLE, WORD, Token, tokens
from tikisync.errors import SetupError

# Where MySQL and MariaDB put their socket (PHP: pdo_mysql.default_socket) on common systems.
SOCKETS = (
    "run/mysqld/mysqld.sock",
    "var/run/mysqld/mysqld.sock",
    "var/lib/mysql/mysql.sock",
    "run/mysql/mysql.sock",
    "tmp/mysql.sock",
)

_DEFAULTS = {"host_tiki": "localhost", "user_tiki": "root", "pass_tiki": "", "dbs_tiki": "tiki"}  # TikiInit.php
_OPTIONAL = (
    "db_tiki",
    "client_charset",
    "system_configuration_file",
    "system_configuration_identifier",
    "db_table_prefix",
    "shadow_host",
)
_NAMED = {"null": None, "true": "1", "false": ""}
_ENDS = {"return", "exit", "die"}
_OPAQUE = {"include", "include_once", "require", "require_once", "eval", "extract", "parse_str", "globals", "$",
           "endif", "endwhile", "endfor", "endforeach", "endswitch"}  # fmt: skip  # may have set any variable
_WAY_OUT = "write it there as plain text in quotes, or use [tiki] url instead of [tiki] path"


class _Unknown:
    """Stands for the value of a variable that only running the PHP code could tell."""


_UNKNOWN = _Unknown()
_Value = str | None | _Unknown


@dataclass(frozen=True, slots=True)
class LocalPhp:
    """What ``db/local.php`` says."""

    host: str
    user: str
    password: str = field(repr=False)
    database: str
    port: int | None = None
    socket: str | None = None  # None: connect to the host; '': the system's usual socket
    client_charset: str = "utf8mb4"
    system_configuration_file: str = ""
    system_configuration_identifier: str | None = None
    has_shadow: bool = False  # Tiki reads from a replica, which may lag behind what tikisync writes


def read(root: Path, site: str = "") -> LocalPhp:
    """Read ``db/local.php`` of the Tiki in ``root``, or ``db/SITE/local.php`` of one of its MultiTiki sites.

    Raises SetupError where it is missing, unreadable or can only be understood by running it.
    """
    if Path(site).name != site:
        raise SetupError(f"[tiki] site = {site} is no name of a site", hint="give one of the names in db/virtuals.inc")
    file = root / "db" / site / "local.php"
    try:
        source = file.read_bytes().decode("latin-1")
    except FileNotFoundError:
        sites = ", ".join(sorted(each.parent.name for each in root.glob("db/*/local.php")))
        raise SetupError(
            f"there is no Tiki in [tiki] path = {root}: {file} does not exist",
            hint=f"set [tiki] site to one of its sites: {sites}"
            if sites
            else "give the folder that holds tiki-index.php",
        ) from None
    except OSError as error:
        raise SetupError(
            f"{file} cannot be read: {error.strerror}",
            hint="let the user that tikisync runs as read it, or use [tiki] url instead of [tiki] path",
        ) from None
    return _local_php(_assignments(source, bytes(file.parent).decode("latin-1")))


def parse(source: str) -> LocalPhp:
    """Return what the PHP source of a ``db/local.php`` says; raises SetupError naming the variable at fault."""
    return _local_php(_assignments(source.encode("utf-8", "surrogateescape").decode("latin-1"), "db"))


def url(local: LocalPhp, root: Path = Path("/")) -> str:
    """Return the database URL of these credentials; the usual places of the socket are looked up below ``root``.

    ``localhost`` means the socket, as in PHP; where none is found, TCP on 127.0.0.1.
    """
    host, socket, options = local.host, local.socket, {"charset": "utf8mb4"}
    if socket == "":
        socket = next((str(root / place) for place in SOCKETS if _is_socket(root / place)), None)
        host = host if socket else "127.0.0.1"
    if socket:
        options["unix_socket"] = socket
    address = f"[{host}]" if ":" in host else quote(host, safe="")
    port = f":{local.port}" if local.port and not socket else ""
    credentials = f"{quote(local.user, safe='')}:{quote(local.password, safe='')}"
    return f"mysql+pymysql://{credentials}@{address}{port}/{quote(local.database, safe='')}?{urlencode(options)}"


def _is_socket(path: Path) -> bool:
    try:
        return path.is_socket()
    except PermissionError:  # a folder on the way is closed to us
        return False


def _local_php(values: Mapping[str, _Value]) -> LocalPhp:
    if _text(values, "db_tiki") not in ("", "mysql", "mysqli"):
        raise SetupError("db/local.php: $db_tiki names a database other than MySQL or MariaDB")
    if _text(values, "db_table_prefix"):
        raise SetupError("db/local.php: $db_table_prefix is set; tikisync does not work with prefixed tables")
    charset = _text(values, "client_charset") or "utf8mb4"
    if charset.lower() not in ("utf8mb4", "utf8", "utf8mb3"):
        raise SetupError(
            f"db/local.php: with $client_charset = {charset} the text in Tiki's database is encoded twice",
            hint="convert the database to utf8mb4 first (doc.tiki.org: Understanding Encoding)",
        )
    host, port, socket = _address(_text(values, "host_tiki"))
    identifier = values["system_configuration_identifier"]
    return LocalPhp(
        host=host,
        user=_text(values, "user_tiki"),
        password=_text(values, "pass_tiki"),
        database=_text(values, "dbs_tiki"),
        port=port,
        socket=socket,
        client_charset=charset,
        system_configuration_file=_text(values, "system_configuration_file"),
        system_configuration_identifier=None
        if identifier is None
        else _text(values, "system_configuration_identifier"),
        has_shadow=values["shadow_host"] is not None,
    )


def _address(text: str) -> tuple[str, int | None, str | None]:
    """Return host, port and socket of what Tiki puts after ``mysql:host=`` (php.net: PDO_MYSQL DSN)."""
    host, *rest = (part.strip() for part in text.split(";"))
    options = dict(part.split("=", 1) for part in rest if "=" in part)
    if host.count(":") == 1:
        host, options["port"] = host.split(":")
    elif host in ("localhost", ""):
        return "localhost", None, options.get("unix_socket", "")
    port = options.get("port", "")
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise SetupError("db/local.php: $host_tiki has a port that is no number from 1 to 65535")
    return host.strip("[]"), int(port) if port else None, None


def _text(values: Mapping[str, _Value], name: str) -> str:
    value = values[name]
    try:
        if not isinstance(value, _Unknown):
            return (value or "").encode("latin-1").decode()
    except UnicodeDecodeError:
        raise SetupError(f"db/local.php: ${name} is not UTF-8 text", hint=_WAY_OUT) from None
    raise SetupError(f"db/local.php: ${name} is worked out by PHP code that tikisync does not run", hint=_WAY_OUT)


def _assignments(source: str, folder: str) -> Mapping[str, _Value]:
    """Return the variables' values at the end of the file, as bytes decoded as ISO 8859-1."""
    values: dict[str, _Value] = {**_DEFAULTS, **dict.fromkeys(_OPTIONAL)}
    for statement in _statements(source):
        first, *rest = statement
        if first.kind == WORD and first.text.lower() in _ENDS:
            break
        value: _Value = _UNKNOWN
        if first.kind == VARIABLE and rest and rest[0] == Token(SYMBOL, "="):
            value = _literal(rest[1:], values, folder)
        if isinstance(value, _Unknown):
            touched = {token.text for token in statement if token.kind == VARIABLE}
            if any(token.text.lower() in _OPAQUE for token in statement if token.kind != TEXT):
                touched |= values.keys()
            values.update(dict.fromkeys(touched, _UNKNOWN))
        else:
            values[first.text] = value
    return values


def _statements(source: str) -> Iterator[Sequence[Token]]:
    statement: list[Token] = []
    depth = 0
    for token in tokens(source):
        if token.kind == HTML:
            continue
        if token.kind == SYMBOL:
            depth += (token.text in "([{") - (token.text in ")]}")
        if depth == 0 and token.kind == SYMBOL and token.text in ";}":
            if statement:
                yield statement
            statement = []
        else:
            statement.append(token)


def _literal(parts: Sequence[Token], values: Mapping[str, _Value], folder: str) -> _Value:
    if len(parts) % 2 == 0 or any(part != Token(SYMBOL, ".") for part in parts[1::2]):
        return _UNKNOWN
    texts: list[str | None] = []
    for part in parts[::2]:
        value = _operand(part, values, folder)
        if isinstance(value, _Unknown):
            return _UNKNOWN
        texts.append(value)
    return texts[0] if len(texts) == 1 else "".join(text or "" for text in texts)


def _operand(token: Token, values: Mapping[str, _Value], folder: str) -> _Value:
    if token.kind == TEXT or (token.kind == NUMBER and re.fullmatch("0|[1-9][0-9]{0,17}", token.text)):
        return token.text
    if token.kind == VARIABLE:
        return values.get(token.text, _UNKNOWN)
    if token.kind == WORD:
        return folder if token.text == "__DIR__" else _NAMED.get(token.text.lower(), _UNKNOWN)
    return _UNKNOWN
