"""Parts of a split report: for each key its summary, then its rows. One connection reads both with two cursors.

The first cursor returns the summaries of all keys of a shard, in slices of bounded size. They say how many rows each
key has, so that the second cursor fetches exactly the rows of a slice before its next one is fetched.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from resma.catalog import ReportType
from resma.errors import KeysInconsistentError, RowTooWideError
from resma.i18n.locales import Language
from resma.report.rows import Batch, Row
from resma.report.summary import Summary
from resma.snapshot.cursor import RowFetcher, declare_cursor, return_bytes, return_strings
from resma.snapshot.keyset import Key, types_of
from resma.snapshot.report_query import catalog_query, measured_columns, restricted, split_keys
from resma.snapshot.row_query import RowQuery
from resma.snapshot.row_width import MAX_ROW_BYTES, OTHER_CELL_BYTES, require_narrow_rows
from resma.snapshot.split.key_range import Cells
from resma.snapshot.split.slices import SummarizedKey, declare_summaries, summaries_in_slices

_ROWS = "resma_rows"


@dataclass(frozen=True)
class Part:
    """The content of one key's files: `batches` has exactly `summary.rows` rows."""

    number: int
    """Number of the key in the order of the report."""
    key: Cells
    """Cells in the columns that the report is split by, as Postgres prints them."""
    summary: Summary
    batches: Iterator[Batch]
    """Consume it before the next part; what is left of it is skipped then."""


@dataclass(frozen=True)
class PartsRequest:
    """What to read of the keys of a shard."""

    report_type: ReportType
    """Restricted to the rows of these keys."""
    split_by: Sequence[str]
    rows: RowQuery
    number: int
    """Number of the first key."""
    as_of: datetime | None
    """Timestamp that summaries have; None means that of the transaction."""
    language: Language
    with_charts: bool


def read_parts(
    connection: Connection[TupleRow], request: PartsRequest, values: Mapping[str, Any]
) -> Generator[Part, None, None]:
    """Yields the parts, in the order of the report, in the open transaction. psycopg's errors are not translated.

    If the iteration is not completed, the connection is closed, because rows may be in flight. Raises
    KeysInconsistentError and RowTooWideError.
    """
    finished = False
    declare_summaries(connection, request.report_type, request.split_by, values, with_charts=request.with_charts)
    declare_cursor(connection, _ROWS, request.rows.query, values)
    return_bytes(connection)
    try:
        yield from _Parts(connection, request, values).read()
        finished = True
    finally:
        if not finished:
            connection.close()
    return_strings(connection)
    connection.execute("CLOSE ALL")


class _Parts:
    def __init__(self, connection: Connection[TupleRow], request: PartsRequest, values: Mapping[str, Any]) -> None:
        self._connection = connection
        self._request = request
        self._values = values
        self._fetcher = RowFetcher(connection, _ROWS)
        measured = set(measured_columns(request.report_type))
        self._measured = [name for name in request.rows.measured if name in measured]

    def read(self) -> Iterator[Part]:
        number = self._request.number
        slices = summaries_in_slices(
            self._connection,
            self._request.report_type,
            self._request.as_of,
            self._request.language,
            with_charts=self._request.with_charts,
        )
        for summarized in slices:
            row_bytes = max(self._row_bytes(each, number + at) for at, each in enumerate(summarized))
            rows = _Rows(self._fetcher.fetch(row_bytes, sum(each.summary.rows for each in summarized)))
            for each in summarized:
                batches = self._batches(rows, each, number)
                yield Part(number, each.key, each.summary, batches)
                for _ in batches:
                    pass
                number += 1
            rows.finish()
        for _ in self._fetcher.fetch(1, 1):
            raise self._inconsistent(number - 1, 0)

    def _batches(self, rows: _Rows, summarized: SummarizedKey, number: int) -> Iterator[Batch]:
        """Yields the rows of a key. Raises KeysInconsistentError unless the first and the last have the key."""
        width, left, is_first = self._request.rows.width, summarized.summary.rows, True
        while left:
            taken = rows.take(left)
            left -= len(taken)
            for row in (*taken[:1] * is_first, *taken[-1:] * (not left)):
                self._require_key(row, summarized.key, number)
            if not taken:
                raise self._inconsistent(number, 0)
            is_first = False
            yield Batch(taken if width is None else [row[:width] for row in taken])

    def _require_key(self, row: Row, key: Cells, number: int) -> None:
        for at, (index, cell) in enumerate(zip(self._request.rows.key_indexes, key, strict=True)):
            if row[index] != cell:
                raise self._inconsistent(number, at)

    def _inconsistent(self, number: int, at: int) -> KeysInconsistentError:
        column = self._request.split_by[at]
        return KeysInconsistentError(
            f"The rows of key {number} do not match its summary: the values of column {column} that Postgres considers "
            "equal are not the same text, or the query does not return the same rows each time. Select the column with "
            f'a deterministic collation in query.sql (such as {column} COLLATE "C"), and without volatile functions.',
            column=column,
            number=number,
        )

    def _row_bytes(self, summarized: SummarizedKey, number: int) -> int:
        """Returns an upper bound of the size of a key's rows. Raises RowTooWideError."""
        widths = summarized.summary.widths or {}
        bound = sum([widths[name] for name in self._measured])
        if bound > MAX_ROW_BYTES:
            return self._require_narrow(summarized, number)
        return bound + OTHER_CELL_BYTES * (len(self._request.rows.measured) - len(self._measured))

    def _require_narrow(self, summarized: SummarizedKey, number: int) -> int:
        """Measures the rows of one key, whose longest cells may be in different rows."""
        request, connection = self._request, self._connection
        return_strings(connection)
        query = catalog_query(request.report_type)
        types = types_of(connection, query, self._values, request.split_by)
        key = Key(split_keys(request.report_type, request.split_by), types, summarized.key, "measured")
        values = {**self._values, **key.values()}
        one = restricted(request.report_type, key.matches())
        try:
            bound = require_narrow_rows(connection, one, values, request.rows.measured, summarized.summary.widths)
        except RowTooWideError as error:
            raise RowTooWideError(f"Key {number}: {error}", column=error.column, row=error.row) from None
        return_bytes(connection)
        return bound


class _Rows:
    """Rows that are taken in other numbers than they are fetched."""

    def __init__(self, fetched: Iterator[list[Row]]) -> None:
        self._fetched = fetched
        self._rows: list[Row] = []
        self._at = 0

    def take(self, rows: int) -> list[Row]:
        """Returns the next rows: at least one and at most `rows`, or none if no more exist."""
        if self._at == len(self._rows):
            self._rows, self._at = next(self._fetched, []), 0
        taken = self._rows[self._at : self._at + rows] if self._at or rows < len(self._rows) else self._rows
        self._at += len(taken)
        return taken

    def finish(self) -> None:
        """Waits until the connection can be used for other statements. All rows must have been taken."""
        for _ in self._fetched:
            pass
