"""The demo bank can have any number of transactions, and is loaded only if it does not have exactly these."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from infra.demo.load_demo_bank import count_demo_rows, load_demo_bank, migrate_with_bank
from infra.deploy.organization import name_organization
from infra.deploy.source import SourceDatabase
from infra.servers.postgres import PostgresServer
from resma.catalog import DEMO_CATALOG


@pytest.fixture(scope="module")
def empty(postgres: PostgresServer) -> Iterator[str]:
    """URL of a migrated database without rows."""
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE small_bank")
    url = postgres.url.removesuffix("/postgres") + "/small_bank"
    migrate_with_bank(url)
    yield url
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("DROP DATABASE small_bank WITH (FORCE)")


@pytest.mark.parametrize(("rows", "audit_events"), [(0, 0), (1, 0), (24, 0), (25, 1), (1000, 40)])
def test_any_number_of_transactions(empty: str, rows: int, audit_events: int) -> None:
    assert load_demo_bank(empty, rows)
    assert not load_demo_bank(empty, rows), "it has them"
    assert count_demo_rows(empty) == rows
    with psycopg.connect(empty) as connection:
        assert connection.execute("SELECT count(*) FROM bank.audit_events").fetchone() == (audit_events,)


def test_the_organization_is_that_of_the_catalog_or_the_source_or_the_demo(empty: str, tmp_path: Path) -> None:
    source = SourceDatabase(empty, {"dbname": "small_bank"})
    name_organization(empty, tmp_path, source)
    assert _tenant(empty) == "small_bank"
    (tmp_path / "resma.toml").write_text('[brand]\nname = "Northwind Traders"\n', encoding="utf-8")
    name_organization(empty, tmp_path, source)
    assert _tenant(empty) == "Northwind Traders"
    name_organization(empty, DEMO_CATALOG, None)
    assert _tenant(empty) == "Banco Aurora"


def _tenant(url: str) -> str:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT name FROM resma.tenants WHERE tenant_id = 'demo'").fetchone()
    assert row is not None
    return str(row[0])
