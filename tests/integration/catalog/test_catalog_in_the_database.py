"""The catalog's queries in a real Postgres: their rows, their plans, and errors that only the database can find."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from decimal import Decimal
from itertools import groupby, pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import DictRow, TupleRow, dict_row

from infra.checks.report_types import database_warnings
from infra.checks.report_types.check_folder import check_catalog
from infra.paths import ROOT
from infra.servers.postgres import PostgresServer
from resma.catalog import DEMO_CATALOG, ReportType, load_catalog

SAMPLES = ROOT / "tests" / "support" / "report_types"


@pytest.fixture
def reader(postgres: PostgresServer) -> Iterator[Connection[DictRow]]:
    """A connection like a worker's: with the reader's privileges and a time zone that is not the server's."""
    with psycopg.connect(postgres.url, row_factory=dict_row) as connection:
        connection.execute("SET ROLE resma_reader")
        connection.execute("SET resma.tenant_id = 'demo'")
        connection.execute("SET timezone = 'America/Sao_Paulo'")
        yield connection
        connection.rollback()


@pytest.fixture(autouse=True)
def _statistics(admin: Connection[TupleRow]) -> None:
    """Updates the planner's statistics. Those of autovacuum may include rows of other tests."""
    admin.execute("ANALYZE")


def _run(reader: Connection[DictRow], name: str, **filters: Any) -> list[DictRow]:
    """Returns the report's rows, in its order."""
    report_type = load_catalog()[name]
    checked = report_type.check_filters({key.rstrip("_"): value for key, value in filters.items()})
    return _rows(reader, report_type, {item.name: checked.get(item.name) for item in report_type.filters})


def _rows(reader: Connection[DictRow], report_type: ReportType, values: dict[str, Any]) -> list[DictRow]:
    query = f"SELECT * FROM ({report_type.query}) AS report ORDER BY {', '.join(report_type.sort_names)}"
    return reader.execute(query.encode(), {**values, "tenant_id": "demo"}).fetchall()


def _busiest_account(reader: Connection[DictRow]) -> str:
    row = reader.execute(
        "SELECT account_id FROM bank.transactions GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"
    ).fetchone()
    assert row is not None
    return str(row["account_id"])


def test_the_catalog_is_valid(postgres: PostgresServer) -> None:
    report = check_catalog(DEMO_CATALOG, postgres.url)
    assert (report.errors, report.warnings) == ([], [])
    assert report.types >= 4


def test_the_sample_type_is_valid(postgres: PostgresServer) -> None:
    report = check_catalog(SAMPLES, postgres.url)
    assert (report.errors, report.warnings) == ([], [])


SHIPPED = ["TRANSACTIONS", "ACCOUNT_STATEMENT", "DAILY_SUMMARY", "AUDIT_TRAIL"]


@pytest.mark.parametrize("name", SHIPPED)
def test_sort_columns_are_unique(reader: Connection[DictRow], name: str) -> None:
    account = {"account": _busiest_account(reader)} if name == "ACCOUNT_STATEMENT" else {}
    rows = _run(reader, name, **account)
    assert len(rows) > 100
    keys = [tuple(row[column] for column in load_catalog()[name].sort_names) for row in rows]
    assert len(set(keys)) == len(keys)
    assert not any(None in key for key in keys)


def test_a_statement_adds_up(reader: Connection[DictRow]) -> None:
    """The opening, running and closing balances equal sums that the test computes."""
    account = _busiest_account(reader)
    booked = reader.execute(
        "SELECT transaction_id, booked_at, amount FROM bank.transactions"
        " WHERE account_id = %s AND status = 'BOOKED' ORDER BY booked_at, transaction_id",
        [account],
    ).fetchall()
    rows = _run(reader, "ACCOUNT_STATEMENT", account=account, from_="2024-06-01", to="2024-11-30")
    first, *entries = rows
    before = [row for row in booked if row["booked_at"] < first["booked_at"]]
    assert first["booked_at"].isoformat() == "2024-06-01T00:00:00-03:00"
    assert (first["type"], first["amount"], first["id"]) == ("OPENING", 0, 0)
    assert 0 < len(before) < len(booked)
    balance = sum((row["amount"] for row in before), Decimal(0))
    assert first["balance"] == balance
    for entry, row in zip(entries, booked[len(before) :], strict=False):
        balance += row["amount"]
        assert (entry["id"], entry["amount"], entry["balance"]) == (row["transaction_id"], row["amount"], balance)
    assert 0 < len(entries) < len(booked) - len(before)
    assert {entry["booked_at"].isoformat()[:7] for entry in entries} == {f"2024-{month:02}" for month in range(6, 12)}


