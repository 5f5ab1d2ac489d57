"""Completion events on topic and bus: the same event on both, at least once."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from psycopg import Connection
from psycopg.rows import TupleRow

import scheduler.app
import worker.app
from infra.examples.deploy_example import EXAMPLES
from infra.paths import ROOT
from infra.template import read_template
from resma.aws import clients
from resma.events.destinations import Bus
from tests.support.system import System

NONE = {"from": "2030-01-01"}
SCHEMA = json.loads((ROOT / "docs/events/report-completed.schema.json").read_text(encoding="utf-8"))


def _on_topic(system: System) -> list[dict[str, Any]]:
    return [json.loads(envelope["Message"]) for envelope in system.events()]


def _age(admin: Connection[TupleRow]) -> None:
    """Makes events old enough for a scheduler run to send them."""
    admin.execute("UPDATE resma.events SET created_at = created_at - interval '6 seconds'")


def _refuse(code: str) -> Callable[..., Any]:
    """Returns a `put_events` that responds with 200 and rejects all entries."""
    return lambda **_: {"FailedEntryCount": 1, "Entries": [{"ErrorCode": code, "ErrorMessage": "no"}]}


def _be_away(**_: Any) -> Any:
    raise ConnectTimeoutError(endpoint_url="https://events.example")


def test_topic_and_bus_receive_the_same_event(system: System) -> None:
    report_id = system.request_report(formats=["CSV", "PDF"], filters=NONE)
    assert system.work_once()
    (on_topic,) = _on_topic(system)
    (event,) = system.bus_events()
    assert (event["source"], event["detail-type"]) == ("resma", "Report Completed")
    assert event["detail"] == on_topic
    assert (on_topic["id"], on_topic["data"]["status"]) == (f"evt_{report_id.hex}", "READY")
    assert system.run_scheduler()["put"] == system.run_scheduler()["published"] == 0


@pytest.mark.parametrize("end", ["READY", "FAILED", "CANCELLED"])
def test_every_completion_event_matches_the_schema(system: System, admin: Connection[TupleRow], end: str) -> None:
    report_id = system.request_report(format="CSV", filters={"from": "2024-01-01"})
    if end == "READY":
        assert system.work_once()
    elif end == "CANCELLED":
        assert system.call_api("POST", f"/api/v1/reports/{report_id}/cancel")[0] == 200
    else:
        admin.execute("UPDATE resma.reports SET attempt = attempts_allowed")
        assert system.abandon(system.receive()[0])
    (event,) = system.bus_events()
    jsonschema_rs.validate(SCHEMA, event["detail"])
    assert event["detail"]["data"]["status"] == end
    assert bool(event["detail"]["data"]["totals"]) == (end == "READY")


@pytest.mark.parametrize("put_events", [_be_away, _refuse("InternalFailure")])
def test_the_scheduler_sends_to_an_unavailable_bus_and_not_twice_to_the_topic(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch, put_events: Callable[..., Any]
) -> None:
    system.request_report(format="CSV", filters=NONE)
    bus = worker.app._resources().announcer.bus.events
    with monkeypatch.context() as patch:
        patch.setattr(bus, "put_events", put_events)
        assert system.work_once(), "the report is READY although the bus is unavailable"
        _age(admin)
        assert scheduler.app._resources().bus.events is bus
        done = system.run_scheduler()
    assert (done["published"], done["put"]) == (0, 0)
    assert len(_on_topic(system)) == 1
    assert system.bus_events() == []
    # After a rejection there is a pause before the next attempt, but not after a missing response.
    admin.execute("UPDATE resma.event_failures SET next_attempt_at = clock_timestamp()")
    done = system.run_scheduler()
    assert (done["published"], done["put"]) == (0, 1)
    assert len(system.bus_events()) == 1
    assert _on_topic(system) == []
    assert system.run_scheduler()["put"] == 0


def test_an_unavailable_topic_does_not_duplicate_the_event_on_the_bus(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    system.request_report(format="CSV", filters=NONE)
    with monkeypatch.context() as patch:
        patch.setattr(worker.app._resources().announcer.topic.sns, "publish", _be_away)
        assert system.work_once()
    _age(admin)
    assert len(system.bus_events()) == 1
    done = system.run_scheduler()
    assert (done["published"], done["put"]) == (1, 0)
    assert len(_on_topic(system)) == 1


def test_a_bus_that_does_not_respond_gets_one_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the last thing that a worker does, so retries would delay its next report."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL_EVENTBRIDGE", f"http://127.0.0.1:{silent.getsockname()[1]}")
        client = clients.events_client.__wrapped__()
        with pytest.raises(ReadTimeoutError):
            Bus(client, "default").put("Report Completed", {})
        client.close()
        silent.setblocking(False)
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()


def test_an_event_that_the_bus_refuses_does_not_delay_later_ones(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = worker.app._resources().announcer.bus.events
    put = bus.put_events
    with monkeypatch.context() as patch:
        patch.setattr(bus, "put_events", _be_away)
        first, second = (system.request_report(format="CSV", filters=NONE) for _ in range(2))
        for record in system.receive():
            assert system.work(record)
    _age(admin)

    def refuse_the_first(**wanted: Any) -> Any:
        is_first = first.hex in wanted["Entries"][0]["Detail"]
        return _refuse("InternalFailure")() if is_first else put(**wanted)

    with monkeypatch.context() as patch:
        patch.setattr(bus, "put_events", refuse_the_first)
        assert system.run_scheduler()["put"] == 1
    (event,) = system.bus_events()
    assert event["detail"]["data"]["reportId"] == str(second)
    assert system.run_scheduler()["put"] == 0, "there is a pause before the next attempt"
    admin.execute("UPDATE resma.event_failures SET next_attempt_at = clock_timestamp()")
    assert system.run_scheduler()["put"] == 1


def test_events_from_before_the_bus_are_not_sent_again(system: System, admin: Connection[TupleRow]) -> None:
    """The migration marks rows that were published, and leaves the others in the outbox."""
    for _ in range(2):
        system.request_report(format="CSV", filters=NONE)
    for record in system.receive():
        assert system.work(record)
    system.bus_events()
    admin.execute("UPDATE resma.events SET published_to_bus_at = NULL")
    admin.execute(
        "UPDATE resma.events SET published_at = NULL WHERE event_id = (SELECT min(event_id) FROM resma.events)"
    )
    migration = (ROOT / "infra/postgres/migrations/0015_event_bus.sql").read_text(encoding="utf-8")
    (statement,) = [part for part in migration.split(";") if "UPDATE" in part]
    # Migration 0027 has renamed the column since.
    admin.execute(statement.replace("put_on_bus_at", "published_to_bus_at").encode())
    _age(admin)
    done = system.run_scheduler()
    assert (done["published"], done["put"]) == (1, 1)


def test_examples_in_the_docs_are_correct() -> None:
    """The event matches the schema, and the first filter policy is that of the example."""
    text = (ROOT / "docs/events.md").read_text(encoding="utf-8")
    blocks = [json.loads(block) for block in re.findall(r"```json[^\n]*\n(.*?)```", text, re.DOTALL)]
    event, policy, *_ = blocks
    jsonschema_rs.validate(SCHEMA, event)
    resources = read_template(EXAMPLES["sqs_subscriber"])["Resources"]
    assert {**resources["Subscription"]["Properties"]["FilterPolicy"], "tenantId": ["demo"]} == policy
