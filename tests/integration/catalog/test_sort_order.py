"""Rows are sorted in ascending and descending columns, and a report resumes after any of its rows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from infra.servers.postgres import PostgresServer
from resma.report.rows import Row
from resma.snapshot.snapshot import open_snapshot
from tests.support.peak_of_report import PeakCase

QUERY = """
    SELECT a::date AS day, b AS "Order %", c AS id
    FROM (VALUES (date '2024-01-01', 'x', 1), ('2024-01-01', 'y', 2), ('2024-01-01', NULL, 3), ('2024-02-01', 'x', 4),
                 (NULL, 'x', 5), (NULL, NULL, 6), (NULL, NULL, 7), ('2024-02-01', 'x', 8)) AS t (a, b, c)"""
COLUMNS = {"day": "date", "Order %": "text", "id": "integer"}


@pytest.fixture
def connection(postgres: PostgresServer) -> Iterator[Connection[TupleRow]]:
    with psycopg.connect(postgres.url, client_encoding="UTF8") as connection:
        yield connection


def _read(connection: Connection[TupleRow], sort: list[str], after: Row | None = None) -> list[Row]:
    report_type = PeakCase(query=QUERY, columns=COLUMNS, formats=[], sort=sort).report_type()
    with open_snapshot(connection, report_type, "demo", {}) as snapshot:
        return [row for batch in snapshot.batches([*COLUMNS], after, personal_masked=False) for row in batch.rows]


@pytest.mark.parametrize("signs", [*product(("", "-"), repeat=3)], ids="".join)
def test_a_report_resumes_after_each_row(connection: Connection[TupleRow], signs: tuple[str, str, str]) -> None:
    sort = [f"{sign}{name}" for sign, name in zip(signs, COLUMNS, strict=True)]
    order = ", ".join(
        f'"{name}" {"DESC" if sign else "ASC"}'.replace("%", "%%") for sign, name in zip(signs, COLUMNS, strict=True)
    )
    query = f"SELECT id::text FROM ({QUERY.replace('%', '%%')}) AS q ORDER BY {order}"
    expected = [cell.encode() for (cell,) in connection.execute(query.encode(), ())]
    connection.rollback()
    rows = _read(connection, sort)
    assert [row[2] for row in rows] == expected
    for at, row in enumerate(rows):
        assert _read(connection, sort, row) == rows[at + 1 :], (sort, row)


def test_periods_are_in_the_order_of_the_rows(connection: Connection[TupleRow]) -> None:
    labels = {}
    for sort in (["day", "id"], ["-day", "id"]):
        case = PeakCase(query=QUERY, columns=COLUMNS, formats=[], sort=sort, more={"period": "day"})
        with open_snapshot(connection, case.report_type(), "demo", {}) as snapshot:
            labels[sort[0]] = [period.label for period in snapshot.summarize().periods]
    assert labels == {"day": ["2024-01", "2024-02", None], "-day": [None, "2024-02", "2024-01"]}


def test_the_opening_balance_of_a_descending_report_is_the_oldest(connection: Connection[TupleRow]) -> None:
    query = (
        "SELECT i AS id, 1.50 * i AS amount, sum(1.50 * i) OVER (ORDER BY i) AS balance FROM generate_series(1, 4) AS i"
    )
    columns = {"id": "integer", "amount": "amount", "balance": "amount"}
    more = {"balance": {"column": "balance", "amount": "amount"}}
    for sort in (["id"], ["-id"]):
        case = PeakCase(query=query, columns=columns, formats=[], sort=sort, more=more)
        with open_snapshot(connection, case.report_type(), "demo", {}) as snapshot:
            balance = snapshot.summarize().balance
        assert balance is not None
        assert (balance.opening, balance.closing) == ("0.00", "15.00")
