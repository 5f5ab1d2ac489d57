"""Dead-lettered reports can be listed, shown and redriven, and each redrive is recorded."""

from __future__ import annotations

import io
import json
import logging
import os
from typing import Any
from uuid import UUID

import boto3
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

import worker.dead_letter_app
from infra.admin import dead_letters
from infra.servers.postgres import PostgresServer
from tests.support.dead_letters import kill
from tests.support.system import PASSWORD, System

DEAD = "/api/v1/dead-letters"
NONE = {"from": "2030-01-01"}


def _dead(system: System, admin: Connection[TupleRow], **more: Any) -> UUID:
    report_id = system.request_report(format="CSV", filters=NONE, **more)
    kill(system, admin, report_id)
    return report_id


def test_a_dead_letter_is_listed_and_redriven(system: System, admin: Connection[TupleRow]) -> None:
    report_id = _dead(system, admin, callbackUrl="https://customer.example/hook", title="Month end")
    status, _, page = system.call_api("GET", DEAD)
    assert status == 200
    (letter,) = page["items"]
    assert (letter["reportId"], letter["title"]) == (str(report_id), "Month end")
    assert (letter["attempts"], letter["redrives"], letter["error"]["code"]) == (3, 0, "database-busy")
    status, headers, view = system.call_api("POST", f"{DEAD}/{report_id}/redrive", {"reason": "the lock is gone"})
    assert (status, view["status"], view["error"]) == (202, "PENDING", None)
    assert headers["Location"].endswith(f"/reports/{report_id}")
    assert system.call_api("GET", DEAD)[2]["items"] == []
    assert system.work_once()
    report = system.show(report_id)
    assert (report["status"], report["attempt"]) == ("READY", 4)
    record = admin.execute(
        "SELECT redrive, redriven_by IS NOT NULL, reason, attempt, error_code FROM resma.redrives"
    ).fetchall()
    assert record == [(1, True, "the lock is gone", 3, "database-busy")]


def test_each_failure_and_success_has_its_own_event(system: System, admin: Connection[TupleRow]) -> None:
    report_id = _dead(system, admin, callbackUrl="https://customer.example/hook")
    assert system.call_api("POST", f"{DEAD}/{report_id}/redrive")[0] == 202
    kill(system, admin, report_id)
    assert system.call_api("POST", f"{DEAD}/{report_id}/redrive")[0] == 202
    assert system.work_once()
    events = [json.loads(event["Message"]) for event in system.events()]
    assert [(message["id"], message["data"]["status"]) for message in events] == [
        (f"evt_{report_id.hex}", "FAILED"),
        (f"evt_{report_id.hex}_1", "FAILED"),
        (f"evt_{report_id.hex}_2", "READY"),
    ]
    assert admin.execute("SELECT count(*) FROM resma.webhook_deliveries").fetchone() == (3,)


