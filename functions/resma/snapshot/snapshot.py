"""The snapshot of a report: one READ ONLY, REPEATABLE READ transaction for its totals, charts and rows."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from resma.catalog import ReportType
from resma.database.connection import translated_errors
from resma.errors import SourceChangedError
from resma.i18n.locales import Language
from resma.report.rows import Batch, Row
from resma.report.summary import Summary
from resma.snapshot.column_names import column_of_report
from resma.snapshot.control_totals import find_control_totals, has_control
from resma.snapshot.cursor import read_batches
from resma.snapshot.keyset import rows_after, types_of
from resma.snapshot.query_limits import QueryClock, QueryLimits, limits_of
from resma.snapshot.report_query import catalog_query, restricted, split_keys
from resma.snapshot.row_query import rows_query
from resma.snapshot.row_width import require_narrow_rows
from resma.snapshot.session import begin, set_time_zone
from resma.snapshot.split.key_range import Cells, KeyRange
from resma.snapshot.split.parts import Part, PartsRequest, read_parts
from resma.snapshot.split.shard_plan import (
    MAX_SHARDS,
    SHARD_COST,
    ShardDigest,
    ShardPlan,
    count_keys,
    digest_rows,
    plan_shards,
)
from resma.snapshot.summarize import summarize
from resma.snapshot.transaction import ReportTransaction

_WATERMARK = "resma.watermark"
"""Name of a query parameter. The period distinguishes it from names of filters."""

_CHANGED = (
    "The data have changed between two snapshots of the report. Filter by data that do not change any longer, "
    "set `watermark` in the report type, or read from a replica with delayed replay."
)


class Snapshot(ReportTransaction):
    """A report's data as of one timestamp. Use it inside `open_snapshot`, from one thread."""

    def __init__(
        self,
        connection: Connection[TupleRow],
        report_type: ReportType,
        values: Mapping[str, Any],
        clock: QueryClock,
    ) -> None:
        super().__init__(connection, report_type, values, clock)
        self._reading: Generator[Any, None, None] | None = None
        self._key_indexes: Sequence[int] = ()
        self._last_row: Row = ()
        self._widths: Mapping[str, int] | None = None
        self._unrestricted: ReportType | None = None

    def summarize(self, language: Language = "en") -> Summary:
        """Counts the rows and aggregates totals, charts and periods, in the database, in one pass over the query.

        Then executes the control query, if the report type has one. Raises ControlMismatchError if it disagrees.
        """
        self._convert()
        summary = summarize(self._connection, self._type, self._values, language)
        self._widths = summary.widths
        if not has_control(self._type, self._values):
            return summary
        with self._clock.measure("control query"):
            found = find_control_totals(self._connection, self._type, self._values, summary)
        return replace(summary, control_totals=found)

    def resume_from(self, summary: Summary, language: Language = "en") -> None:
        """Restricts this snapshot to the data of an earlier one, which has `summary`.

        If the report type has a `watermark`, rows that were written after the earlier snapshot are excluded. Raises
        SourceChangedError if the summary is then not exactly the same.
        """
        self._convert()
        self._values[_WATERMARK] = summary.as_of
        for report_type in (*_up_to_watermark(self._type), self._type):
            now = summarize(self._connection, report_type, self._values, language)
            # The control query ran in the first snapshot.
            same = replace(now, as_of=summary.as_of, control_totals=summary.control_totals)
            if repr(same) == repr(summary):  # NaN is not equal to itself
                self._type = report_type
                self._widths = now.widths
                return
        raise SourceChangedError(_CHANGED)

    def batches(self, columns: Sequence[str], after: Row | None = None, *, personal_masked: bool) -> Iterator[Batch]:
        """Yields all rows in the report's order, with these columns; with the key of a row in `after`, those after it.

        Call it last, because it may close the connection. Raises CheckpointUnusableError if the number of rows with the
        key (`last_key`) is not exactly one, so that it is unknown which rows were read. Raises RowTooWideError if a row
        does not fit into a worker's memory.
        """
        self._convert()
        condition: sql.Composable = sql.SQL("true")
        if after is not None:
            condition, more = rows_after(self._connection, self._type, self._values, after)
            self._values |= more
        names = self._type.sort_names
        rows = rows_query(self._type, columns, names, condition, personal_masked=personal_masked)
        self._key_indexes = rows.key_indexes
        row_bytes = require_narrow_rows(self._connection, self._type, self._values, rows.measured, self._widths)
        self._reading = self._read(rows.query, rows.width, row_bytes)
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

    def count_keys(self, split_by: Sequence[str]) -> int:
        """Returns the number of keys of a report that is split by these columns, the first ones of `sort`."""
        self._convert()
        return count_keys(self._connection, self._type, split_by, self._values)

    def plan_shards(
        self, split_by: Sequence[str], max_shards: int = MAX_SHARDS, shard_cost: int = SHARD_COST
    ) -> ShardPlan:
        """Divides all keys into at most `max_shards` shards, in the order of the report (`shard_plan.py`).

        `shard_cost` is the minimum cost of a shard, in rows. It reads all rows once and returns only the shards.
        """
        self._convert()
        return plan_shards(self._connection, self._type, split_by, self._values, max_shards, shard_cost)

    def digest_of(self, split_by: Sequence[str], first_key: Cells, last_key: Cells) -> ShardDigest:
        """Returns what a range of keys contains in this snapshot."""
        self._convert()
        keys = self._range(split_by, first_key, last_key)
        values = {**self._values, **keys.values()}
        return digest_rows(self._connection, restricted(self._type, keys.condition()), split_by, values)

    def resume_shard(
        self, split_by: Sequence[str], first_key: Cells, last_key: Cells, expected: ShardDigest, as_of: datetime
    ) -> None:
        """Restricts this snapshot to the data of an earlier one, as of `as_of`, in which the shard was `expected`.

        If the report type has a `watermark`, rows that were written after the earlier snapshot are excluded. Raises
        SourceChangedError if the shard does not have exactly the same rows. Call it once for each shard.
        """
        self._convert()
        original, self._values[_WATERMARK] = self._unrestricted or self._type, as_of
        self._unrestricted = original
        for self._type in (*_up_to_watermark(original), original):
            if self.digest_of(split_by, first_key, last_key) == expected:
                return
        raise SourceChangedError(_CHANGED)

    def parts(  # noqa: PLR0913  # a shard and the content of its files
        self,
        split_by: Sequence[str],
        first_key: Cells,
        last_key: Cells,
        columns: Sequence[str],
        after_key: Cells | None = None,
        *,
        personal_masked: bool,
        first_number: int = 1,
        as_of: datetime | None = None,
        language: Language = "en",
        with_charts: bool = True,
    ) -> Generator[Part, None, None]:
        """Yields a part for each key from `first_key` to `last_key`, or only for those after `after_key`, in order.

        `first_number` is the number of the first key that is yielded, `as_of` the timestamp that files state (None:
        that of this transaction). Without charts, summaries have neither charts nor periods, which only formats with
        pages or sheets show. Parts of several shards can be read one after another. If an iteration is not completed,
        the connection is closed. Raises KeysInconsistentError, and RowTooWideError if a row does not fit into a
        worker's memory.
        """
        self._convert()
        keys = self._range(split_by, first_key, last_key, after_key)
        report_type = restricted(self._type, keys.condition())
        rows = rows_query(report_type, columns, split_by, sql.SQL("true"), personal_masked=personal_masked)
        request = PartsRequest(report_type, split_by, rows, first_number, as_of, language, with_charts)
        self._reading = parts = read_parts(self._connection, request, {**self._values, **keys.values()})
        return parts

    def _range(
        self, split_by: Sequence[str], first_key: Cells, last_key: Cells, after_key: Cells | None = None
    ) -> KeyRange:
        types = types_of(self._connection, catalog_query(self._type), self._values, split_by)
        return KeyRange(split_keys(self._type, split_by), types, first_key, last_key, after_key)


