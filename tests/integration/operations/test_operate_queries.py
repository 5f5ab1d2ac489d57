"""The SQL of docs/operate.md runs unchanged, with the login that it is written for."""

from __future__ import annotations

import re
from uuid import UUID

import psycopg
import pytest
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from infra.paths import ROOT
from infra.servers.postgres import PostgresServer
from resma.access.caller import SCOPES
from scheduler.sweep_leftovers import LATEST_SECONDS
from tests.support.system import PASSWORD, ActAs, System

DOCUMENT = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
QUERIES = re.findall(r'^    psql "\$RESMA_SYSTEM_DATABASE" -c "(.*)"$', DOCUMENT, re.MULTILINE)
DELETIONS = re.findall(r'^    psql "\$DATABASE_URL" -c "(.*)"$', DOCUMENT, re.MULTILINE)


def test_there_are_queries() -> None:
    assert len(QUERIES) >= 3


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_of_the_runbook_runs(system: System, postgres: PostgresServer, query: str) -> None:
    system.request_report(format="CSV")
    with psycopg.connect(
        host="127.0.0.1", port=postgres.port, dbname="postgres", user="resma_system", password=PASSWORD
    ) as connection:
        done = connection.execute(query.encode())
        rows = done.fetchall() if done.description else []
    finds_it = "'PENDING'" in query and "waiting_for" not in query  # no dependency is unavailable
    assert len(rows) == finds_it, "a query for waiting reports returns the one that waits"


def _ready(system: System, admin: Connection[TupleRow], request: str) -> UUID:
    """Makes a report with a file, a link, a key and an event, which ended so long ago that no worker can be running."""
    request_body = {"type": "TRANSACTIONS", "format": "CSV", "filters": {"from": "2030-01-01"}}
    status, _, body = system.call_api("POST", "/api/v1/reports/generate", request_body, {"Idempotency-Key": request})
    assert status == 202, body
    assert system.work_once()
    assert system.call_api("GET", f"/api/v1/reports/{body['id']}/download")[0] == 303
    admin.execute(
        "UPDATE resma.reports SET finished_at = finished_at - make_interval(secs => %s) WHERE report_id = %s",
        (LATEST_SECONDS, body["id"]),
    )
    return UUID(body["id"])


def _rows_of(admin: Connection[TupleRow], column: str, value: object) -> set[str]:
    """Returns Resma's tables that have rows with a value in a column."""
    tables = admin.execute(
        "SELECT table_name FROM information_schema.columns WHERE table_schema = 'resma' AND column_name = %s", (column,)
    ).fetchall()
    assert tables
    query = "SELECT 1 FROM {} WHERE {} = %s LIMIT 1"
    return {
        str(name)
        for (name,) in tables
        if admin.execute(
            sql.SQL(query).format(sql.Identifier("resma", name), sql.Identifier(column)),
            (value,),
        ).fetchone()
    }


def test_a_tenant_can_be_deleted_after_its_files_are_removed(
    system: System, admin: Connection[TupleRow], as_tenant: ActAs
) -> None:
    as_tenant("other", SCOPES)
    _ready(system, admin, "1")
    deleted = _ready(system, admin, "2")
    assert system.call_api("DELETE", f"/api/v1/reports/{deleted}")[0] == 200
    schedule = {"name": "x", "request": {"type": "TRANSACTIONS", "format": "CSV"}, "when": "monthly"}
    for path, body in (
        ("/api/v1/schedules", schedule),
        ("/api/v1/webhook-endpoints", {"url": "https://customer.example/hook"}),
        ("/api/v1/api-keys", {"name": "x", "scopes": ["reports:read"]}),
    ):
        assert system.call_api("POST", path, body)[0] == 201, path
    *_, end, delete = (query.replace("north-bank", "other") for query in DELETIONS)
    admin.execute("INSERT INTO resma.request_buckets VALUES ('other', now()) ON CONFLICT DO NOTHING")
    admin.execute("INSERT INTO resma.row_counts VALUES ('other', '2026-01-01', 1) ON CONFLICT DO NOTHING")
    before = _rows_of(admin, "tenant_id", "other")
    assert {"reports", "events", "schedules", "api_keys", "webhook_endpoints", "idempotency_keys"} < before
    admin.execute(end.encode())
    system.run_scheduler()
    admin.execute("UPDATE resma.reports SET swept_at = NULL WHERE tenant_id = 'other'")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        admin.execute(delete.encode())
    assert before - _rows_of(admin, "tenant_id", "other") == {"schedules"}, "the failed deletion has deleted nothing"
    system.run_scheduler()
    assert system.objects() == []
    admin.execute(delete.encode())
    assert _rows_of(admin, "tenant_id", "other") == set()
