"""Types of amounts come from the query if the report type does not declare them, and never from the rows."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
import pytest

from infra.servers.postgres import PostgresServer
from resma.catalog import ReportType, load_catalog
from resma.report.decimal_types import DecimalType
from resma.snapshot.snapshot import open_snapshot


def _without_precision(amount: str) -> ReportType:
    """Returns TRANSACTIONS with another expression for the amount, and without precision and scale."""
    whole = load_catalog()["TRANSACTIONS"]
    columns = tuple(column.model_copy(update={"precision": None, "scale": None}) for column in whole.columns)
    query = whole.query.replace("       t.amount\n", f"       {amount} AS amount\n")
    assert query != whole.query
    return whole.model_copy(update={"columns": columns, "query": query})


def _types(postgres: PostgresServer, report_type: ReportType) -> Mapping[str, DecimalType]:
    with (
        psycopg.connect(postgres.url) as connection,
        open_snapshot(connection, report_type, "demo", {"from": "2024-01-01"}) as snapshot,
    ):
        return snapshot.decimal_types()


@pytest.mark.parametrize(
    ("amount", "decimal"),
    [
        ("t.amount::numeric(18, 2)", DecimalType(18, 2)),
        ("t.amount::numeric(6, -2)", DecimalType(8, 0)),
        ("t.amount", None),
        ("t.amount::numeric(18, 2) * 1", None),
    ],
)
def test_the_query_determines_the_type(postgres: PostgresServer, amount: str, decimal: DecimalType | None) -> None:
    assert _types(postgres, _without_precision(amount)).get("amount") == decimal


def test_the_query_is_not_described_if_the_report_type_declares_all_types(postgres: PostgresServer) -> None:
    broken = load_catalog()["TRANSACTIONS"].model_copy(update={"query": "SELECT nothing"})
    assert _types(postgres, broken) == {}
