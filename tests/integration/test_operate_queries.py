"""The SQL of docs/operate.md runs as it stands, by the login that it is written for."""

from __future__ import annotations

import re

import psycopg
import pytest

from infra.local.paths import ROOT
from infra.local.postgres import PostgresServer
from tests.integration.conftest import PASSWORD, System

DOCUMENT = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
QUERIES = re.findall(r'^    psql "\$RESMA_SYSTEM_DATABASE" -c "(.*)"$', DOCUMENT, re.MULTILINE)


def test_there_are_queries() -> None:
    assert len(QUERIES) >= 3


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_of_the_runbook_runs(system: System, postgres: PostgresServer, query: str) -> None:
    system.request_report(format="CSV")
    with psycopg.connect(
        host="127.0.0.1", port=postgres.port, dbname="postgres", user="resma_system", password=PASSWORD
    ) as connection:
        rows = connection.execute(query.encode()).fetchall()
    assert len(rows) == ("'PENDING'" in query), "the report that waits, where it is asked for"
