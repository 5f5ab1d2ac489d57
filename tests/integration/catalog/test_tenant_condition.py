"""A query must select the rows of one tenant, unless the catalog is of one organization."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from infra.checks.report_types.check_folder import check_catalog
from infra.servers.postgres import PostgresServer
from tests.support.system import System

TOML = 'sort = ["account_id"]\n[columns]\naccount_id = "text"\nholder = { wrap = true }\n'
SELECT = "SELECT account_id, holder FROM bank.accounts"
PARTITIONED = """
    DROP SCHEMA IF EXISTS part CASCADE; CREATE SCHEMA part;
    CREATE TABLE part.accounts (tenant_id text, account_id text PRIMARY KEY, holder text);
    CREATE TABLE part.by_tenant (tenant_id text, account_id text, holder text) PARTITION BY LIST (tenant_id);
    CREATE TABLE part.by_tenant_demo PARTITION OF part.by_tenant FOR VALUES IN ('demo');
    GRANT USAGE ON SCHEMA part TO resma_reader; GRANT SELECT ON ALL TABLES IN SCHEMA part TO resma_reader"""


def _write(catalog: Path, query: str, settings: str = "") -> None:
    folder = catalog / "accounts"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.toml").write_text(TOML, encoding="utf-8")
    (folder / "query.sql").write_text(query, encoding="utf-8")
    (catalog / "resma.toml").write_text(settings, encoding="utf-8")


@pytest.mark.parametrize(
    "query",
    [
        f"{SELECT}\nWHERE %(tenant_id)s::text IS NOT NULL",
        f"{SELECT}\nWHERE %(tenant_id)s = 'demo'",
        f"{SELECT}\nWHERE tenant_id = %(tenant_id)s OR true",
        "SELECT account_id,\n  holder || %(tenant_id)s AS holder FROM bank.accounts",
        f"{SELECT}\nORDER BY holder = %(tenant_id)s",
        "SELECT account_id, max(holder) AS holder FROM bank.accounts\nGROUP BY account_id, holder < %(tenant_id)s",
    ],
)
def test_a_query_that_only_mentions_the_tenant_is_refused(postgres: PostgresServer, tmp_path: Path, query: str) -> None:
    _write(tmp_path, query)
    (error,) = check_catalog(tmp_path, postgres.url).errors
    assert (error.path.name, error.line) == ("query.sql", 2)
    assert error.message.startswith("The query returns the same rows to all tenants, because no condition compares ")
    assert 'write tenants = "none" in resma.toml' in error.message


@pytest.mark.parametrize(
    "query",
    [
        f"{SELECT} WHERE tenant_id = %(tenant_id)s",
        f"{SELECT} WHERE md5(tenant_id) = md5(%(tenant_id)s)",
        "SELECT account_id, holder FROM part.by_tenant WHERE tenant_id = %(tenant_id)s",
        "WITH own AS MATERIALIZED (SELECT * FROM part.accounts WHERE tenant_id = %(tenant_id)s)"
        " SELECT account_id, holder FROM own",
    ],
)
def test_a_query_with_a_condition_on_the_tenant_is_valid(postgres: PostgresServer, tmp_path: Path, query: str) -> None:
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(PARTITIONED)
    _write(tmp_path, query)
    assert check_catalog(tmp_path, postgres.url).errors == []


def test_a_query_without_the_tenant_is_refused(postgres: PostgresServer, tmp_path: Path) -> None:
    _write(tmp_path, SELECT)
    (error,) = check_catalog(tmp_path, postgres.url).errors
    assert error.message.startswith("The query must select the rows of one tenant.")


def test_one_organization_needs_no_condition_and_names_its_files(
    system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path, SELECT, 'tenants = "none"\n[brand]\nname = "Northwind Traders"\n')
    monkeypatch.setenv("RESMA_CATALOG", str(tmp_path))
    report_id = system.request_report(type="ACCOUNTS", format="PARQUET")
    assert system.work_once()
    report = system.show(report_id)
    assert report["status"] == "READY", report["error"]
    data = system.s3.get_object(Bucket=system.bucket, Key=f"demo/{report_id}/1.parquet")["Body"].read()
    assert b"Northwind Traders" in data
    _, _, caller = system.call_api("GET", "/api/v1/me")
    assert caller["tenantName"] == "Northwind Traders"
