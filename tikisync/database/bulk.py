"""Many rows for one prepared statement in one packet, as MariaDB takes them.

The server need not read literals, nor analyse the statement anew: half its work for an INSERT (measured). MySQL has no
such command. See https://mariadb.com/kb/en/com_stmt_bulk_execute/ (MariaDB 10.2.7 and newer).
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from pymysql.connections import Connection
from pymysql.constants import CLIENT, COMMAND, FIELD_TYPE

_CAN_BULK = 1 << 2  # of MariaDB's own capabilities, MARIADB_CLIENT_STMT_BULK_OPERATIONS
_COM_STMT_BULK_EXECUTE = b"\xfa"
_SEND_TYPES = 128  # a bulk flag: the packet says of which types the parameters are
_FILLER = slice(9, 32)  # of the packet that a client logs in with; MariaDB has its own capabilities in the last four
_FOLLOWS, _IS_NULL = b"\0", b"\1"  # indicators before each value


class Bulk(NamedTuple):
    """A statement with ``?`` for each parameter, and the types of those: ``str``, ``bytes`` or ``int``."""

    sql: str
    types: tuple[type, ...]


class DriverConnection(Connection):
    """PyMySQL's connection, which also tells MariaDB that it may be sent rows in bulk.

    See https://mariadb.com/kb/en/connection/ (Handshake Response Packet).
    """

    server_capabilities: int
    is_of_cluster = False  # the server is a node of a Galera cluster
    _sock: socket.socket

    @property
    def knows_bulk(self) -> bool:
        """Whether the server is a MariaDB that does: it leaves out the first capability, which all others have."""
        return not self.server_capabilities & CLIENT.LONG_PASSWORD

    def write_packet(self, payload: bytes) -> None:
        """Send a packet; of those that log in, the ones with capabilities have zeros in their middle."""
        if payload[_FILLER] == bytes(_FILLER.stop - _FILLER.start) and self.knows_bulk:
            flags = int.from_bytes(payload[:4], "little") & ~CLIENT.LONG_PASSWORD
            own = _CAN_BULK.to_bytes(4, "little")
            payload = flags.to_bytes(4, "little") + payload[4:28] + own + payload[_FILLER.stop :]
        super().write_packet(payload)


def prepared(connection: Any, bulk: Bulk) -> bytes:
    """Let a connection prepare a statement that gives no rows back; return what its packets with rows begin with.

    That is nothing where the server does not know bulk, and on a Galera cluster: there some rows are lost though the
    server says that they are kept (MariaDB 10.11, seen under ``scripts/chaos``). Raises the driver's errors.
    """
    if not connection.knows_bulk or connection.is_of_cluster:
        return b""
    connection._execute_command(COMMAND.COM_STMT_PREPARE, bulk.sql)
    answer = connection._read_packet().get_all_data()  # OK, the statement's id, how many columns and parameters
    for _ in range(int.from_bytes(answer[7:9], "little") + 1):  # each parameter, and the end of them
        connection._read_packet()
    types = b"".join([_TYPES[each].to_bytes(2, "little") for each in bulk.types])
    statement_id: bytes = answer[1:5]
    return _COM_STMT_BULK_EXECUTE + statement_id + _SEND_TYPES.to_bytes(2, "little") + types


def parameters(values: Iterable[Any]) -> bytes:
    """Return values as they follow one another in such a packet; those of a row come before those of the next."""
    return b"".join([_WRITTEN[type(value)](value) for value in values])


def _bytes(value: bytes) -> bytes:
    length = len(value)
    if length < 251:  # https://mariadb.com/kb/en/protocol-data-types/ (length encoded integers)
        return b"\0%c%b" % (length, value)
    if length < 1 << 16:
        return b"\0\xfc%b%b" % (length.to_bytes(2, "little"), value)
    return b"\0\xfe%b%b" % (length.to_bytes(8, "little"), value)


_TYPES: Mapping[type, int] = {str: FIELD_TYPE.VAR_STRING, bytes: FIELD_TYPE.BLOB, int: FIELD_TYPE.LONGLONG}
_WRITTEN: Mapping[type, Callable[[Any], bytes]] = {
    str: lambda value: _bytes(value.encode()),
    bytes: _bytes,
    int: lambda value: _FOLLOWS + value.to_bytes(8, "little", signed=True),
    type(None): lambda _value: _IS_NULL,
}
