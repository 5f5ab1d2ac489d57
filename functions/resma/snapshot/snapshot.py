"""The snapshot of a report: one READ ONLY, REPEATABLE READ transaction for its totals, charts and rows."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import psycopg
from psycopg import Column, Connection, IsolationLevel, sql
from psycopg.rows import TupleRow

from resma.catalog import ReportType
from resma.database.connection import translated_errors
from resma.errors import CheckpointUnusableError, SourceChangedError, UnknownTimeZoneError
from resma.i18n.locales import Language
from resma.i18n.time_zones import time_zone_unknown_to_source
from resma.report.decimal_types import DecimalType
from resma.report.rows import Batch, Row
from resma.report.summary import Summary
from resma.snapshot.column_names import column_of_report
from resma.snapshot.conversion import column_expression, converted, decimal_types, needs_description
from resma.snapshot.cursor import read_batches
from resma.snapshot.keyset import Key, types_of
from resma.snapshot.query_limits import QueryClock, QueryLimits, limits_of
from resma.snapshot.row_estimate import RowEstimate, estimate_rows
from resma.snapshot.row_width import require_narrow_rows
from resma.snapshot.summarize import summarize
from resma.snapshot.summary_query import catalog_query, sort_order

_WATERMARK = "resma.watermark"
"""Name of a query parameter. The period distinguishes it from names of filters."""


class Snapshot:
    """A report's data as of one timestamp. Use it inside `open_snapshot`, from one thread."""

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
        self._key_indexes: Sequence[int] = ()
        self._last_row: Row = ()
        self._widths: Mapping[str, int] | None = None
        self._described: Sequence[Column] | None = None
        self._is_converted = False

    def summarize(self, language: Language = "en") -> Summary:
        """Counts the rows and aggregates totals, charts and periods, in the database, in one pass over the query."""
        self._convert()
        summary = summarize(self._connection, self._type, self._values, language)
        self._widths = summary.widths
        return summary

    def set_limits(self, limits: QueryLimits) -> None:
        """Replaces the limits of later statements: a worker has less time for the rows than it had for the summary."""
        self._clock.set(limits)

    def estimate_rows(self) -> RowEstimate:
        """Returns the number of rows, counted or estimated, within a few seconds."""
        return estimate_rows(self._connection, self._type, self._values["tenant_id"], self._values)

    def decimal_types(self) -> dict[str, DecimalType]:
        """Returns the types of amounts whose precision the query declares, and the report type does not.

        A column of type numeric(18, 2) declares it; `sum` and other expressions do not. No row is read.
        """
        declared = all(spec.precision for spec in self._type.columns if spec.kind == "amount")
        return {} if declared else decimal_types(self._type, self._describe())

    def _describe(self) -> Sequence[Column]:
        """Returns the columns of the query's result, if their types matter. No row is read."""
        if self._described is None:
            self._described = ()
            if needs_description(self._type):
                query = sql.SQL("SELECT * FROM ({}) AS report LIMIT 0").format(catalog_query(self._type))
                self._described = self._connection.execute(query, self._values).description or ()
        return self._described

    def _convert(self) -> None:
        """Converts the types of the query's result to those of the columns' kinds. It is safe to call twice."""
        if not self._is_converted:
            self._type = converted(self._type, self._describe())
            self._is_converted = True

    def resume_from(self, summary: Summary, language: Language = "en") -> None:
        """Restricts this snapshot to the data of an earlier one, which has `summary`.

        If the report type has a `watermark`, rows that were written after the earlier snapshot are excluded. Raises
        SourceChangedError if the summary is then not exactly the same.
        """
        self._convert()
        self._values[_WATERMARK] = summary.as_of
        for report_type in (*_up_to_watermark(self._type), self._type):
            now = summarize(self._connection, report_type, self._values, language)
            if repr(replace(now, as_of=summary.as_of)) == repr(summary):  # NaN is not equal to itself
                self._type = report_type
                self._widths = now.widths
                return
        raise SourceChangedError(
            "The data have changed between two snapshots of the report. Filter by data that do not change any longer, "
            "set `watermark` in the report type, or read from a replica with delayed replay."
        )

    def batches(self, columns: Sequence[str], after: Row | None = None, *, personal_masked: bool) -> Iterator[Batch]:
        """Yields all rows in the report's order, with these columns; with the key of a row in `after`, those after it.

        Call it last, because it may close the connection. Raises CheckpointUnusableError if the number of rows with the
        key (`last_key`) is not exactly one, so that it is unknown which rows were read. Raises RowTooWideError if a row
        does not fit into a worker's memory.
        """
        self._convert()
        condition = self._after(after) if after is not None else sql.SQL("true")
        chosen = self._type.choose_columns(columns)
        shown = [column_expression(column, masked=personal_masked) for column in chosen]
        raw = [None if personal_masked and column.personal else column.name for column in chosen]
        # Columns that are needed for the sort key, but not shown or shown masked, follow the shown columns.
        more = [name for name in self._type.sort_names if name not in raw]
        self._key_indexes = [[*raw, *more].index(name) for name in self._type.sort_names]
        query = sql.SQL("SELECT {} FROM ({}) AS report WHERE {} ORDER BY {}").format(
            sql.SQL(", ").join([*shown, *map(column_of_report, more)]),
            catalog_query(self._type),
            condition,
            sort_order(self._type),
        )
        measured = [*(column.name for column in chosen if not (personal_masked and column.personal)), *more]
        row_bytes = require_narrow_rows(self._connection, self._type, self._values, measured, self._widths)
        self._reading = self._read(query, len(columns) if more else None, row_bytes)
        return self._reading

    def last_key(self) -> Row:
        """Returns the key of the last row that was yielded: its cells in the columns that the report is sorted by."""
        return tuple([self._last_row[index] for index in self._key_indexes])

    def close(self) -> None:
        """Stops reading rows."""
        if self._reading is not None:
            self._reading.close()

    def _read(self, query: sql.Composed, width: int | None, row_bytes: int) -> Generator[Batch, None, None]:
        with contextlib.closing(read_batches(self._connection, query, self._values, row_bytes)) as batches:
            for batch in batches:
                self._last_row = batch.rows[-1]
                yield batch if width is None else Batch([row[:width] for row in batch.rows])

    def _after(self, cells: Row) -> sql.Composable:
        query, names = catalog_query(self._type), self._type.sort_names
        key = Key(self._type.sort, types_of(self._connection, query, self._values, names), cells)
        self._values |= key.values()
        row = self._connection.execute(
            sql.SQL(
                "SELECT (SELECT count(*) FROM (SELECT FROM ({query}) AS report WHERE {matches} LIMIT 2) AS found),"
                " EXISTS (SELECT FROM ({query}) AS report WHERE {first} IS NULL)"
            ).format(query=query, matches=key.matches(), first=column_of_report(names[0])),
            self._values,
        ).fetchone()
        assert row is not None
        count, has_nulls = row
        if count != 1:
            raise CheckpointUnusableError(
                f"{'No row has' if not count else 'Several rows have'} the key of the last row that was read. The "
                f"columns in `sort` ({', '.join(names)}) must identify each row."
            )
        return key.comes_after(nulls=has_nulls)


