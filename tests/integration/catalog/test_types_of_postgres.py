"""Reports of tables with columns of all types of Postgres, in all formats, read back by other programs."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pypdf
import pytest
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from resma.errors import FormatLimitError
from resma.report.header import Kind
from resma.report.rows import Row
from tests.support.all_types import SCHEMA, TABLES
from tests.support.check_formats import CASES, text_on_page, write_case
from tests.support.generate_reports import GeneratedReport
from tests.support.typed_reports import ZONE, Result, describe, make_report, make_type

PLAIN_CASES = [case for case in CASES if "." not in case.name]


_EXPECTED: dict[Kind, str] = {
    "boolean": "CASE {0} WHEN true THEN 'true' WHEN false THEN 'false' END",
    "json": "to_json({0})::text",
    # Unlike a cast, `concat` keeps the blanks at the end of char(n).
    "text": "CASE WHEN {0} IS DISTINCT FROM NULL THEN concat({0}) END",
}


def expected_rows(connection: Connection[TupleRow], query: str, columns: Sequence[Result]) -> list[Row]:
    """Returns the rows as Postgres prints them, read without the code of the worker."""
    shown = [
        sql.SQL("{0}::numeric::text" if column.type == "money" else _EXPECTED.get(column.kind, "{0}::text")).format(
            sql.Identifier(column.name)
        )
        for column in columns
    ]
    with connection.transaction(force_rollback=True):
        connection.execute(f"SET LOCAL timezone = '{ZONE}'; SET LOCAL intervalstyle = iso_8601".encode())
        statement = sql.SQL("SELECT {} FROM ({}) AS t ORDER BY t.id").format(
            sql.SQL(", ").join(shown),
            sql.SQL(query),
        )
        rows = connection.execute(statement).fetchall()
    return [tuple(None if cell is None else cell.encode() for cell in row) for row in rows]


@pytest.mark.parametrize("table", TABLES)
def test_every_type_in_every_format(all_types: Connection[TupleRow], table: str) -> None:
    query = f"SELECT * FROM {SCHEMA}.{table}"
    columns = describe(all_types, query)
    report = make_report(all_types, make_type(query, {column.name: column.kind for column in columns}))
    assert report.rows == expected_rows(all_types, query, columns)
    for case in PLAIN_CASES:
        if case.rejects(report):
            with pytest.raises(FormatLimitError) as caught:
                write_case(case, report, report.batches)
            assert caught.value.column in {column.name for column in columns}
            assert caught.value.row
        else:
            data = write_case(case, report, report.batches)
            case.check(report, data)
            if case.format == "PDF":
                check_pdf_by_pypdf(report, data)


def check_pdf_by_pypdf(report: GeneratedReport, data: bytes) -> None:
    """The text of the last page contains every short value."""
    text = "".join(pypdf.PdfReader(io.BytesIO(data)).pages[-1].extract_text().split())
    for row in report.rows:
        for cell, column in zip(row, report.header.columns, strict=True):
            if cell and cell.isascii() and len(cell) < 12:
                shown = text_on_page(cell.decode(), column, report.header.locale)
                assert "".join(shown.split()) in text
