"""Reports read from a real replica, which cancels a long read that conflicts with replay."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from infra.servers.ports import free_port
from infra.servers.postgres import PostgresServer
from tests.support.eventually import eventually
from tests.support.system import PASSWORD, System

IMPATIENT = "max_standby_streaming_delay = 0\nhot_standby_feedback = off\n"


@pytest.fixture
def replica(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A streaming replica of the tests' server, on which no read delays replay."""
    server = PostgresServer(tmp_path_factory.mktemp("replica"), free_port())
    password = shutil.copy(postgres.folder / "password", server.folder / "password")
    for path in (server.folder, Path(password)):
        owner = postgres.folder.stat()
        os.chown(path, owner.st_uid, owner.st_gid)
    server._run("pg_basebackup", "-d", postgres.url, "-D", str(server._data), "-R", "-X", "stream", "-c", "fast")
    with (server._data / "postgresql.auto.conf").open("a") as settings:
        settings.write(IMPATIENT)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def standby(replica: PostgresServer) -> Iterator[Connection[TupleRow]]:
    """A connection to the replica."""
    with psycopg.connect(replica.url, autocommit=True) as connection:
        yield connection


def read_from(server: PostgresServer) -> None:
    """Sets the secret of the source database to another server."""
    address = {"host": "127.0.0.1", "port": server.port, "dbname": "postgres"}
    boto3.client("secretsmanager").put_secret_value(
        SecretId=os.environ["SOURCE_SECRET_ARN"],
        SecretString=json.dumps({**address, "sslmode": "prefer", "username": "resma_reader", "password": PASSWORD}),
    )


def test_a_read_that_a_replica_cancels_is_retried_and_its_error_says_what_to_do(
    system: System, admin: Connection[TupleRow], replica: PostgresServer, standby: Connection[TupleRow]
) -> None:
    read_from(replica)
    admin.execute(
        "CREATE TABLE public.scratch AS SELECT 1 AS one;"
        " CREATE POLICY slow ON bank.transactions AS RESTRICTIVE FOR SELECT TO resma_reader USING"
        " (CASE WHEN current_query() LIKE 'FETCH%' THEN pg_sleep(60) IS NOT NULL ELSE true END)"
    )
    policies = "SELECT count(*) FROM pg_policies WHERE policyname = 'slow'"
    reads = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'resma_reader' AND wait_event = 'PgSleep'"
    try:
        eventually("the replica has followed", lambda: standby.execute(policies).fetchone() == (1,))
        report_id = system.request_report(format="CSV")
        (record,) = system.receive()
        with ThreadPoolExecutor(1) as thread:
            done = thread.submit(system.work, record)
            eventually("the replica is read", lambda: standby.execute(reads).fetchone() == (1,))
            admin.execute("DELETE FROM public.scratch")
            admin.execute("VACUUM public.scratch")
            assert not done.result(120)
    finally:
        admin.execute("DROP TABLE public.scratch; DROP POLICY slow ON bank.transactions")
    report = system.show(report_id)
    assert (report["status"], report["error"]["code"]) == ("PENDING", "database-busy")
    for words in ("A read replica canceled a long query", "hot_standby_feedback", "max_standby_streaming_delay"):
        assert words in report["error"]["detail"]
    eventually("the replica has followed", lambda: standby.execute(policies).fetchone() == (0,))
    # Changes that the replica still has to replay may cancel another read or two.
    admin.execute("UPDATE resma.reports SET attempts_allowed = 20")
    eventually("no read is cancelled anymore", lambda: system.work(record))
    assert system.show(report_id)["status"] == "READY"
    assert system.open_uploads() == []


def test_an_estimate_is_counted_on_the_replica(
    system: System, admin: Connection[TupleRow], replica: PostgresServer, standby: Connection[TupleRow]
) -> None:
    """Its lock, its savepoint and its timeout work on a standby, and the primary is not used."""
    read_from(replica)
    rows = "SELECT count(*) FROM bank.transactions WHERE tenant_id = 'demo'"
    expected = admin.execute(rows).fetchone()
    eventually("the replica has followed", lambda: standby.execute(rows).fetchone() == expected)
    request = {"type": "TRANSACTIONS", "format": "CSV"}
    with psycopg.connect(replica.url) as other:
        other.execute("SELECT pg_advisory_xact_lock(hashtextextended('resma.estimate demo', 0))")
        status, _, guessed = system.call_api("POST", "/api/v1/reports/estimate", request)
    assert (status, guessed["isExact"]) == (200, False)
    status, _, counted = system.call_api("POST", "/api/v1/reports/estimate", request)
    assert (status, counted["isExact"], (counted["rows"],)) == (200, True, expected)
