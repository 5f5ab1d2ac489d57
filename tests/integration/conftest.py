"""Fixtures for integration tests: a migrated Postgres server, and AWS simulated by moto."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from uuid import UUID, uuid4

import botocore.session
import psycopg
import pytest
from moto import mock_aws
from psycopg import Connection
from psycopg.rows import TupleRow

import api.app
import api.context
import scheduler.requeue_orphaned_jobs
from infra.demo.load_demo_bank import load_demo_bank, migrate_with_bank
from infra.postgres.migrate import LOGINS, set_password
from infra.servers.ports import free_port
from infra.servers.postgres import PostgresServer
from resma.access.caller import SCOPES, Caller, Scope
from resma.snapshot.summarize import summarize
from tests.support.cut_reports import AS_OF, Cuts, Reports
from tests.support.system import PASSWORD, ROWS, ActAs, System, clear_caches, close_connections

# moto removes the session of boto3 after each test, and with it the parsed models of all services.
botocore.session.create_loader = lru_cache(botocore.session.create_loader)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A Postgres server with the current schema and the demo bank."""
    server = PostgresServer(tmp_path_factory.mktemp("postgres"), free_port())
    server.start()
    try:
        migrate_with_bank(server.url)
        load_demo_bank(server.url, ROWS)
        for login in LOGINS:
            set_password(server.url, login, PASSWORD)
        yield server
    finally:
        server.stop()


@pytest.fixture
def admin(postgres: PostgresServer) -> Iterator[Connection[TupleRow]]:
    """A connection of the superuser. After the test, rows that it leaves in Resma's tables are deleted, and settings of
    tenants have their defaults again.
    """
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        yield connection
        connection.execute("DELETE FROM resma.holds")
        connection.execute("DELETE FROM resma.reports")
        connection.execute("DELETE FROM resma.deleted_reports")
        connection.execute("DELETE FROM resma.webhook_endpoints")
        connection.execute("DELETE FROM resma.schedules")
        connection.execute("DELETE FROM resma.file_deliveries")
        connection.execute("DELETE FROM resma.destinations")
        connection.execute("DELETE FROM resma.certificates")
        connection.execute("DELETE FROM resma.suppressed_addresses")
        connection.execute("DELETE FROM resma.outages")
        connection.execute(
            "UPDATE resma.tenants SET email_domains = DEFAULT, email_attachment_bytes = DEFAULT, signing_key = DEFAULT,"
            " kms_key = DEFAULT"
        )


@pytest.fixture
def far_from_midnight() -> None:
    """Waits until midnight in UTC has passed if it is near, for tests that count per day."""
    now = datetime.now(UTC)
    left = timedelta(days=1) - timedelta(hours=now.hour, minutes=now.minute, seconds=now.second)
    if left < timedelta(minutes=2):
        time.sleep(left.total_seconds())


@pytest.fixture
def system(postgres: PostgresServer, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch) -> Iterator[System]:
    """The whole system in this process. The functions' caches are cleared before and after the test."""
    before = dict(os.environ)
    monkeypatch.setattr(scheduler.requeue_orphaned_jobs, "LOOK_AGAIN_SECONDS", 0)  # no worker runs beside the scheduler
    with mock_aws():
        clear_caches()
        yield System(postgres)
        close_connections()
        clear_caches()
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def as_tenant(admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch) -> Iterator[ActAs]:
    """A function that makes later requests come from the tenant `demo` or `other`; `other` exists during the test."""

    def act(tenant_id: str, scopes: frozenset[Scope] = SCOPES) -> None:
        caller = Caller(tenant_id, "key-2", scopes, "198.51.100.7")
        monkeypatch.setattr(api.app, "authenticate", lambda *_: caller)

    admin.execute(
        "INSERT INTO resma.tenants VALUES ('other', 'Other Bank')"
        " ON CONFLICT (tenant_id) DO UPDATE SET name = EXCLUDED.name"
    )
    yield act
    tables = ("reports", "deleted_reports", "webhook_endpoints", "schedules", "file_deliveries", "destinations")
    for table in (*tables, "certificates", "api_keys", "request_buckets", "tenants"):
        admin.execute(f"DELETE FROM resma.{table} WHERE tenant_id = 'other'".encode())


@pytest.fixture
def new_report_id() -> UUID:
    """The id of a report that does not exist."""
    return uuid4()


@pytest.fixture
def cuts(monkeypatch: pytest.MonkeyPatch) -> Cuts:
    """Decides after which batches an invocation ends and a checkpoint is saved."""
    return Cuts(monkeypatch)


@pytest.fixture
def reports(system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch) -> Reports:
    """A report that a test can run repeatedly with the same timestamp."""
    monkeypatch.setattr("resma.snapshot.snapshot.summarize", lambda *given: replace(summarize(*given), as_of=AS_OF))
    return Reports(system, admin)
