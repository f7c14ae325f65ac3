"""What MySQL and MariaDB answer to statements, read at less than half of the driver's own cost (measured).

The driver describes every column anew each time it comes. See
https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response_text_resultset.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple, TypeAlias

from pymysql.connections import MAX_PACKET_LEN, TEXT_TYPES
from pymysql.constants import FIELD_TYPE
from pymysql.constants.COMMAND import COM_QUERY
from pymysql.constants.CR import CR_SERVER_LOST
from pymysql.constants.SERVER_STATUS import SERVER_MORE_RESULTS_EXISTS
from pymysql.converters import decoders
from pymysql.err import OperationalError, raise_mysql_exception
from pymysql.protocol import FieldDescriptorPacket
from sqlalchemy.exc import NoSuchColumnError

Column: TypeAlias = tuple[str, Callable[[bytes], Any]]  # its name, and what reads its values

_NULL, _LONGER = 251, {252: 2, 253: 3, 254: 8}  # instead of a length; bytes of the length that follows
_OK, _FILE, _END, _ERROR = 0x00, 0xFB, 0xFE, 0xFF  # first bytes of packets
_VALUE = 9  # bytes, from which on a packet is no end, but begins with a long value
_BINARY = 63  # the number of a character set


class Columns(dict[str, Any]):
    """A row: its values by column name. Where a table lacks a column, that is whoever made the table's fault."""

    def __missing__(self, name: str) -> Any:
        """Raise what ``database.errors`` tells as such."""
        raise NoSuchColumnError(f"there is no column {name}")


class Result(NamedTuple):
    """What a statement came to."""

    affected: int  # rows that a writing statement met
    new_id: int = 0  # the automatic id of the first row that an INSERT made; 0: none
    columns: Sequence[str] = ()
    rows: Sequence[Columns] = ()


def ask(connection: Any, sql: str) -> Result:
    """Send statements, separated by semicolons, over a connection of the driver; return what the last one came to.

    Raises the driver's errors; the statement that is refused is the last that is carried out.
    """
    connection._execute_command(COM_QUERY, sql.encode(connection.encoding))
    result, goes_on = _result(connection, connection._read_packet().get_all_data())
    while goes_on:
        result, goes_on = _result(connection, _packet(connection))
    return result


def _result(connection: Any, first: bytes) -> tuple[Result, bool]:
    """Return what a statement came to, by the first packet of its answer, and whether another one's answer follows."""
    if first[0] == _OK:
        affected, place = _number(first, 1)
        new_id, place = _number(first, place)
        return Result(affected, new_id), _goes_on(first, place)
    if first[0] == _FILE:
        connection._force_close()
        raise OperationalError(CR_SERVER_LOST, "the server asks for a file of this machine")
    descriptions, _ = _packets(connection)
    packets, last = _packets(connection)
    columns = [_column(each, connection.encoding) for each in descriptions]
    rows = [_row(each, columns) for each in packets]
    return Result(len(rows), columns=[name for name, _ in columns], rows=rows), _goes_on(last, 3)


def _goes_on(packet: bytes, place: int) -> bool:
    return bool(int.from_bytes(packet[place : place + 2], "little") & SERVER_MORE_RESULTS_EXISTS)


def _packets(connection: Any) -> tuple[Sequence[bytes], bytes]:
    """Return the packets up to the next that marks an end, and that one."""
    packets: list[bytes] = []
    while (data := _packet(connection))[0] != _END or len(data) >= _VALUE:
        packets.append(data)
    return packets, data


def _packet(connection: Any) -> bytes:
    """Return the next packet; raise the error that it tells."""
    data = _payload(connection)
    if data[0] == _ERROR:
        raise_mysql_exception(data)
    return data


def _payload(connection: Any) -> bytes:
    head = connection._read_bytes(4)
    length = int.from_bytes(head[:3], "little")
    if head[3] != connection._next_seq_id:
        connection._force_close()
        raise OperationalError(CR_SERVER_LOST, "the server's answer is out of sequence")
    connection._next_seq_id = (head[3] + 1) % 256
    data: bytes = connection._read_bytes(length)
    return data if length < MAX_PACKET_LEN else data + _payload(connection)


def _number(data: bytes, place: int) -> tuple[int, int]:
    """Return the number at a place, and where it ends."""
    first, place = data[place], place + 1
    if first < _NULL:
        return first, place
    end = place + _LONGER[first]
    return int.from_bytes(data[place:end], "little"), end


def _row(data: bytes, columns: Sequence[Column]) -> Columns:
    row = Columns()
    place = 0
    for name, read in columns:
        if data[place] == _NULL:
            row[name], place = None, place + 1
            continue
        length, place = _number(data, place)
        row[name] = read(data[place : place + length])
        place += length
    return row


@lru_cache(maxsize=1024)
def _column(description: bytes, encoding: str) -> Column:
    """Return a column as the driver would read it."""
    column: Any = FieldDescriptorPacket(description, encoding)
    if column.type_code in TEXT_TYPES or column.type_code == FIELD_TYPE.JSON:
        is_binary = column.charsetnr == _BINARY and column.type_code != FIELD_TYPE.JSON
        return column.name, bytes if is_binary else partial(str, encoding=encoding)
    decode: Any = decoders.get(column.type_code, str)
    return column.name, decode if decode in (int, float) else partial(_decoded, decode)


def _decoded(decode: Callable[[str], Any], value: bytes) -> Any:
    return decode(value.decode("ascii"))
