"""A connection to MySQL or MariaDB that never waits: statements go out and answers come in as the socket allows.

PyMySQL logs in and sees to encryption; after that the protocol is a question and an answer at a time. See
https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html (packets, COM_QUERY, OK and ERR packets).
"""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple, TypeAlias

from pymysql.constants.CR import CR_SERVER_LOST
from pymysql.err import MySQLError, OperationalError
from pymysql.protocol import MysqlPacket, OKPacketWrapper

from tikisync.database.literals import literals
from tikisync.errors import PassingError

_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_HEAD = 4  # bytes of a packet: its length in three, its number in one
_COM_QUERY = b"\3"


class Repeated(NamedTuple):
    """A statement that is the same again and again, but for a number in the place of its ``?``."""

    sql: str
    number: int


Command: TypeAlias = str | Repeated | bytes  # the latter: rows for the connection's bulk statement, as parameters


class NonBlockingConnection:
    """A connection in which each statement takes effect for good by itself (autocommit).

    It is for statements that give no rows back (INSERT, UPDATE, SELECT … INTO) and fit into a packet of 16 MiB.
    ``connection`` is PyMySQL's, logged in, and nobody else's from now on. ``bulk`` is what rows for its bulk statement
    are sent after, empty where it has none (``database.bulk``).
    """

    def __init__(self, connection: Any, bulk: bytes = b"") -> None:
        self._connection = connection
        self._bulk = bulk
        self._repeated = ""  # the statement that the server has prepared
        self._encoding: str = connection.encoding
        self._socket = connection._sock
        self._socket.setblocking(False)
        self._sending = memoryview(b"")
        self._received = bytearray()
        self._asked: deque[int] = deque()  # how many statements were sent together and have no answer yet
        self._failed = False  # one of the first of them did
        self._has_ended = False

    def fileno(self) -> int:
        """Return the socket's file descriptor, to be watched."""
        return int(self._socket.fileno())

    @property
    def takes_rows(self) -> bool:
        """Whether it has a bulk statement that rows can be sent for; and MariaDB's spelling of EXECUTE."""
        return bool(self._bulk)

    def send(self, statements: Sequence[Command]) -> bool:
        """Send statements, or begin to: return whether all has gone, and raise, as ``flush`` does.

        The server carries out one after the other, each whatever became of those before it.
        """
        payloads = [payload for each in statements for payload in self._payloads(each)]
        self._asked.append(len(payloads))
        packets = b"".join([len(each).to_bytes(_HEAD, "little") + each for each in payloads])
        self._sending = memoryview(self._sending.tobytes() + packets if self._sending else packets)
        return self.flush()

    def _payloads(self, statement: Command) -> Iterator[bytes]:
        """Yield what the server is to be told for a statement."""
        if isinstance(statement, bytes):
            yield self._bulk + statement
        elif isinstance(statement, str):
            yield _COM_QUERY + statement.encode(self._encoding, "surrogateescape")
        else:
            if statement.sql != self._repeated:
                self._repeated = statement.sql
                yield from self._payloads(f"PREPARE tikisync FROM {literals([statement.sql])}")
            yield from self._payloads(f"EXECUTE tikisync USING {statement.number}")

    def flush(self) -> bool:
        """Send as much as goes now; return whether all has gone. Call it again when the socket can be written to.

        Raises PassingError where the connection has ended.
        """
        with _errors_as_ours(), suppress(*_NOT_NOW):
            while self._sending:
                self._sending = self._sending[self._socket.send(self._sending) :]
        return not self._sending

    def answers(self) -> list[int | None]:
        """Return what became of statements sent together, for each time that by now all of them have an answer.

        That is how many rows the last of them affected, or None where the server refused one. Call it whenever there is
        something to read. Raises PassingError where the connection has ended and all that came before has been told:
        what has no answer may have taken effect.
        """
        complete: list[int | None] = []
        with _errors_as_ours():
            self._receive()
            while self._asked and (data := self._packet()) is not None:
                packet = MysqlPacket(data, self._encoding)
                if packet.is_error_packet():
                    self._failed = True
                    self._repeated = ""  # maybe it could not be prepared
                affected = None if self._failed else int(OKPacketWrapper(packet).affected_rows)
                self._asked[0] -= 1
                if not self._asked[0]:
                    self._asked.popleft()
                    complete.append(affected)
                    self._failed = False
            if self._has_ended and not complete:
                raise OperationalError(CR_SERVER_LOST, "the server has ended the connection")
        return complete

    def _receive(self) -> None:
        """Take all that is there: an encrypted socket may hold more than can be seen from outside."""
        with suppress(*_NOT_NOW):
            while chunk := self._socket.recv(1 << 16):
                self._received += chunk
            self._has_ended = True

    def _packet(self) -> bytes | None:
        end = _HEAD + int.from_bytes(self._received[:3], "little")
        if len(self._received) < max(end, _HEAD + 1):
            return None
        data = bytes(self._received[_HEAD:end])
        del self._received[:end]
        return data

    def close(self) -> None:
        """Close it, whatever it is in the middle of."""
        self._connection._force_close()


@contextmanager
def _errors_as_ours() -> Iterator[None]:
    try:
        yield
    except (MySQLError, OSError, ValueError) as error:  # the latter where the answer is none to such a statement
        raise PassingError(f"the database did not carry out a statement ({error})", reason="database_away") from error
