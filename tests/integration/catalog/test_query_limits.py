"""Timeouts of a report's query: the smallest of the report type's, the operator's and the invocation's applies."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

import worker.app
from infra.servers.postgres import PostgresServer
from resma.catalog import DEMO_CATALOG, find_report_type
from resma.snapshot.query_limits import limits_of
from tests.support.system import FunctionContext, System

_SLOW = """sort = ["id"]

[limits]
statement_timeout_seconds = 1

[columns]
id = "integer"

[filters]
seconds = { kind = "amount", required = true }
divisor = { kind = "integer", default = 1 }
"""
# Each pass over the rows takes `seconds`: the summary is one pass, and the first FETCH is another.
_QUERY = """SELECT 1 AS id, pg_sleep(%(seconds)s::float8)::text AS slept FROM (SELECT %(tenant_id)s::text) AS tenant
WHERE 1 / %(divisor)s::int IS NOT NULL"""


@pytest.fixture
def slow(system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of the report.toml of a report type whose query takes as many seconds as its filter `seconds`."""
    folder = tmp_path / "catalog"
    shutil.copytree(DEMO_CATALOG / "transactions", folder / "transactions")
    (folder / "slow").mkdir()
    (folder / "slow" / "report.toml").write_text(_SLOW, encoding="utf-8")
    (folder / "slow" / "query.sql").write_text(_QUERY, encoding="utf-8")
    monkeypatch.setenv("RESMA_CATALOG", str(folder))
    return folder / "slow" / "report.toml"


def generate(system: System, seconds: str, **filters: Any) -> Any:
    """Runs one attempt of a report. Returns the report as the API shows it afterwards."""
    report_id = system.request_report(type="SLOW", format="CSV", filters={"seconds": seconds, **filters})
    system.work_once()
    return system.show(report_id)


def test_the_error_names_the_report_types_limit(system: System, slow: Path) -> None:
    report = generate(system, "20")
    assert (report["status"], report["error"]["code"]) == ("PENDING", "database-busy")
    detail = report["error"]["detail"]
    for words in ("SLOW", "limit of 1 s", "statement_timeout", "`statement_timeout_seconds`", "report.toml"):
        assert words in detail
    assert ".py" not in detail


def test_a_longer_limit_suffices(system: System, slow: Path) -> None:
    slow.write_text(_SLOW.replace("statement_timeout_seconds = 1", "statement_timeout_seconds = 20"), encoding="utf-8")
    report = generate(system, "1.2")
    assert (report["status"], report["rows"]) == ("READY", 1), report


def test_the_operators_maximum_takes_precedence(system: System, slow: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow.write_text(_SLOW.replace("statement_timeout_seconds = 1", "statement_timeout_seconds = 600"), encoding="utf-8")
    monkeypatch.setenv("MAX_STATEMENT_TIMEOUT_SECONDS", "1")
    detail = generate(system, "20")["error"]["detail"]
    assert "limit of 1 s" in detail
    assert "MaxStatementTimeoutSeconds" in detail


def test_a_statement_ends_before_its_invocation_does(
    system: System, slow: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise Lambda would end the function during the statement, and the report would have no error."""
    slow.write_text(_SLOW.replace("statement_timeout_seconds = 1", "statement_timeout_seconds = 600"), encoding="utf-8")

    class ShortContext(FunctionContext):
        def get_remaining_time_in_millis(self) -> int:
            return 3_000

    report_id = system.request_report(type="SLOW", format="CSV", filters={"seconds": "20"})
    (record,) = system.receive()
    assert worker.app.handler({"Records": [record]}, ShortContext())["batchItemFailures"]  # type: ignore[arg-type]
    detail = system.show(report_id)["error"]["detail"]
    (seconds,) = re.findall(r"limit of ([0-9.]+) s", detail)
    assert 1 <= float(seconds) <= 3 * 3 / 4, "a quarter is reserved for saving the report"
    assert "WorkerTimeoutSeconds" in detail


def test_rows_have_the_time_that_the_summary_leaves(
    system: System, slow: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The summary takes 1.8 of the 3 seconds of this attempt, and reading the rows would take another 1.8 seconds."""
    slow.write_text(_SLOW.replace("statement_timeout_seconds = 1", "statement_timeout_seconds = 600"), encoding="utf-8")

    class ShortContext(FunctionContext):
        def get_remaining_time_in_millis(self) -> int:
            return 4_000

    report_id = system.request_report(type="SLOW", format="CSV", filters={"seconds": "1.8"})
    (record,) = system.receive()
    worker.app.handler({"Records": [record]}, ShortContext())  # type: ignore[arg-type]
    error = system.show(report_id)["error"]
    assert error["code"] == "database-busy"
    assert "WorkerTimeoutSeconds" in error["detail"]


def test_an_estimate_reports_a_query_that_the_database_rejects(system: System, slow: Path) -> None:
    body = {"type": "SLOW", "format": "CSV", "filters": {"seconds": "0", "divisor": 0}}
    status, _, problem = system.call_api("POST", "/api/v1/reports/estimate", body)
    assert (status, problem["type"]) == (422, "urn:resma:problem:query-invalid"), problem
    assert "22012" in problem["detail"]
    report = generate(system, "0", divisor=0)
    assert (report["status"], report["error"]["code"]) == ("FAILED", "query-invalid")


def test_a_query_canceled_by_an_operator_is_not_a_timeout(
    system: System, slow: Path, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow.write_text(_SLOW.replace("statement_timeout_seconds = 1", "statement_timeout_seconds = 60"), encoding="utf-8")
    from concurrent.futures import ThreadPoolExecutor

    def cancel() -> None:
        find = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        deadline = time.monotonic() + 30
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            while connection.execute(find).fetchone() is None:
                assert time.monotonic() < deadline
                time.sleep(0.05)

    with ThreadPoolExecutor(1) as operator:
        canceled = operator.submit(cancel)
        detail = generate(system, "30")["error"]["detail"]
        canceled.result()
    assert "an operator canceled it" in detail


def test_the_smallest_limit_applies() -> None:
    report_type = find_report_type("TRANSACTIONS")
    assert limits_of(report_type).statement_seconds == 300
    assert limits_of(report_type, 840, 840).statement_seconds == 300
    assert limits_of(report_type, 60, 840).statement_seconds == 60
    assert limits_of(report_type, 840, 7.5).statement_seconds == 7.5
    assert limits_of(report_type, 840, -1).statement_seconds == 1, "0 would be no limit at all"
