"""Reports of queries whose columns have any types of Postgres, read as a worker reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from resma.catalog import ReportType
from resma.report.content import ReportContent
from resma.report.header import Kind
from resma.report.kinds import UNBOUNDED, can_hold, kind_of_type
from resma.report.rows import Row
from resma.snapshot.compose_header import compose_header
from resma.snapshot.snapshot import Snapshot, open_snapshot
from tests.support.generate_reports import GeneratedReport

ZONE = "America/Sao_Paulo"


@dataclass(frozen=True)
class Result:
    """A column of a query's result, and the kind that its type suggests."""

    name: str
    type: str
    kind: Kind


def describe(connection: Connection[TupleRow], query: str) -> list[Result]:
    """Returns the columns of a query. Domains are described as their base types."""
    described = connection.execute(f"{query} LIMIT 0".encode()).description or ()
    columns = []
    for column in described:
        ((name, is_composite),) = connection.execute(
            "SELECT format_type(oid, NULL), typtype = 'c' FROM pg_type WHERE oid = %s", [column.type_code]
        )
        kind = kind_of_type(name, is_composite=is_composite)
        assert can_hold(kind, name, is_composite=is_composite)
        columns.append(Result(column.name, name, kind))
    connection.rollback()
    return columns


def make_type(
    query: str, columns: Mapping[str, Kind], changes: Mapping[str, Any] | None = None, **more: Any
) -> ReportType:
    """Returns a report type whose columns have equal widths. `changes` are settings of the column `a`."""
    specs = [
        {"name": name, "heading": name, "kind": kind, "width": 10, "align": "left", "grouped": False}
        | dict(changes or {} if name == "a" else {})
        for name, kind in columns.items()
    ]
    described = {"type": "T", "title": "T", "file_name": "t", "sort": ["id"], "query": query, "tenants": "none", **more}
    return ReportType.model_validate({"columns": specs, **described})


def read(snapshot: Snapshot, columns: Sequence[str], after: Row | None = None, *, masked: bool = False) -> list[Row]:
    """Returns the rows of a snapshot."""
    batches = snapshot.batches(columns, after, personal_masked=masked)
    return [row for batch in batches for row in batch.rows]


def make_report(connection: Connection[TupleRow], report_type: ReportType) -> GeneratedReport:
    """Returns the header and the rows of a report, as a worker reads them."""
    content = ReportContent(
        type=report_type.type,
        formats=[],
        filters={},
        columns=None,
        locale="pt-BR",
        time_zone=ZONE,
        title=None,
        personal_masked=False,
        options={},
    )
    with open_snapshot(connection, report_type, "demo", {}, ZONE) as snapshot:
        summary = snapshot.summarize("pt")
        decimals = snapshot.decimal_types()
        header = compose_header(report_type, content, "1", summary, "Org", decimal_types=decimals)
        batches = list(snapshot.batches([column.name for column in header.columns], personal_masked=False))
    rows = [row for batch in batches for row in batch.rows]
    for index, column in enumerate(header.columns):
        longest = max((len(row[index] or b"") for row in rows), default=0)
        assert column.kind not in UNBOUNDED or (column.max_bytes or 0) >= longest, "memory depends on this bound"
    return GeneratedReport(header, rows, batches)
