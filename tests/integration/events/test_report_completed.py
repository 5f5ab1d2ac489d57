"""What topic and bus are told when a report ends: the same event on both, each at least once, none lost."""

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
    """Lets the tick believe that whoever wrote the events had time to send them."""
    admin.execute("UPDATE resma.events SET created_at = created_at - interval '6 seconds'")


def _refuse(code: str) -> Callable[..., Any]:
    """An EventBridge that answers 200 and takes nothing."""
    return lambda **_: {"FailedEntryCount": 1, "Entries": [{"ErrorCode": code, "ErrorMessage": "no"}]}


def _be_away(**_: Any) -> Any:
    raise ConnectTimeoutError(endpoint_url="https://events.example")


def test_topic_and_bus_are_told_the_same(system: System) -> None:
    report_id = system.request_report(formats=["CSV", "PDF"], filters=NONE)
    assert system.work_once()
    (told,) = _on_topic(system)
    (event,) = system.bus_events()
    assert (event["source"], event["detail-type"]) == ("resma", "Report Completed")
    assert event["detail"] == told
    assert (told["id"], told["data"]["status"]) == (f"evt_{report_id.hex}", "READY")
    assert system.run_scheduler()["put"] == system.run_scheduler()["published"] == 0


@pytest.mark.parametrize("end", ["READY", "FAILED", "CANCELLED"])
def test_every_end_is_told_as_the_schema_says(system: System, admin: Connection[TupleRow], end: str) -> None:
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


@pytest.mark.parametrize("fault", [_be_away, _refuse("InternalFailure")])
def test_a_bus_that_is_away_is_told_by_the_scheduler_and_the_topic_not_twice(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch, field_error: Callable[..., Any]
) -> None:
    system.request_report(format="CSV", filters=NONE)
    bus = worker.app._resources().announcer.bus.events
    with monkeypatch.context() as patch:
        patch.setattr(bus, "put_events", field_error)
        assert system.work_once(), "the report is READY all the same"
        _age(admin)
        assert scheduler.app._resources().bus.events is bus
        done = system.run_scheduler()
    assert (done["published"], done["put"]) == (0, 0)
    assert len(_on_topic(system)) == 1
    assert system.bus_events() == []
    # One that was refused has a pause before its next attempt; one that did not arrive has none.
    admin.execute("UPDATE resma.event_failures SET next_attempt_at = clock_timestamp()")
    done = system.run_scheduler()
    assert (done["published"], done["put"]) == (0, 1)
    assert len(system.bus_events()) == 1
    assert _on_topic(system) == []
    assert system.run_scheduler()["put"] == 0


def test_a_topic_that_is_away_does_not_double_what_the_bus_has(
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


def test_a_bus_that_does_not_answer_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the last thing that a worker does, and its next report waits meanwhile."""
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


def test_an_event_that_the_bus_refuses_holds_up_none_behind_it(
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


def test_what_was_told_before_there_was_a_bus_is_not_told_again(system: System, admin: Connection[TupleRow]) -> None:
    """What the migration does to rows that were published, and to those that were not."""
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
    admin.execute(statement.encode())
    _age(admin)
    done = system.run_scheduler()
    assert (done["published"], done["put"]) == (1, 1)


def test_what_the_docs_show_is_so() -> None:
    """The event is as the schema says, and the first filter policy is the example's."""
    text = (ROOT / "docs/events.md").read_text(encoding="utf-8")
    blocks = [json.loads(block) for block in re.findall(r"```json[^\n]*\n(.*?)```", text, re.DOTALL)]
    event, policy, *_ = blocks
    jsonschema_rs.validate(SCHEMA, event)
    resources = read_template(EXAMPLES["sqs_subscriber"])["Resources"]
    assert {**resources["Subscription"]["Properties"]["FilterPolicy"], "tenantId": ["demo"]} == policy
