"""`Report Requested` on the bus starts a report, once per event, or is answered with an error."""

from __future__ import annotations

import io
import json
import logging
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema_rs
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

import intake.app
from infra.checks import event_schemas
from infra.checks.event_schemas import SCHEMAS, schema_of
from infra.paths import ROOT
from intake.app import FIRST_PAUSE_SECONDS, MAX_RECEIVES, pause_seconds
from intake.models import Envelope
from intake.start_requested_report import MAX_WAIT_SECONDS, start_requested_report
from resma.aws.clients import sqs_client
from resma.database.connection import Database
from resma.errors import DatabaseUnavailableError
from resma.report.content import MASK
from resma.request_errors import IdempotencyKeyInFlightError, QuotaExceededError
from tests.support.system import ROWS, ActAs, System

EVENT_ID = "6a7e8feb-b491-4cf7-a9f1-bf3703467718"
GOOD: dict[str, Any] = {"type": "TRANSACTIONS", "format": "CSV", "filters": {"from": "2030-01-01"}}


def _put(system: System, detail: Any, **more: str) -> dict[str, Any]:
    """Puts an event on the bus as another system would. Returns the record of the queue for the intake."""
    entry = {"Source": "bank.reporting", "DetailType": "Report Requested", "Detail": json.dumps(detail), **more}
    assert system.bus.put_events(Entries=[entry])["FailedEntryCount"] == 0  # type: ignore[list-item]
    (record,) = system.receive(system.requests_url)
    return record


def _answer(system: System, kind: str) -> Any:
    """Returns the only answer on the bus, after checking its type and schema."""
    (event,) = system.bus_events()
    assert (event["source"], event["detail-type"]) == ("resma", kind), event
    jsonschema_rs.validate(json.loads(json.dumps(schema_of(kind))), event["detail"])
    return event["detail"]


def _count(admin: Connection[TupleRow]) -> Any:
    return admin.execute("SELECT count(*) FROM resma.reports").fetchone()


@pytest.mark.parametrize("kind", SCHEMAS)
def test_schemas_are_those_of_the_code(kind: str) -> None:
    path = ROOT / "docs/events" / f"{kind.lower().replace(' ', '-')}.schema.json"
    assert json.loads(path.read_text(encoding="utf-8")) == schema_of(kind), (
        "run `resma admin event-schemas` to update them"
    )


def test_the_command_writes_the_schemas_of_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_schemas, "FOLDER", tmp_path)
    assert event_schemas.main([]) == 0
    for written in tmp_path.iterdir():
        assert written.read_bytes() == (ROOT / "docs/events" / written.name).read_bytes()
    assert len(list(tmp_path.iterdir())) == len(SCHEMAS)


def test_events_start_reports_and_are_answered(system: System) -> None:
    record = _put(system, {"tenantId": "demo", "requestId": "month-end-7", "request": GOOD})
    assert system.take_in(record)
    answer = _answer(system, "Report Accepted")
    assert (answer["tenantId"], answer["requestId"]) == ("demo", "month-end-7")
    assert answer["eventId"] == json.loads(record["body"])["id"]
    assert answer["id"] == f"acc_{answer['eventId']}"
    shown = system.show(UUID(answer["reportId"]))
    assert (shown["requestedBy"], shown["requestedByName"]) == (f"event:{answer['eventId']}", None)
    assert system.work_once()
    (completed,) = system.bus_events()
    assert completed["detail-type"] == "Report Completed"
    assert completed["detail"]["data"]["reportId"] == answer["reportId"]
    assert completed["detail"]["data"]["status"] == "READY"


