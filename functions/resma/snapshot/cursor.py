"""Reading of rows with a server-side cursor, in batches of up to a thousand rows."""

from __future__ import annotations

import math
import select
from collections.abc import Generator, Iterator, Mapping
from typing import Any

import psycopg
from psycopg import Connection, abc, pq, sql
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.rows import TupleRow
from psycopg.types.string import TextLoader

from resma.report.rows import Batch, Row

BATCH_ROWS = 1000
"""Rows per FETCH. They fit into the processor's cache; 2,000 do not: 0.37 s for 500 thousand rows instead of 0.39 s."""

FETCHES_IN_FLIGHT = 2
"""Number of FETCH statements in flight: the server prepares a batch while another is written. More are not faster."""

BATCH_BYTES = 512 * 1024
"""Target size of a batch of wide rows. A batch contains at least one row."""

CHUNK_BYTES = 1024 * 1024
"""Maximum size of the rows that libpq buffers at once, estimated from the longest row. It buffers at least one row."""

_FIRST_ROWS = 100
_SAMPLE = 20
_CURSOR = "resma_report"


def read_batches(
    connection: Connection[TupleRow], query: sql.Composed, values: Mapping[str, Any], row_bytes: int
) -> Generator[Batch, None, None]:
    """Yields all rows of the query, in the open transaction. psycopg's errors are not translated.

    `row_bytes` is the maximum length of a row (`row_width.py`). If a thousand such rows do not fit into memory, libpq
    returns the result of a FETCH in chunks (libpq's chunked rows mode). If the iteration is not completed, the
    connection is closed, because rows may be in flight.
    """
    declare_cursor(connection, _CURSOR, query, values)
    return_bytes(connection)
    finished = False
    try:
        yield from map(Batch, RowFetcher(connection, _CURSOR).fetch(row_bytes))
        finished = True
    finally:
        if not finished:
            connection.close()


def declare_cursor(
    connection: Connection[TupleRow], name: str, query: sql.Composable, values: Mapping[str, Any]
) -> None:
    """Declares a server-side cursor, which exists until it is closed or the transaction ends."""
    declare = sql.SQL("DECLARE {} NO SCROLL CURSOR FOR ").format(sql.Identifier(name))
    connection.execute(declare + query, values)


def return_bytes(connection: Connection[TupleRow]) -> None:
    """Makes psycopg return strings as bytes, which writers need, until the transaction ends, or `return_strings`.

    Strings of servers with an encoding other than UTF-8 are converted via str. No statement with strings beyond ASCII
    can be sent until then.
    """
    if connection.info.parameter_status("server_encoding") == "UTF8":
        connection.execute("SET LOCAL client_encoding = 'SQL_ASCII'")


def return_strings(connection: Connection[TupleRow]) -> None:
    """Reverses `return_bytes`."""
    connection.execute("SET LOCAL client_encoding = 'UTF8'")