def test_an_event_that_is_sent_late_describes_the_earlier_failure(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The topic was unavailable when the report failed. When the event is sent, the report is READY."""
    report_id = system.request_report(format="CSV", filters=NONE)
    with monkeypatch.context() as patch:
        patch.setattr("resma.events.destinations.Topic.send", lambda *_: (_ for _ in ()).throw(OSError()))
        kill(system, admin, report_id)
    assert system.call_api("POST", f"{DEAD}/{report_id}/redrive")[0] == 202
    assert system.work_once()
    admin.execute("UPDATE resma.events SET created_at = created_at - interval '6 seconds'")
    assert system.run_scheduler()["published"] == 1
    events = {message["id"]: message["data"] for message in (json.loads(e["Message"]) for e in system.events())}
    failed, ready = events[f"evt_{report_id.hex}"], events[f"evt_{report_id.hex}_1"]
    assert (failed["status"], failed["files"], failed["error"]["code"]) == ("FAILED", [], "database-busy")
    assert (ready["status"], len(ready["files"]), ready["error"]) == ("READY", 1, None)


def test_a_dead_letter_shows_its_history(system: System, admin: Connection[TupleRow]) -> None:
    report_id = _dead(system, admin)
    assert system.call_api("POST", f"{DEAD}/{report_id}/redrive")[0] == 202
    kill(system, admin, report_id)
    status, _, letter = system.call_api("GET", f"{DEAD}/{report_id}")
    assert status == 200
    assert (letter["attempts"], letter["redrives"]) == (6, 1)
    (redrive,) = letter["history"]
    assert (redrive["redrive"], redrive["attempts"], redrive["reason"]) == (1, 3, None)
    assert redrive["error"]["detail"].startswith("why. Dead-lettered after 3 attempts.")


def test_all_dead_letters_of_a_tenant_are_redriven(system: System, admin: Connection[TupleRow]) -> None:
    ids = {_dead(system, admin) for _ in range(3)}
    status, _, body = system.call_api("POST", f"{DEAD}/redrive", {"reason": "all is well again"})
    assert (status, body) == (200, {"redriven": 3})
    assert system.call_api("POST", f"{DEAD}/redrive")[2] == {"redriven": 0}
    assert {UUID(json.loads(record["body"])["report_id"]) for record in system.receive()} == ids


def test_pages_of_dead_letters(system: System, admin: Connection[TupleRow]) -> None:
    ids = [str(_dead(system, admin)) for _ in range(3)]
    first = system.call_api("GET", DEAD, query={"limit": "2"})[2]
    query = dict(part.split("=", 1) for part in first["next"].split("?")[1].split("&"))
    second = system.call_api("GET", DEAD, query={**query, "cursor": query["cursor"].replace("%3D", "=")})[2]
    assert [letter["reportId"] for letter in first["items"] + second["items"]] == ids[::-1]
    assert second["next"] is None
    assert system.call_api("GET", DEAD, query={"cursor": "nonsense"})[0] == 422


def test_a_report_with_a_permanent_error_is_not_a_dead_letter(system: System, admin: Connection[TupleRow]) -> None:
    report_id = system.request_report(format="CSV")
    admin.execute("ALTER TABLE bank.transactions RENAME COLUMN counterparty TO other_side")
    try:
        assert system.work_once()
    finally:
        admin.execute("ALTER TABLE bank.transactions RENAME COLUMN other_side TO counterparty")
    assert system.call_api("GET", DEAD)[2]["items"] == []
    for method, path in (("GET", ""), ("POST", "/redrive")):
        status, _, problem = system.call_api(method, f"{DEAD}/{report_id}{path}")
        assert (status, problem["type"]) == (409, "urn:resma:problem:dead-letter-not-found")
        assert "permanent error" in problem["detail"]


@pytest.mark.parametrize("status", ["READY", "EXPIRED", "CANCELLED"])
def test_a_report_that_is_not_dead_lettered_cannot_be_redriven(
    system: System, admin: Connection[TupleRow], status: str
) -> None:
    report_id = system.request_report(format="CSV", filters=NONE)
    assert system.work_once()
    admin.execute("UPDATE resma.reports SET status = %s", (status,))
    code, _, problem = system.call_api("POST", f"{DEAD}/{report_id}/redrive")
    assert code == 409
    assert status in problem["detail"]
    assert admin.execute("SELECT count(*) FROM resma.redrives").fetchone() == (0,)


def test_an_unknown_dead_letter_is_not_found(system: System, new_report_id: UUID) -> None:
    assert system.call_api("GET", f"{DEAD}/{new_report_id}")[0] == 404
    assert system.call_api("POST", f"{DEAD}/nonsense/redrive")[0] == 404


def test_operators_redrive_from_the_command_line(
    system: System, admin: Connection[TupleRow], postgres: PostgresServer, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"postgresql://resma_system:{PASSWORD}@127.0.0.1:{postgres.port}/postgres"
    first, second = _dead(system, admin), _dead(system, admin)
    assert dead_letters.main(["--database", url, "list", "--tenant", "demo"]) == 0
    listed = capsys.readouterr().out
    assert str(first) in listed
    assert str(second) in listed
    assert dead_letters.main(["--database", url, "show", str(first)]) == 0
    assert "database-busy" in capsys.readouterr().out
    assert dead_letters.main(["--database", url, "redrive", str(first), "--reason", "fixed"]) == 0
    assert dead_letters.main(["--database", url, "redrive", str(first)]) == 1, "it is PENDING now"
    assert dead_letters.main(["--database", url, "redrive", "--all"]) == 0
    assert admin.execute("SELECT reason, count(*) FROM resma.redrives GROUP BY 1 ORDER BY 1").fetchall() == [
        ("fixed", 1),
        (None, 1),
    ]
    assert system.run_scheduler()["sent"] == 0, "the process that redrives them still has time to send their messages"
    admin.execute("UPDATE resma.reports SET redriven_at = redriven_at - interval '6 seconds'")
    assert system.run_scheduler()["sent"] == 2
    for record in system.receive():
        assert system.work(record)
    assert system.show(first)["status"] == system.show(second)["status"] == "READY"


def test_redriving_respects_the_limit_of_reports_in_progress(system: System, admin: Connection[TupleRow]) -> None:
    first, _ = _dead(system, admin), _dead(system, admin)
    try:
        admin.execute("UPDATE resma.tenants SET live_reports = 1 WHERE tenant_id = 'demo'")
        assert system.call_api("POST", f"{DEAD}/redrive")[0] == 429
        assert admin.execute("SELECT count(*) FROM resma.reports WHERE status = 'PENDING'").fetchone() == (0,)
        assert system.call_api("POST", f"{DEAD}/{first}/redrive")[0] == 202
    finally:
        admin.execute("UPDATE resma.tenants SET live_reports = DEFAULT WHERE tenant_id = 'demo'")


def test_a_dead_letter_that_cannot_be_recorded_is_logged(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """Powertools' batch processor does not log failed messages, and Lambda counts no error."""
    system.request_report(format="CSV", filters=NONE)
    (record,) = system.receive()
    worker.dead_letter_app._announcer()
    secrets, arn = boto3.client("secretsmanager"), os.environ["SYSTEM_SECRET_ARN"]
    secrets.put_secret_value(SecretId=arn, SecretString="no JSON")
    log = io.StringIO()
    monkeypatch.setattr(worker.dead_letter_app.logger.registered_handler, "stream", log)
    logger = logging.getLogger("tests")
    logger.setLevel(logging.ERROR)
    assert not system.abandon(record), "it comes again"
    logger.setLevel(logging.CRITICAL)
    lines = [json.loads(line) for line in log.getvalue().splitlines() if "a dead letter could not be handled" in line]
    assert [(line["level"], line["tenant_id"], line["exception_name"]) for line in lines] == [
        ("ERROR", "demo", "DatabaseUnavailableError")
    ]


def test_the_error_of_a_last_attempt_that_was_killed_is_worker_died(
    system: System, admin: Connection[TupleRow]
) -> None:
    report_id = system.request_report(format="CSV", filters=NONE)
    (record,) = system.receive()
    admin.execute(
        "UPDATE resma.reports SET status = 'GENERATING', attempt = attempts_allowed, error_code = 'database-busy',"
        " error_detail = 'of the first', lease_until = clock_timestamp() - interval '1 second'"
    )
    assert system.abandon(record)
    error = system.show(report_id)["error"]
    assert error["code"] == "worker-died"
    assert "of the first" not in error["detail"]