def test_a_statement_without_a_first_day_opens_with_zero(reader: Connection[DictRow]) -> None:
    account = _busiest_account(reader)
    first, second, *_, last = _run(reader, "ACCOUNT_STATEMENT", account=account)
    assert (first["type"], first["balance"]) == ("OPENING", 0)
    assert first["booked_at"] < second["booked_at"]
    assert second["balance"] == second["amount"]
    total = reader.execute(
        "SELECT sum(amount) FROM bank.transactions WHERE account_id = %s AND status = 'BOOKED'", [account]
    ).fetchone()
    assert total == {"sum": last["balance"]}


def test_a_period_without_bookings_shows_the_balance(reader: Connection[DictRow]) -> None:
    account = _busiest_account(reader)
    *_, last = _run(reader, "ACCOUNT_STATEMENT", account=account)
    (only,) = _run(reader, "ACCOUNT_STATEMENT", account=account, from_="2031-01-01", to="2031-01-31")
    assert (only["type"], only["amount"], only["balance"]) == ("OPENING", 0, last["balance"])
    assert only["currency"] == last["currency"]


def test_an_account_that_does_not_exist_has_no_statement(reader: Connection[DictRow]) -> None:
    assert _run(reader, "ACCOUNT_STATEMENT", account="' OR true --", from_="2024-01-01") == []


def test_a_statement_is_not_sorted(reader: Connection[DictRow]) -> None:
    """The window function reads the rows in index order, which is the report's order."""
    report_type = load_catalog()["ACCOUNT_STATEMENT"]
    query = f"EXPLAIN SELECT * FROM ({report_type.query}) AS report ORDER BY {', '.join(report_type.sort_names)}"
    values = {"tenant_id": "demo", "account": _busiest_account(reader), "from": "2024-06-01", "to": None}
    plan = [row["QUERY PLAN"].strip() for row in reader.execute(query.encode(), values)]
    assert plan[0].startswith("Merge Append")
    assert not any("WindowAgg" in below and "Sort" in above for above, below in pairwise(plan))


def test_the_statements_of_all_accounts_are_those_of_each(reader: Connection[DictRow]) -> None:
    """A split report reads all accounts at once, with the balance of each."""
    report_type = load_catalog()["ACCOUNT_STATEMENT"]
    values = {"tenant_id": "demo", "account": None, "from": "2024-06-01", "to": "2024-11-30"}
    order = ", ".join(report_type.sort_names)
    rows = reader.execute(f"SELECT * FROM ({report_type.query}) AS report ORDER BY {order}".encode(), values).fetchall()
    by_account = {account: list(found) for account, found in groupby(rows, itemgetter("account"))}
    accounts = reader.execute("SELECT account_id FROM bank.accounts WHERE tenant_id = 'demo'").fetchall()
    assert sorted(by_account) == sorted(row["account_id"] for row in accounts)
    for account in [_busiest_account(reader), *sorted(by_account)[:5]]:
        assert by_account[account] == _run(
            reader, "ACCOUNT_STATEMENT", account=account, from_="2024-06-01", to="2024-11-30"
        )


