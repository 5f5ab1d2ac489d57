"""The open transaction of a report: its query, with converted types, its parameters and its limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import Column, Connection, sql
from psycopg.rows import TupleRow

from resma.catalog import ReportType
from resma.report.decimal_types import DecimalType
from resma.snapshot.conversion import converted, decimal_types, needs_description
from resma.snapshot.query_limits import QueryClock, QueryLimits
from resma.snapshot.report_query import catalog_query
from resma.snapshot.row_estimate import RowEstimate, estimate_rows
from resma.snapshot.session import export_snapshot


class ReportTransaction:
    """What can be known and done in a report's transaction without reading its rows."""

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
        self._described: Sequence[Column] | None = None
        self._is_converted = False

    def set_limits(self, limits: QueryLimits) -> None:
        """Replaces the limits of later statements: a worker has less time for the rows than it had for the summary."""
        self._clock.set(limits)

    def export(self) -> str:
        """Returns a name by which `open_snapshot` opens the same snapshot elsewhere, while this one is open."""
        return export_snapshot(self._connection)

    def estimate_rows(self, split_by: Sequence[str] = ()) -> RowEstimate:
        """Returns the number of rows, and of keys to split by, counted or estimated, within a few seconds."""
        return estimate_rows(self._connection, self._type, self._values["tenant_id"], self._values, split_by)

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
