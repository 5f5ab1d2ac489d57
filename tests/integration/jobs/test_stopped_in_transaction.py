"""A function that stops inside a transaction (frozen, cut off) keeps its locks for some seconds only."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from resma.jobs.claim import MAX_ATTEMPTS
from tests.support.system import PASSWORD, System

NONE = {"from": "2030-01-01"}
SHIPPED = {"resma_app": "10s", "resma_system": "60s"}
"""Timeouts of the roles, which migration 0012 sets."""


@pytest.fixture
def stopped(system: System, admin: Connection[TupleRow]) -> Iterator[Connection[TupleRow]]:
    """A session with an open transaction, of a function that will stop."""
    parameters = psycopg.conninfo.conninfo_to_dict(system.database_url)
    with psycopg.connect(
        host="127.0.0.1", port=parameters["port"], dbname=parameters["dbname"], user="resma_app", password=PASSWORD
    ) as connection:
        connection.execute("SELECT set_config('resma.tenant_id', 'demo', true)")
        yield connection
        connection.close()


def stop_after(session: Connection[TupleRow], statement: str, *values: object) -> None:
    """Runs the session's last statement, and then sets the timeout to one second, so that the test is short."""
    session.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    session.execute(statement.encode(), values)
    session.execute("SET LOCAL idle_in_transaction_session_timeout = '1s'")


def test_the_roles_have_the_timeout(admin: Connection[TupleRow]) -> None:
    for role, limit in SHIPPED.items():
        (settings,) = admin.execute("SELECT rolconfig FROM pg_roles WHERE rolname = %s", (role,)).fetchall()
        assert settings == ([f"idle_in_transaction_session_timeout={limit}"],)


def test_requests_continue_after_the_timeout(system: System, stopped: Connection[TupleRow]) -> None:
    stop_after(stopped, "SELECT pg_advisory_xact_lock(hashtextextended('resma.live_reports demo', 0))")
    system.request_report(format="CSV", filters=NONE)
    assert len(system.receive()) == 1


def test_another_worker_claims_its_report(
    system: System, admin: Connection[TupleRow], stopped: Connection[TupleRow]
) -> None:
    report_id = system.request_report(format="CSV", filters=NONE)
    (record,) = system.receive()
    admin.execute(
        "UPDATE resma.reports SET status = 'GENERATING', attempt = %s,"
        " lease_until = clock_timestamp() - interval '1 second'",
        (MAX_ATTEMPTS - 1,),
    )
    stop_after(stopped, "UPDATE resma.reports SET rows_done = 1")
    assert system.work(record)
    assert system.show(report_id)["status"] == "READY"