def test_a_range_of_accounts_is_read_from_the_index(reader: Connection[DictRow]) -> None:
    """A worker that generates some statements of a split report does not read those of other accounts."""
    report_type = load_catalog()["ACCOUNT_STATEMENT"]
    query = (
        f"EXPLAIN SELECT * FROM ({report_type.query}) AS report WHERE account >= %(first)s AND account <= %(last)s"
        f" ORDER BY {', '.join(report_type.sort_names)}"
    )
    values = {"tenant_id": "demo", "account": None, "from": None, "to": None, "first": "BR1", "last": "BR1000-2"}
    reader.execute("SET LOCAL enable_seqscan = off")  # the tables of this test are small
    plan = "\n".join(row["QUERY PLAN"] for row in reader.execute(query.encode(), values))
    conditions = re.findall(r"Index Cond: (.*account_id >= 'BR1'.*)", plan)
    assert len(conditions) >= 2, plan
    assert "Sort Key: a.account_id" in plan


NULL_FILTERS = [
    ("branch_transactions", "(%(branch)s::text IS NULL OR split_part(t.account_id, '-', 1) = %(branch)s)", "branch"),
    ("account_statement", "(%(account)s::text IS NULL OR a.account_id BETWEEN %(account)s AND %(account)s)", "account"),
]


@pytest.mark.parametrize(("folder", "condition", "name"), NULL_FILTERS)
def test_a_filter_to_split_by_must_not_exclude_all_rows_if_it_is_null(
    postgres: PostgresServer, tmp_path: Path, folder: str, condition: str, name: str
) -> None:
    source = SAMPLES / folder if (SAMPLES / folder).exists() else DEMO_CATALOG / folder
    query = Path(shutil.copytree(source, tmp_path / folder)) / "query.sql"
    text = query.read_text(encoding="utf-8")
    assert condition in text
    query.write_text(text.replace(condition, condition[1:-1].partition(" OR ")[2]), encoding="utf-8")
    (error,) = check_catalog(tmp_path, postgres.url).errors
    assert error.message.startswith(f"Without the filter '{name}', the query selects no row of bank.")
    assert f"%({name})s" in query.read_text(encoding="utf-8").splitlines()[error.line - 1]


def test_a_daily_summary_is_the_sum_of_its_transactions(reader: Connection[DictRow]) -> None:
    summary = _run(reader, "DAILY_SUMMARY", from_="2024-02-01", to="2024-02-29")
    transactions = _run(reader, "TRANSACTIONS", from_="2024-02-01", to="2024-02-29", status=["BOOKED"])
    groups: dict[Any, list[Decimal]] = {}
    for row in transactions:
        groups.setdefault((row["booked_at"].date(), row["currency"], row["type"]), []).append(row["amount"])
    assert len(summary) > 50
    assert {(row["day"], row["currency"], row["type"]): row["transactions"] for row in summary} == {
        key: len(amounts) for key, amounts in groups.items()
    }
    for row in summary:
        amounts = groups[row["day"], row["currency"], row["type"]]
        assert row["credits"] == sum(amount for amount in amounts if amount > 0)
        assert row["debits"] == sum(amount for amount in amounts if amount < 0)
        assert row["net"] == sum(amounts)


def test_the_audit_trail_has_many_columns_json_and_long_text(reader: Connection[DictRow]) -> None:
    rows = _run(reader, "AUDIT_TRAIL")
    assert len(rows[0]) >= 14
    assert max(len(row["reason"] or "") for row in rows) > 500
    assert any("\n" in (row["reason"] or "") for row in rows)
    assert any(isinstance(row["before"], dict) and isinstance(row["after"], dict) for row in rows)
    denied = _run(reader, "AUDIT_TRAIL", outcome=["DENIED"], object_type=["ACCOUNT"], from_="2024-03-01")
    assert 0 < len(denied) < len(rows)
    assert {(row["outcome"], row["object_type"]) for row in denied} == {("DENIED", "ACCOUNT")}


def test_an_account_has_one_currency(reader: Connection[DictRow]) -> None:
    rows = reader.execute(
        "SELECT t.account_id FROM bank.transactions AS t LEFT JOIN bank.accounts AS a"
        " USING (tenant_id, account_id, currency) WHERE a.account_id IS NULL"
    ).fetchall()
    assert rows == []


