"""The server-side cursor: rows out of Postgres as fast as it prints them, a thousand at a time."""

from __future__ import annotations

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
"""Rows a FETCH. They fit the processor's cache, which 2,000 no longer do: 0.37 s for 500 thousand against 0.39."""

FETCHES_IN_FLIGHT = 2
"""The server prepares one batch while another is written. More in flight gained nothing."""

BATCH_BYTES = 512 * 1024
"""What a batch of wide rows is held to, or one row where a row is longer."""

CHUNK_BYTES = 1024 * 1024
"""What libpq may hold of a FETCH's rows at once, by the length of the longest row, or one row where it is longer."""

_FIRST_ROWS = 100
_SAMPLE = 20
_CURSOR = "resma_report"


def read_batches(
    connection: Connection[TupleRow], query: sql.Composed, values: Mapping[str, Any], row_bytes: int
) -> Generator[Batch, None, None]:
    """Yields every row of the query, in the open transaction; psycopg's errors come out as they are.

    No row is longer than `row_bytes` (`row_width.py`). Where a thousand such rows would be too much for the memory,
    libpq hands out the result of a FETCH in chunks (libpq's chunked rows mode) instead of collecting it.

    The next FETCH is sent before the last one's rows are handed out (libpq's pipeline mode), so server and writer work
    at the same time without a thread, and whoever takes batches slowly slows the server. Columns are not cast to
    text in SQL: the server prints them all the same, and a cast costs it a fifth. An iteration that is not carried
    to its end closes the connection: rows may be on their way.
    """
    connection.execute(sql.SQL("DECLARE {} NO SCROLL CURSOR FOR ").format(sql.Identifier(_CURSOR)) + query, values)
    if connection.info.parameter_status("server_encoding") == "UTF8":
        # Psycopg then gives bytes, as writers want them. Any other server's text is brought to UTF-8 by way of str.
        connection.execute("SET LOCAL client_encoding = 'SQL_ASCII'")
    finished = False
    try:
        yield from map(Batch, _fetch_all(connection, row_bytes))
        finished = True
    finally:
        if not finished:
            connection.close()


def _fetch_all(connection: Connection[TupleRow], row_bytes: int) -> Iterator[list[Row]]:
    wire = connection.pgconn
    wire.enter_pipeline_mode()
    chunk = max(1, CHUNK_BYTES // max(1, row_bytes))
    load = _RowLoader(connection)
    size = _FIRST_ROWS
    for _ in range(FETCHES_IN_FLIGHT):
        _send_fetch(wire, size)
    is_last = False
    while not is_last:
        is_last = True
        for rows in _batches(map(load, _results(wire, chunk))):
            if is_last:  # the first rows of this FETCH: there may be more after it
                _send_fetch(wire, size)
                is_last = False
            size = _next_size(rows)
            yield rows
    for _ in range(FETCHES_IN_FLIGHT - 1):
        list(_results(wire, chunk))  # of the fetches that were sent past the end
    wire.pipeline_sync()
    while (result := _await_result(wire)) is None or result.status != pq.ExecStatus.PIPELINE_SYNC:
        _require_connection(wire)
    wire.exit_pipeline_mode()


def _results(wire: pq.abc.PGconn, chunk: int) -> Iterator[pq.abc.PGresult]:
    """What has rows of the oldest FETCH in flight: one result, or several of `chunk` rows. Nothing at the end."""
    if chunk < BATCH_ROWS:
        wire.set_chunked_rows_mode(chunk)  # holds for one statement
    while (result := _await_result(wire)) is not None:
        if result.status not in {pq.ExecStatus.TUPLES_OK, pq.ExecStatus.TUPLES_CHUNK}:
            _require_connection(wire)
            raise error_from_result(result)
        if result.ntuples:
            yield result
    _require_connection(wire)


def _batches(chunks: Iterator[list[Row]]) -> Iterator[list[Row]]:
    """Chunks of rows put together again, as far as they fit a batch."""
    rows: list[Row] = []
    room = BATCH_BYTES
    for chunk in chunks:
        if len(chunk) >= BATCH_ROWS:
            yield chunk
            continue
        room -= _bytes_of(chunk)
        rows += chunk
        if room <= 0 or len(rows) >= BATCH_ROWS:
            yield rows
            rows, room = [], BATCH_BYTES
    if rows:
        yield rows


def _bytes_of(rows: list[Row]) -> int:
    return sum([len(cell) for row in rows for cell in row if cell is not None])


class _RowLoader:
    """Rows out of results, each row's cells as bytes of UTF-8."""

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
    """How many rows to fetch: a look at some of these tells how wide they are."""
    sample = rows[:: max(1, len(rows) // _SAMPLE)]
    width = _bytes_of(sample) // len(sample)
    return max(10, min(BATCH_ROWS, BATCH_BYTES // max(1, width)))


def _send_fetch(wire: pq.abc.PGconn, rows: int) -> None:
    wire.send_query_params(b"FETCH %d FROM %b" % (rows, _CURSOR.encode()), None)
    wire.send_flush_request()
    wire.flush()


def _require_connection(wire: pq.abc.PGconn) -> None:
    if wire.status == pq.ConnStatus.BAD:
        raise psycopg.OperationalError("the connection was lost")


def _await_result(wire: pq.abc.PGconn) -> pq.abc.PGresult | None:
    """Waits without Python's lock, which `get_result` would keep: a sort may take minutes before its first row, and the
    heartbeat and the uploads have to go on."""
    if wire.is_busy():
        arrival = select.poll()
        arrival.register(wire.socket, select.POLLIN)
        while wire.is_busy():
            arrival.poll()
            wire.consume_input()
    return wire.get_result()


def _text_transformer(connection: Connection[TupleRow], result: pq.abc.PGresult) -> abc.Transformer:
    """Loads columns as text, whatever their type: values made into Python objects and back take four times as long."""
    cursor = connection.cursor()  # has adapters of its own
    for column in range(result.nfields):
        cursor.adapters.register_loader(result.ftype(column), TextLoader)
    return Transformer.from_context(cursor)


def _first_cell(rows: list[Row]) -> object:
    return next((cell for row in rows for cell in row if cell is not None), b"")


def _encoded(row: tuple[Any, ...]) -> Row:
    return tuple(None if cell is None else cell.encode() for cell in row)