@pytest.mark.parametrize("request_id", ["once", None])
def test_an_event_that_is_delivered_twice_starts_one_report(
    system: System, admin: Connection[TupleRow], request_id: str | None
) -> None:
    record = _put(system, {"tenantId": "demo", "requestId": request_id, "request": GOOD})
    assert system.take_in(record)
    assert system.take_in(record)
    first, second = (event["detail"] for event in system.bus_events())
    assert first == second, "the id of the answer is the same too"
    assert _count(admin) == (1,)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Captures the log of functions."""
    text = io.StringIO()
    monkeypatch.setattr(intake.app.logger.registered_handler, "stream", text)
    logger = logging.getLogger("tests")
    level = logger.level
    logger.setLevel(logging.INFO)
    yield text
    logger.setLevel(level)


def test_logs_contain_ids_and_nothing_of_the_request(system: System, log: io.StringIO) -> None:
    secret = "Ana-Conceicao-71"
    assert system.take_in(_record(system, _event(title=secret)))
    assert system.take_in(_record(system, _event(filters={secret: secret})))
    assert not system.take_in({**_record(system, {}), "body": f'{{"id": "1", "detail": "{secret}"}}'})
    assert secret not in log.getvalue()
    said = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(line["level"], line.get("event_id")) for line in said] == [
        ("INFO", EVENT_ID),
        ("WARNING", EVENT_ID),
        ("WARNING", None),
    ]


def test_two_events_with_one_request_id_are_one_request(system: System, admin: Connection[TupleRow]) -> None:
    detail = {"tenantId": "demo", "requestId": "r-1", "request": GOOD}
    for _ in range(2):
        assert system.take_in(_put(system, detail))
    first, second = (event["detail"] for event in system.bus_events())
    assert first["reportId"] == second["reportId"]
    assert first["eventId"] != second["eventId"]
    assert _count(admin) == (1,)
    assert system.take_in(_put(system, {**detail, "request": {**GOOD, "format": "PDF"}}))
    assert _answer(system, "Report Rejected")["code"] == "idempotency-key-reused"
    assert system.take_in(_put(system, {**detail, "requestId": None}))
    assert _answer(system, "Report Accepted")["reportId"] != first["reportId"]


def test_an_event_and_a_call_with_the_same_key_are_one_request(system: System, admin: Connection[TupleRow]) -> None:
    assert system.take_in(_put(system, {"tenantId": "demo", "requestId": "both", "request": GOOD}))
    key = system.make_key("reports:write")
    headers = {"Idempotency-Key": "both"}
    status, _, body = system.call_with(key, "POST", "/api/v1/reports/generate", GOOD, headers=headers)
    assert (status, body["id"]) == (202, _answer(system, "Report Accepted")["reportId"])
    assert _count(admin) == (1,)


def test_personal_columns_are_always_masked(system: System) -> None:
    wanted = _event(filters={"from": "2024-01-01"}, columns=["counterparty", "description"])
    assert system.take_in(_put(system, wanted))
    report_id = UUID(_answer(system, "Report Accepted")["reportId"])
    assert system.work_once()
    view = system.show(report_id)
    assert (view["rows"], view["maskedColumns"]) == (ROWS, ["description", "counterparty"])
    assert set(system.content(report_id).decode().splitlines()[1:]) <= {f"{MASK},{MASK}", f",{MASK}"}


def test_an_event_reaches_the_tenant_that_it_names_and_no_other(
    system: System, admin: Connection[TupleRow], as_tenant: ActAs
) -> None:
    """The fixture `as_tenant` creates the tenant `other`. The same requestId of two tenants is two requests."""
    for tenant in ("demo", "other"):
        assert system.take_in(_put(system, {"tenantId": tenant, "requestId": "same", "request": GOOD}))
    owners = admin.execute("SELECT tenant_id FROM resma.reports ORDER BY tenant_id").fetchall()
    assert owners == [("demo",), ("other",)]
    accepted = {event["detail"]["tenantId"]: event["detail"]["reportId"] for event in system.bus_events()}
    assert len(set(accepted.values())) == 2


def _event(**request: Any) -> dict[str, Any]:
    return {"tenantId": "demo", "request": {**GOOD, **request}}


NESTED = json.loads("[" * 150 + "]" * 150)

HOSTILE: dict[str, tuple[Any, str]] = {
    "unknown tenant": ({"tenantId": "nobody", "request": GOOD}, "/tenantId"),
    "no tenant": ({"request": GOOD}, "/tenantId"),
    "tenant of another type": ({"tenantId": ["demo"], "request": GOOD}, "/tenantId"),
    "tenant with SQL": ({"tenantId": "demo'; DROP TABLE resma.reports--", "request": GOOD}, "/tenantId"),
    "tenant with NUL": ({"tenantId": "demo\0", "request": GOOD}, "/tenantId"),
    "huge tenant": ({"tenantId": "d" * 200_000, "request": GOOD}, "/tenantId"),
    "no request": ({"tenantId": "demo"}, "/request"),
    "request of another type": ({"tenantId": "demo", "request": "TRANSACTIONS"}, "/request"),
    "empty": ({}, "/tenantId"),
    "list": ([1, 2], ""),
    "text": ("demo", ""),
    "null": (None, ""),
    "unknown type": (_event(type="../../etc"), "/request/type"),
    "unknown filter": (_event(filters={"tenant_id": "other"}), "/request/filters/tenant_id"),
    "another property": ({**_event(), "scopes": ["personal:read"]}, "/scopes"),
    "prototype": ({**_event(), "__proto__": {"tenantId": "other"}}, "/__proto__"),
    "dunder": (_event(__class__="x"), "/request/__class__"),
    "names inside": (_event(time_zone="UTC"), "/request/time_zone"),
    "private callback": (_event(callbackUrl="https://169.254.169.254/"), "/request/callbackUrl"),
    "requestId with a quote": ({**_event(), "requestId": 'a"b'}, "/requestId"),
    "requestId of another type": ({**_event(), "requestId": 7}, "/requestId"),
    "requestId that is empty": ({**_event(), "requestId": ""}, "/requestId"),
    "huge filter": (_event(filters={"x" * 100_000: 1}), "/request/filters/xxx"),
    "half a character": (_event(filters={"\ud800": "\udfff"}), "/request/filters"),
    "half a character in a value": (_event(title="\ud800"), "/request/title"),
    "NaN": (_event(filters={"from": float("nan")}), "/request/filters/from"),
    "thousands of properties": ({**_event(), **{f"m{n}": n for n in range(5000)}}, "/m0"),
    "deep": (_event(filters={"from": NESTED}), "/request/filters/from"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_an_invalid_event_is_rejected_once_and_writes_nothing(
    system: System, admin: Connection[TupleRow], name: str
) -> None:
    detail, pointer = HOSTILE[name]
    record = _record(system, detail)
    assert system.take_in(record), "it is not repeated"
    answer = _answer(system, "Report Rejected")
    assert answer["code"] in {"request-invalid", "scope-missing"}
    assert answer["errors"][0]["pointer"].startswith(pointer), answer
    assert 1 <= len(answer["errors"]) <= 20
    assert len(json.dumps(answer)) < 64_000, "far below the limit of an entry of the bus"
    assert answer["tenantId"] in {None, "demo", "nobody"}
    assert _count(admin) == (0,)
    assert admin.execute("SELECT count(*) FROM resma.idempotency_keys").fetchone() == (0,)


def _record(system: System, detail: Any) -> dict[str, Any]:
    """Returns the record that EventBridge would deliver. Moto does not parse all valid JSON."""
    body = {"id": EVENT_ID, "source": "bank.reporting", "detail-type": "Report Requested"}
    system.sqs.send_message(
        QueueUrl=system.requests_url, MessageBody=json.dumps({"version": "0", **body, "detail": detail})
    )
    (record,) = system.receive(system.requests_url)
    return record


_NO_REQUESTS = [
    "nonsense",
    "{}",
    "[" * 5000,
    '{"id":"1","source":"resma","detail-type":"Report Completed","detail":{}}',
    '{"id":"1","source":"x","detail-type":"Report Requested","detail":' + "9" * 5000 + "}",
]


@pytest.mark.parametrize("body", _NO_REQUESTS)
def test_a_malformed_event_is_dead_lettered(
    system: System, admin: Connection[TupleRow], log: io.StringIO, body: str
) -> None:
    """It is received without pauses until the queue dead-letters it, and is logged once."""
    system.sqs.send_message(QueueUrl=system.requests_url, MessageBody=body)
    for receives in range(1, MAX_RECEIVES + 1):
        (record,) = system.receive(system.requests_url)
        assert record["attributes"]["ApproximateReceiveCount"] == str(receives)
        assert not system.take_in(record)
    assert (system.bus_events(), _count(admin)) == ([], (0,))
    (said,) = [json.loads(line) for line in log.getvalue().splitlines()]
    assert (said["level"], "exception" in said) == ("WARNING", False)


@pytest.mark.parametrize("source", ["resma", "bank.reporting"])
def test_events_of_resma_are_not_requests(system: System, source: str) -> None:
    kind = "Report Requested" if source == "resma" else "Report Completed"
    entry = {"Source": source, "DetailType": kind, "Detail": json.dumps({"tenantId": "demo", "request": GOOD})}
    system.bus.put_events(Entries=[entry])  # type: ignore[list-item]
    assert system.receive(system.requests_url) == []


def test_temporary_errors_are_retried_and_create_one_report(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    record = _put(system, {"tenantId": "demo", "requestId": "r", "request": GOOD})
    with monkeypatch.context() as patch:
        patch.setattr(intake.app._resources().system, "connect", _raise(DatabaseUnavailableError("away")))
        assert not system.take_in(record)
    assert (system.bus_events(), _count(admin)) == ([], (0,))
    with monkeypatch.context() as patch:
        refused = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure"}]}
        patch.setattr(intake.app._resources().bus.events, "put_events", lambda **_: refused)
        assert not system.take_in(record), "the report exists, but its requester has no answer yet"
    assert _count(admin) == (1,)
    assert system.take_in(record)
    assert _answer(system, "Report Accepted")["requestId"] == "r"
    assert _count(admin) == (1,)


def _raise(error: Exception) -> Any:
    def fail(*_: Any) -> Any:
        raise error

    return fail


def test_an_event_is_hidden_between_two_receives(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden: list[Any] = []
    record = _put(system, {"tenantId": "demo", "request": GOOD})
    monkeypatch.setattr(sqs_client(), "change_message_visibility", lambda **wanted: hidden.append(wanted))
    monkeypatch.setattr(intake.app._resources().system, "connect", _raise(DatabaseUnavailableError("away")))
    assert not system.take_in(record)
    assert [(item["QueueUrl"], item["VisibilityTimeout"]) for item in hidden] == [(system.requests_url, 5)]


def test_pauses_grow_and_last_for_hours() -> None:
    pauses = [pause_seconds(receives, DatabaseUnavailableError("away")) for receives in range(1, MAX_RECEIVES)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (FIRST_PAUSE_SECONDS, MAX_WAIT_SECONDS)
    assert sum(pauses) > 3 * 3600
    assert pause_seconds(1, QuotaExceededError("x", "", 30.2)) == 31
    assert pause_seconds(1, IdempotencyKeyInFlightError("")) == FIRST_PAUSE_SECONDS


def test_an_event_waits_for_a_quota_and_is_rejected_at_the_last_receive(
    system: System, admin: Connection[TupleRow]
) -> None:
    admin.execute("UPDATE resma.tenants SET live_reports = 1 WHERE tenant_id = 'demo'")
    try:
        system.request_report(**{name: value for name, value in GOOD.items() if name != "type"})
        record = _put(system, {"tenantId": "demo", "requestId": "patient", "request": GOOD})
        assert not system.take_in(record)
        assert system.bus_events() == []
        record["attributes"]["ApproximateReceiveCount"] = str(MAX_RECEIVES)
        assert system.take_in(record)
        answer = _answer(system, "Report Rejected")
        assert (answer["code"], answer["retryAfterSeconds"]) == ("live-reports-quota-exceeded", 10)
        assert system.work_once()
        system.bus_events()
        assert system.take_in(record), "nothing was written for the rejected event"
        _answer(system, "Report Accepted")
    finally:
        admin.execute("UPDATE resma.tenants SET live_reports = 1000 WHERE tenant_id = 'demo'")


def test_a_quota_that_takes_too_long_is_rejected_at_once(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Like the quota of rows per day. Here the ten seconds of another quota are too long."""
    monkeypatch.setattr("intake.start_requested_report.MAX_WAIT_SECONDS", 9)
    admin.execute("UPDATE resma.tenants SET live_reports = 1 WHERE tenant_id = 'demo'")
    try:
        system.request_report(**{name: value for name, value in GOOD.items() if name != "type"})
        assert system.take_in(_put(system, {"tenantId": "demo", "request": GOOD}))
        assert _answer(system, "Report Rejected")["code"] == "live-reports-quota-exceeded"
    finally:
        admin.execute("UPDATE resma.tenants SET live_reports = 1000 WHERE tenant_id = 'demo'")