def _up_to_watermark(report_type: ReportType) -> Iterator[ReportType]:
    """Yields the report type restricted to rows up to the value of its column `watermark`, if it has one."""
    if report_type.watermark is not None:
        bound = sql.SQL("{} <= {}").format(column_of_report(report_type.watermark), sql.Placeholder(_WATERMARK))
        yield restricted(report_type, bound)


@contextlib.contextmanager
def open_snapshot(  # noqa: PLR0913, PLR0917  # the parts of a request and its limits
    connection: Connection[TupleRow],
    report_type: ReportType,
    tenant_id: str,
    filters: Mapping[str, Any],
    time_zone: str = "UTC",
    limits: QueryLimits | None = None,
    snapshot_id: str | None = None,
) -> Iterator[Snapshot]:
    """Opens the transaction of a report, and rolls it back at the end. psycopg's errors are translated.

    With a `snapshot_id`, which is the result of `Snapshot.export`, it reads the data of that snapshot. Raises
    SnapshotGoneError if it no longer exists.

    Row level security restricts it to the tenant's rows, whatever the query is. The default of `limits` are those of
    the report type. Days, months and timestamps are in the time zone (an IANA name). Raises UnknownTimeZoneError.
    """
    values: dict[str, Any] = {item.name: filters.get(item.name) for item in report_type.filters}
    values["tenant_id"] = tenant_id
    clock = QueryClock(connection, report_type, limits or limits_of(report_type))
    is_system = report_type.database == "system"
    with translated_errors("system-database" if is_system else "source-database"), clock.named():
        try:
            begin(connection, snapshot_id)
            clock.set()
            connection.execute("SELECT set_config('resma.tenant_id', %s, true)", (tenant_id,))
            set_time_zone(connection, time_zone)
            with contextlib.closing(Snapshot(connection, report_type, values, clock)) as snapshot:
                yield snapshot
        finally:
            with contextlib.suppress(psycopg.Error):
                connection.rollback()