def _up_to_watermark(report_type: ReportType) -> Iterator[ReportType]:
    """Yields the report type restricted to rows up to the value of its column `watermark`, if it has one."""
    if report_type.watermark is not None:
        bound = f"WHERE {column_of_report(report_type.watermark).as_string()} <= %({_WATERMARK})s"
        query = f"SELECT * FROM ({report_type.query}) AS report {bound}"  # noqa: S608
        yield report_type.model_copy(update={"query": query})


@contextlib.contextmanager
def open_snapshot(  # noqa: PLR0913, PLR0917  # the parts of a request and its limits
    connection: Connection[TupleRow],
    report_type: ReportType,
    tenant_id: str,
    filters: Mapping[str, Any],
    time_zone: str = "UTC",
    limits: QueryLimits | None = None,
) -> Iterator[Snapshot]:
    """Opens the transaction of a report, and rolls it back at the end. psycopg's errors are translated.

    Row level security restricts it to the tenant's rows, whatever the query is. The default of `limits` are those of
    the report type. Days, months and timestamps are in the time zone (an IANA name). Raises UnknownTimeZoneError.
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
    """Sets the time zone of the transaction. Raises UnknownTimeZoneError.

    Postgres accepts an unknown name as a POSIX rule, and then shows the setting differently.
    """
    try:
        row = connection.execute("SELECT set_config('timezone', %s, true)", (name,)).fetchone()
    except psycopg.errors.InvalidParameterValue as error:
        raise UnknownTimeZoneError(time_zone_unknown_to_source(name)) from error
    if row != (name,):
        raise UnknownTimeZoneError(time_zone_unknown_to_source(name))


# All rows are read, so the planner must optimize for the last row and not for the first (1.2 s instead of 4.5 s for a
# sorted scan).
_SESSION = """
    SET LOCAL cursor_tuple_fraction = 1;
    SET LOCAL datestyle = 'ISO, YMD';
    SET LOCAL intervalstyle = 'iso_8601';
    SET LOCAL bytea_output = 'hex';
    SET LOCAL extra_float_digits = 1;
"""