def test_events_consume_the_tenants_request_quota(system: System, admin: Connection[TupleRow]) -> None:
    admin.execute("UPDATE resma.tenants SET requests_per_second = 1, requests_burst = 1 WHERE tenant_id = 'demo'")
    try:
        assert system.take_in(_put(system, {"tenantId": "demo", "request": GOOD}))
        admin.execute("UPDATE resma.request_buckets SET full_at = clock_timestamp() + interval '10 minutes'")
        assert not system.take_in(_put(system, {"tenantId": "demo", "request": GOOD})), "it waits in the queue"
    finally:
        admin.execute("UPDATE resma.tenants SET requests_per_second = 100, requests_burst = 200")
        admin.execute("DELETE FROM resma.request_buckets")


def test_the_same_event_received_concurrently_starts_one_report(system: System, admin: Connection[TupleRow]) -> None:
    body = json.loads(_put(system, {"tenantId": "demo", "requestId": "at-once", "request": GOOD})["body"])
    envelope = Envelope.model_validate(body)
    kept = intake.app._resources()
    several = [replace(kept, system=Database(os.environ["DATABASE_SECRET_ARN"], f"intake {n}")) for n in range(4)]
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda one: start_requested_report(one, envelope, may_wait=True), several))
    for resources in several:
        resources.system.close()
    assert len(set(answers)) == 1
    assert _count(admin) == (1,)
