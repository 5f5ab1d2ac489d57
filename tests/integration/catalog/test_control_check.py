"""`resma check` plans the control query of a report type like its query, with the role of the reports."""

from __future__ import annotations

import shutil
from pathlib import Path

import psycopg
import pytest

from infra.checks.report_types.check_folder import check_catalog
from infra.paths import ROOT
from infra.prepare.reader_grants import find_read_tables
from infra.servers.postgres import PostgresServer
from resma.catalog import load_catalog

SAMPLE = ROOT / "tests" / "support" / "report_types" / "booked"


def check(catalog: Path, postgres: PostgresServer, old: str = "", new: str = "") -> list[str]:
    """Returns the errors of a catalog whose control query has a replaced part: file, line and message."""
    control = Path(shutil.copytree(SAMPLE, catalog / "booked")) / "control.sql"
    text = control.read_text(encoding="utf-8")
    assert old in text
    control.write_text(text.replace(old, new, 1), encoding="utf-8")
    report = check_catalog(catalog, postgres.url)
    return [f"{error.path.name}:{error.line}: {error.message}" for error in report.errors]


def test_a_valid_control_query(postgres: PostgresServer, tmp_path: Path) -> None:
    assert check(tmp_path, postgres) == []


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("t.amount", "t.amuont", "control.sql:1: column t.amuont does not exist. Perhaps you meant"),
        ("GROUP", "GROUPED", "control.sql:6: syntax error at or near"),
        (
            "%(account)s::text IS",
            "%(account)s IS",
            "control.sql:4: could not determine data type of parameter %(account)s",
        ),
        ("= %(account)s)", "= %(account)s::int)", "control.sql:4: operator does not exist: text = integer."),
        ("%(day)s::date", "%(day)s::int", "control.sql:5: operator does not exist"),
        ("AS amount", "AS amuont", "control.sql:1: Column 'amuont' is not one of the totals. Use 'amount'."),
        (", sum(t.amount) AS amount", "", "control.sql:1: It does not return the column 'amount'. Add it."),
        ("a.currency, ", "", "control.sql:1: It does not return the column 'currency'. Add it."),
        ("sum(t.amount)", "max(t.type)", "control.sql:1: Column 'amount' is of type text. It must be a number."),
        ("AS rows", "AS amount", "control.sql:1: Two columns have the name 'amount'. Rename one with AS."),
        (
            "a.tenant_id = %(tenant_id)s",
            "%(tenant_id)s::text IS NOT NULL",
            "control.sql:3: The query returns the same rows to all tenants, because no condition compares ",
        ),
    ],
    ids=lambda part: part[:40],
)
def test_errors_that_the_database_finds(
    postgres: PostgresServer, tmp_path: Path, old: str, new: str, error: str
) -> None:
    found = check(tmp_path, postgres, old, new)
    assert any(line.startswith(error) for line in found), found
    assert all(line.startswith("control.sql") for line in found)


def test_missing_privileges_are_named(postgres: PostgresServer, tmp_path: Path) -> None:
    (error,) = check(tmp_path, postgres, "bank.accounts AS a JOIN", "resma.api_keys AS k, bank.accounts AS a JOIN")
    assert error.startswith("control.sql:2: permission denied for schema resma. Run as the owner of the tables: GRANT ")
    assert "resma.api_keys" in error
    assert any("resma.api_keys" in grant for grant in check_catalog(tmp_path, postgres.url).grants)


def test_the_tables_of_the_control_query_are_granted_in_a_deployment(postgres: PostgresServer, tmp_path: Path) -> None:
    assert check(tmp_path, postgres) == []
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        tables = find_read_tables(connection, load_catalog(tmp_path).values())
    assert [table.name for table in tables] == ["bank.transactions", "bank.accounts"]