# Each case: replaced text of query.sql, replacement, file of the error, text in its line, and a part of the message.
ERRORS = [
    ("t.currency,\n", "t.curency,\n", "query.sql", "curency", "column t.curency does not exist"),
    ("GROUP BY", "GROUPED BY", "query.sql", "GROUPED", "syntax error at or near"),
    (
        "bank.accounts",
        "bank.acounts",
        "query.sql",
        "acounts",
        'relation "bank.acounts" does not exist. Correct the name',
    ),
    (
        "bank.accounts",
        "resma.tenants",
        "query.sql",
        "resma.tenants",
        "GRANT USAGE ON SCHEMA resma TO resma_reader; GRANT SELECT ON resma.tenants TO resma_reader;",
    ),
    ("%(account)s::text IS", "%(account)s IS", "query.sql", "%(account)s IS", "could not determine data type of param"),
    ("%(over)s::numeric IS", "%(over)s::date IS", "query.sql", "> %(over)s", "operator does not exist: numeric > date"),
    (
        "a.holder,",
        "a.holder AS owner,",
        "report.toml",
        "holder = {",
        "query.sql does not return this column. Use one of",
    ),
    ("a.holder,", "a.holder AS owner,", "query.sql", "AS owner", "Column 'owner' is not in report.toml"),
    ("count(*) AS fees", "count(*) AS holder", "query.sql", "count(*) AS holder", "Two columns have the name 'holder'"),
    (
        "count(*) AS",
        "sum(1.0) AS",
        "report.toml",
        'kind = "integer"',
        'Write kind = "amount".',
    ),
    ("count(*) AS", "1.5::float8 AS", "report.toml", 'kind = "integer"', 'Write kind = "float".'),
    (")::date AS", ") AS", "report.toml", 'kind = "date"', 'timestamp with time zone. Write kind = "timestamp"'),
    (
        "SELECT date",
        "WITH x AS (DELETE\n FROM bank.accounts) SELECT date",
        "query.sql",
        "WITH",
        "The query runs in a READ ONLY transaction",
    ),
]


@pytest.mark.parametrize(("old", "new", "file", "marker", "message"), ERRORS, ids=lambda part: part[:40])
def test_errors_that_the_database_finds(
    postgres: PostgresServer, tmp_path: Path, old: str, new: str, file: str, marker: str, message: str
) -> None:
    folder = Path(shutil.copytree(SAMPLES / "fees", tmp_path / "fees"))
    text = (folder / "query.sql").read_text(encoding="utf-8")
    assert old in text
    (folder / "query.sql").write_text(text.replace(old, new, 1), encoding="utf-8")
    (error,) = [each for each in check_catalog(tmp_path, postgres.url).errors if message in each.message]
    assert error.path == folder / file
    assert marker in error.path.read_text(encoding="utf-8").splitlines()[error.line - 1]


def test_an_error_that_depends_on_a_filter(postgres: PostgresServer, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(SAMPLES / "fees", tmp_path / "fees"))
    text = (folder / "query.sql").read_text(encoding="utf-8")
    text = text.replace("%(account)s::text", "%(account)s::bigint").replace(
        "_id = %(account)s", "_id = %(account)s::text"
    )
    (folder / "query.sql").write_text(text, encoding="utf-8")
    (error,) = check_catalog(tmp_path, postgres.url).errors
    assert error.message.startswith("With filter 'account' set: invalid input syntax for type bigint: \"x\". Cast it")
    assert "%(account)s::bigint" in text.splitlines()[error.line - 1]


def test_a_sort_of_a_large_table_without_an_index_gives_a_warning(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(DEMO_CATALOG / "transactions", tmp_path / "transactions"))
    toml = folder / "report.toml"
    text = toml.read_text(encoding="utf-8").replace('["booked_at", "id"]', '["booked_at", "amount", "id"]')
    toml.write_text(text, encoding="utf-8")
    assert check_catalog(tmp_path, postgres.url).warnings == []
    monkeypatch.setattr(database_warnings, "MAX_SORTED_ROWS", 0)
    report = check_catalog(tmp_path, postgres.url)
    assert report.errors == []
    (warning,) = report.warnings
    assert "No index returns the rows in the order of `sort` (booked_at, amount, id)" in warning.message
    assert warning.line == 3


