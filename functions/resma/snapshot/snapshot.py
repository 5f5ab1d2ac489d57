"""One READ ONLY, REPEATABLE READ transaction: totals, charts and rows of a report all come out of it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import psycopg
from psycopg import Column, Connection, IsolationLevel, sql
from psycopg.rows import TupleRow

from resma.catalog import ColumnSpec, ReportType
from resma.database.connection import translated_errors
from resma.errors import CheckpointUnusableError, SourceChangedError, UnknownTimeZoneError
from resma.i18n.locales import Language
from resma.i18n.time_zones import time_zone_unknown_to_source
from resma.report.content import MASK
from resma.report.decimal_types import DecimalType, decimal_of_numeric
from resma.report.rows import Batch, Row
from resma.report.summary import Summary
from resma.snapshot.cursor import read_batches
from resma.snapshot.keyset import Key, types_of
from resma.snapshot.query_limits import QueryClock, QueryLimits, limits_of
from resma.snapshot.row_estimate import RowEstimate, estimate_rows
from resma.snapshot.row_width import require_narrow_rows
from resma.snapshot.summarize import summarize
from resma.snapshot.summary_query import catalog_query, sort_order

_CUT_OFF = "resma.cut_off"
"""Name of a bound value: no filter's has a full stop."""


class Snapshot:
    """A report's data as of one moment. Use it inside `open_snapshot`, from one thread."""

    def __init__(
        self,
        connection: Connection[TupleRow],
        report_type: ReportType,
        values: Mapping[str, Any],
        clock: QueryClock,
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._type = report_type
        self._values = dict(values)
        self._reading: Generator[Batch, None, None] | None = None
        self._key_places: Sequence[int] = ()
        self._last_row: Row = ()
        self._widths: Mapping[str, int] | None = None

    def summarize(self, language: Language = "en") -> Summary:
        """Counts the rows and adds up totals, charts and periods, in the database, in one pass over the query."""
        summary = summarize(self._connection, self._type, self._values, language)
        self._widths = summary.widths
        return summary

    def set_limits(self, limits: QueryLimits) -> None:
        """Replaces the limits of what follows: a worker has less time left for the rows than it had for the summary."""
        self._clock.set(limits)

    def estimate_rows(self) -> RowEstimate:
        """Says how many rows there are, in a second or two: counted, or guessed."""
        return estimate_rows(self._connection, self._type, self._values["tenant_id"], self._values)

    def decimal_types(self) -> dict[str, DecimalType]:
        """Returns the types of the amounts whose precision and scale the query says, and the report type does not.

        A column of numeric(18, 2) has them, `sum` and other expressions have not. No row is read.
        """
        unsaid = {column.name for column in self._type.columns if column.kind == "amount" and column.decimal is None}
        if not unsaid:
            return {}
        query = sql.SQL("SELECT * FROM ({}) AS report LIMIT 0").format(catalog_query(self._type))
        found = described_decimals(self._connection.execute(query, self._values).description)
        return {name: decimal for name, decimal in found.items() if name in unsaid}

    def resume_from(self, summary: Summary, language: Language = "en") -> None:
        """Narrows this snapshot to what an earlier one held. Raises SourceChangedError where it can't be.

        Where the report type has a `cut_off`, what was written after the earlier snapshot is left out. The summary
        must then be the same, to the last digit.
        """
        self._values[_CUT_OFF] = summary.as_of
        for report_type in (*_cut_off(self._type), self._type):
            now = summarize(self._connection, report_type, self._values, language)
            if repr(replace(now, as_of=summary.as_of)) == repr(summary):  # NaN is not equal to itself
                self._type = report_type
                self._widths = now.widths
                return
        raise SourceChangedError(
            "the data have changed while the report was being made, which took several snapshots: ask for what no "
            "longer changes (filters), give the report type a cut_off, or read from a replica that is held back"
        )

    def batches(self, columns: Sequence[str], after: Row | None = None, *, personal_masked: bool) -> Iterator[Batch]:
        """Yields every row, in the report's order, with these columns. To be called last: it may end the connection.

        With the key of a row (`last_key`), those after it. Raises CheckpointUnusableError where there is no such row,
        or more than one, so that nobody knows which have been read; RowTooWideError where a row does not fit a worker's
        memory.
        """
        condition = self._after(after) if after is not None else sql.SQL("true")
        chosen = self._type.choose_columns(columns)
        shown = [column_expression(column, masked=personal_masked) for column in chosen]
        raw = [None if personal_masked and column.personal else column.name for column in chosen]
        # Columns that the rows are sorted by and that are not shown, or not as they are, come after those that are.
        more = [name for name in self._type.sort if name not in raw]
        self._key_places = [[*raw, *more].index(name) for name in self._type.sort]
        query = sql.SQL("SELECT {} FROM ({}) AS report WHERE {} ORDER BY {}").format(
            sql.SQL(", ").join([*shown, *(sql.SQL("report.{}").format(sql.Identifier(name)) for name in more)]),
            catalog_query(self._type),
            condition,
            sort_order(self._type),
        )
        measured = [*(column.name for column in chosen if not (personal_masked and column.personal)), *more]
        row_bytes = require_narrow_rows(self._connection, self._type, self._values, measured, self._widths)
        self._reading = self._read(query, len(columns) if more else None, row_bytes)
        return self._reading

    def last_key(self) -> Row:
        """Of the last row that was handed out: its cells of the columns that the report is sorted by."""
        return tuple([self._last_row[place] for place in self._key_places])

    def close(self) -> None:
        """Ends the reading, wherever it is."""
        if self._reading is not None:
            self._reading.close()

    def _read(self, query: sql.Composed, width: int | None, row_bytes: int) -> Generator[Batch, None, None]:
        with contextlib.closing(read_batches(self._connection, query, self._values, row_bytes)) as batches:
            for batch in batches:
                self._last_row = batch.rows[-1]
                yield batch if width is None else Batch([row[:width] for row in batch.rows])

    def _after(self, cells: Row) -> sql.Composable:
        query, names = catalog_query(self._type), self._type.sort
        key = Key(names, types_of(self._connection, query, self._values, names), cells)
        self._values |= key.values()
        found = self._connection.execute(
            sql.SQL(
                "SELECT (SELECT count(*) FROM (SELECT FROM ({query}) AS report WHERE {is_it} LIMIT 2) AS found),"
                " EXISTS (SELECT FROM ({query}) AS report WHERE report.{first} IS NULL)"
            ).format(query=query, is_it=key.matches(), first=sql.Identifier(names[0])),
            self._values,
        ).fetchone()
        assert found is not None
        count, has_nulls = found
        if count != 1:
            raise CheckpointUnusableError(
                f"{'no row is' if not count else 'several rows are'} where the last one was read: "
                f"sort ({', '.join(names)}) must tell every row from every other"
            )
        return key.comes_after(nulls=has_nulls)


def _cut_off(report_type: ReportType) -> Iterator[ReportType]:
    """The report type without the rows that were written after its cut-off, if it can tell them."""
    if report_type.cut_off is not None:
        # The catalog's own text and a column that it checked.
        bound = f"WHERE report.{report_type.cut_off} <= %({_CUT_OFF})s"
        query = f"SELECT * FROM ({report_type.query}) AS report {bound}"  # noqa: S608
        yield report_type.model_copy(update={"query": query})


def described_decimals(description: Sequence[Column] | None) -> dict[str, DecimalType]:
    """Returns the types of a result's columns of numeric(precision, scale), by name; plain numeric has neither."""
    return {
        column.name: decimal_of_numeric(column.precision, column.scale)
        for column in description or ()
        if column.precision is not None and column.scale is not None
    }


def column_expression(column: ColumnSpec, *, masked: bool) -> sql.Composed:
    """A column of the query as the report shows it. What is masked never leaves the database."""
    value = sql.SQL("report.{}").format(sql.Identifier(column.name))
    if not (masked and column.personal):
        return value
    mask = sql.SQL("{}::jsonb").format(json.dumps(MASK)) if column.kind == "json" else sql.Literal(MASK)
    return sql.SQL("CASE WHEN {} IS NOT NULL THEN {} END").format(value, mask)


@contextlib.contextmanager
def open_snapshot(  # noqa: PLR0913, PLR0917  # what is read, for whom, and for how long
    connection: Connection[TupleRow],
    report_type: ReportType,
    tenant_id: str,
    filters: Mapping[str, Any],
    time_zone: str = "UTC",
    limits: QueryLimits | None = None,
) -> Iterator[Snapshot]:
    """Opens the transaction of a report, and rolls it back at the end. Errors come out as ours.

    It sees the tenant's rows alone, whatever the query says (row level security). `limits` are the report type's where
    they are left out. Raises UnknownTimeZoneError.

    Days, months and printed moments are those of the time zone (IANA name).
    """
    values: dict[str, Any] = {item.name: filters.get(item.name) for item in report_type.filters}
    values["tenant_id"] = tenant_id
    clock = QueryClock(connection, report_type, limits or limits_of(report_type))
    with translated_errors("source-database"), clock.named():
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        try:
            connection.execute(_SESSION)
            clock.set()
            connection.execute("SELECT set_config('resma.tenant_id', %s, true)", (tenant_id,))
            _set_time_zone(connection, time_zone)
            with contextlib.closing(Snapshot(connection, report_type, values, clock)) as snapshot:
                yield snapshot
        finally:
            with contextlib.suppress(psycopg.Error):
                connection.rollback()


def _set_time_zone(connection: Connection[TupleRow], name: str) -> None:
    """Raises UnknownTimeZoneError. What is no name is a POSIX rule to Postgres, which it shows in another way."""
    try:
        row = connection.execute("SELECT set_config('timezone', %s, true)", (name,)).fetchone()
    except psycopg.errors.InvalidParameterValue as error:
        raise UnknownTimeZoneError(time_zone_unknown_to_source(name)) from error
    if row != (name,):
        raise UnknownTimeZoneError(time_zone_unknown_to_source(name))


# Everything is read to the end, so plan for the last row and not for the first (4.5 s against 1.2 s for a sorted
# scan).
_SESSION = """
    SET LOCAL cursor_tuple_fraction = 1;
    SET LOCAL datestyle = 'ISO, YMD';
    SET LOCAL intervalstyle = 'iso_8601';
    SET LOCAL bytea_output = 'hex';
    SET LOCAL extra_float_digits = 1;
"""