class RowFetcher:
    """Fetches rows from a server-side cursor, with the cells as bytes in UTF-8.

    The next FETCH is sent before the rows of the previous one are yielded (libpq's pipeline mode). So server and writer
    work concurrently without a thread, and a slow consumer slows down the server. Columns are not cast to text in SQL:
    the server converts them to text anyway, and a cast takes a fifth longer.
    """

    def __init__(self, connection: Connection[TupleRow], cursor: str) -> None:
        self._wire = connection.pgconn
        self._cursor = cursor.encode()
        self._load = _RowLoader(connection)
        self._size = _FIRST_ROWS

    def fetch(self, row_bytes: int, rows: float = math.inf) -> Iterator[list[Row]]:
        """Yields the next rows: all, or this number of them, or fewer if no more exist.

        If the iteration is not completed, the connection cannot be used any longer.
        """
        self._wire.enter_pipeline_mode()
        chunk = max(1, CHUNK_BYTES // max(1, row_bytes))
        rows_to_request, in_flight = rows, 0
        for _ in range(FETCHES_IN_FLIGHT):
            sent = self._send(rows_to_request)
            rows_to_request, in_flight = rows_to_request - sent, in_flight + (sent > 0)
        while in_flight:
            in_flight -= 1
            is_first = True
            for batch in _batches(map(self._load, _results(self._wire, chunk))):
                if is_first:  # this FETCH returned rows, so another one may also
                    sent = self._send(rows_to_request)
                    rows_to_request, in_flight = rows_to_request - sent, in_flight + (sent > 0)
                    is_first = False
                self._size = _next_size(batch)
                yield batch
        self._wire.pipeline_sync()
        while (result := _await_result(self._wire)) is None or result.status != pq.ExecStatus.PIPELINE_SYNC:
            _require_connection(self._wire)
        self._wire.exit_pipeline_mode()

    def _send(self, max_rows: float) -> int:
        """Sends a FETCH of at most `max_rows` rows. Returns their number; sends nothing if it is 0."""
        rows = int(min(self._size, max_rows))
        if rows:
            self._wire.send_query_params(b"FETCH %d FROM %b" % (rows, self._cursor), None)
            self._wire.send_flush_request()
            self._wire.flush()
        return rows


def _results(wire: pq.abc.PGconn, chunk: int) -> Iterator[pq.abc.PGresult]:
    """Yields the results of the oldest FETCH in flight: one, or several of `chunk` rows. Yields none after the last
    row.
    """
    if chunk < BATCH_ROWS:
        wire.set_chunked_rows_mode(chunk)  # applies to one statement
    while (result := _await_result(wire)) is not None:
        if result.status not in {pq.ExecStatus.TUPLES_OK, pq.ExecStatus.TUPLES_CHUNK}:
            _require_connection(wire)
            raise error_from_result(result)
        if result.ntuples:
            yield result
    _require_connection(wire)


def _batches(chunks: Iterator[list[Row]]) -> Iterator[list[Row]]:
    """Combines chunks of rows to batches of up to `BATCH_ROWS` rows or about `BATCH_BYTES`."""
    rows: list[Row] = []
    bytes_left = BATCH_BYTES
    for chunk in chunks:
        if len(chunk) >= BATCH_ROWS:
            yield chunk
            continue
        bytes_left -= _bytes_of(chunk)
        rows += chunk
        if bytes_left <= 0 or len(rows) >= BATCH_ROWS:
            yield rows
            rows, bytes_left = [], BATCH_BYTES
    if rows:
        yield rows


def _bytes_of(rows: list[Row]) -> int:
    return sum([len(cell) for row in rows for cell in row if cell is not None])


class _RowLoader:
    """Converts results to rows whose cells are bytes in UTF-8."""

    def __init__(self, connection: Connection[TupleRow]) -> None:
        self._connection = connection
        self._transformer: abc.Transformer | None = None

    def __call__(self, result: pq.abc.PGresult) -> list[Row]:
        self._transformer = self._transformer or _text_transformer(self._connection, result)
        self._transformer.set_pgresult(result)
        rows = self._transformer.load_rows(0, result.ntuples, tuple)
        self._transformer.set_pgresult(None)
        result.clear()
        return rows if isinstance(_first_cell(rows), bytes) else [_encoded(row) for row in rows]


def _next_size(rows: list[Row]) -> int:
    """Returns the number of rows to fetch next, from the average width of a sample of these rows."""
    sample = rows[:: max(1, len(rows) // _SAMPLE)]
    width = _bytes_of(sample) // len(sample)
    return max(10, min(BATCH_ROWS, BATCH_BYTES // max(1, width)))


def _require_connection(wire: pq.abc.PGconn) -> None:
    if wire.status == pq.ConnStatus.BAD:
        raise psycopg.OperationalError("The connection was lost.")


def _await_result(wire: pq.abc.PGconn) -> pq.abc.PGresult | None:
    """Waits for a result with the GIL released, which `get_result` would hold.

    A sort may take minutes before its first row, and the heartbeat and the uploads have to continue.
    """
    if wire.is_busy():
        arrival = select.poll()
        arrival.register(wire.socket, select.POLLIN)
        while wire.is_busy():
            arrival.poll()
            wire.consume_input()
    return wire.get_result()


def _text_transformer(connection: Connection[TupleRow], result: pq.abc.PGresult) -> abc.Transformer:
    """Returns a transformer that loads all columns as text. Conversion to Python objects takes four times as long."""
    cursor = connection.cursor()  # a cursor has its own adapters
    for column in range(result.nfields):
        cursor.adapters.register_loader(result.ftype(column), TextLoader)
    return Transformer.from_context(cursor)


def _first_cell(rows: list[Row]) -> object:
    return next((cell for row in rows for cell in row if cell is not None), b"")


def _encoded(row: tuple[Any, ...]) -> Row:
    return tuple(None if cell is None else cell.encode() for cell in row)