@pytest.mark.parametrize(("sort", "named"), [(["-booked_at", "-id"], None), (["-booked_at", "id"], "-booked_at, id")])
def test_an_index_is_read_backwards_for_a_descending_sort(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sort: list[str], named: str | None
) -> None:
    monkeypatch.setattr(database_warnings, "MAX_SORTED_ROWS", 0)
    toml = Path(shutil.copytree(DEMO_CATALOG / "transactions", tmp_path / "transactions")) / "report.toml"
    text = toml.read_text(encoding="utf-8")
    toml.write_text(text.replace('["booked_at", "id"]', json.dumps(sort)), encoding="utf-8")
    report = check_catalog(tmp_path, postgres.url)
    assert report.errors == []
    messages = [warning.message for warning in report.warnings]
    assert [f"in the order of `sort` ({named})" in message for message in messages] == ([True] if named else [])


@pytest.mark.parametrize(
    ("charged", "digits", "error", "warning"),
    [
        ("-sum(t.amount)", "", None, "Column 'charged': neither report.toml nor query.sql declares its precision"),
        ("-sum(t.amount)", ", precision = 12, scale = 2", None, None),
        ("(-sum(t.amount))::numeric(12, 2)", "", None, None),
        ("(-sum(t.amount))::numeric(12, 2)", ", precision = 13, scale = 3", None, None),
        ("(-sum(t.amount))::numeric(12, 4)", ", precision = 12, scale = 2", "Write precision = 12 and scale = 4", None),
        ("(-sum(t.amount))::numeric(12, 2)", ", precision = 12, scale = 4", "Write precision = 12 and scale = 2", None),
    ],
)
def test_the_precision_of_amounts_must_be_declared(
    postgres: PostgresServer, tmp_path: Path, charged: str, digits: str, error: str | None, warning: str | None
) -> None:
    folder = Path(shutil.copytree(SAMPLES / "fees", tmp_path / "fees"))
    for name, old, new in (
        ("query.sql", "-sum(t.amount) AS charged", f"{charged} AS charged"),
        ("report.toml", ", precision = 33, scale = 4", digits),
    ):
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new), encoding="utf-8")
    report = check_catalog(tmp_path, postgres.url)
    for expected, diagnostics in ((error, report.errors), (warning, report.warnings)):
        assert [expected in diagnostic.message for diagnostic in diagnostics if expected] == (
            [True] if expected else []
        )
        assert len(diagnostics) == (1 if expected else 0)


def test_charts_and_totals_of_many_values_give_a_warning(
    postgres: PostgresServer, admin: Connection[TupleRow], tmp_path: Path
) -> None:
    """The number of values comes from the planner's statistics, so a table without statistics gives no warning."""
    folder = Path(shutil.copytree(DEMO_CATALOG / "transactions", tmp_path / "transactions"))
    toml = folder / "report.toml"
    text = toml.read_text(encoding="utf-8").replace('by = "type"', 'by = "account"')
    toml.write_text(text.replace('currency = "currency"', 'currency = "account"'), encoding="utf-8")
    admin.execute(
        "INSERT INTO bank.transactions SELECT 'demo', 3 * 10^9 + i, 'account ' || i, '2190-06-01', 'FEE', 'BOOKED',"
        " 'many ' || i, NULL, 'BRL', 1 FROM generate_series(1, 20000) AS i"
    )
    try:
        admin.execute("ANALYZE bank.transactions")
        report = check_catalog(tmp_path, postgres.url)
    finally:
        admin.execute("DELETE FROM bank.transactions WHERE description LIKE 'many %'")
        admin.execute("ANALYZE bank.transactions")
    assert report.errors == []
    chart, totals = sorted(report.warnings, key=lambda warning: -warning.line)
    assert re.match(
        r"Column 'account' has about [0-9,]+ distinct values\. The chart combines all but the largest 40", chart.message
    )
    assert re.match(
        r"Column 'account' has about [0-9,]+ distinct values\. A report has a total for each value", totals.message
    )
    assert 'by = "account"' in toml.read_text(encoding="utf-8").splitlines()[chart.line - 1]
    assert 'currency = "account"' in toml.read_text(encoding="utf-8").splitlines()[totals.line - 1]
