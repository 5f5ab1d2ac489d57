"""Destinations in the API: validation, changes, isolation of tenants, personal data, and `deliverTo` in requests."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from resma.access.caller import SCOPES
from resma.destinations.destination_rows import MAX_DESTINATIONS
from tests.support.destinations import (
    BUCKET,
    DESTINATIONS,
    create_bucket,
    create_destination,
    deliver_report,
    delivered,
    deliveries_of,
    make_due,
)
from tests.support.embedded_metrics import read_metrics, total_of
from tests.support.system import ActAs, System
from tests.support.webhook_endpoints import call, refused

SCHEDULES = "/api/v1/schedules"
GENERATE = "/api/v1/reports/generate"


def scheduled(destination_ids: list[str]) -> dict[str, Any]:
    """Returns a schedule whose reports are delivered."""
    request = {"type": "TRANSACTIONS", "format": "CSV", "deliverTo": destination_ids}
    return {"name": "Daily", "request": request, "when": "daily", "at": "06:00"}


@pytest.mark.parametrize(
    ("settings", "pointers"),
    [
        ({}, ["/settings/bucket"]),
        ({"bucket": "reports"}, ["/settings/bucket"]),
        ({"bucket": "B", "path": "../{file}", "more": 1}, ["/settings/bucket", "/settings/path", "/settings/more"]),
        ({"bucket": BUCKET, "path": "{file}/{file}"}, ["/settings/path"]),
        ({"bucket": BUCKET, "path": "{account}/{file}"}, ["/settings/path"]),
        ({"bucket": BUCKET, "path": "a//{file}"}, ["/settings/path"]),
        (
            {"bucket": BUCKET, "endpointUrl": "http://169.254.169.254"},
            ["/settings/endpointUrl", "/settings/secretName"],
        ),
        ({"bucket": BUCKET, "secretName": "../other/keys"}, ["/settings/secretName"]),
        (
            {"bucket": BUCKET, "roleArn": "arn:aws:iam::111122223333:role/a", "secretName": "b"},
            ["/settings/secretName"],
        ),
    ],
)
def test_invalid_settings_are_refused(system: System, settings: dict[str, Any], pointers: list[str]) -> None:
    body = {"name": "Partner", "kind": "S3", "settings": settings}
    status, code, found = refused(system, "POST", DESTINATIONS, body)
    assert (status, code, sorted(found)) == (422, "request-invalid", sorted(pointers))


def test_a_destination_is_changed_and_deleted(system: System) -> None:
    made = create_destination(system)
    assert (made["kind"], made["url"], made["namePrefix"]) == ("S3", f"s3://{BUCKET}", "demo/")
    path = f"{DESTINATIONS}/{made['id']}"
    changed = call(system, "PATCH", path, {"name": "Other", "settings": {"bucket": "other", "secretName": "keys"}})
    assert (changed["name"], changed["url"], changed["namePrefix"]) == ("Other", "s3://other", "")
    assert call(system, "PATCH", path, {"enabled": False})["enabled"] is False
    assert call(system, "PATCH", path, {"enabled": True})["enabled"] is True
    assert [item["id"] for item in call(system, "GET", DESTINATIONS)["items"]] == [made["id"]]
    call(system, "DELETE", path)
    assert refused(system, "GET", path)[:2] == (404, "destination-not-found")
    assert refused(system, "GET", f"{DESTINATIONS}/dst_1")[:2] == (404, "destination-not-found")


def test_the_number_of_destinations_is_limited(system: System) -> None:
    for _ in range(MAX_DESTINATIONS):
        create_destination(system)
    body = {"name": "One more", "kind": "S3", "settings": {"bucket": BUCKET}}
    assert refused(system, "POST", DESTINATIONS, body)[:2] == (409, "too-many-destinations")


def test_each_wrong_destination_of_a_request_is_named(system: System, as_tenant: ActAs) -> None:
    as_tenant("other")
    foreign = create_destination(system)
    as_tenant("demo")
    works, disabled = create_destination(system), create_destination(system)
    call(system, "PATCH", f"{DESTINATIONS}/{disabled['id']}", {"enabled": False})
    named = [foreign["id"], works["id"], disabled["id"], "dst_" + "0" * 32]
    request = {"type": "TRANSACTIONS", "format": "CSV", "deliverTo": named}
    expected = ["/deliverTo/0", "/deliverTo/2", "/deliverTo/3"]
    assert refused(system, "POST", GENERATE, request) == (422, "request-invalid", expected)
    assert refused(system, "POST", "/api/v1/reports/estimate", request)[2] == expected
    partly = {**request, "locale": 5}
    assert refused(system, "POST", GENERATE, partly)[2] == ["/locale", *expected]
    assert refused(system, "POST", SCHEDULES, scheduled(named))[2] == [f"/request{pointer}" for pointer in expected]
    again = {**request, "deliverTo": [works["id"], works["id"]]}
    assert refused(system, "POST", GENERATE, again)[2] == ["/deliverTo"]
    assert refused(system, "GET", f"{DESTINATIONS}/{foreign['id']}")[:2] == (404, "destination-not-found")
    assert refused(system, "POST", f"{DESTINATIONS}/{foreign['id']}/test")[:2] == (404, "destination-not-found")


def test_naming_a_destination_needs_only_the_scope_of_the_request(system: System) -> None:
    destination = create_destination(system)
    key = system.make_key("reports:write")
    request = {"type": "TRANSACTIONS", "format": "CSV", "deliverTo": [destination["id"]]}
    assert system.call_with(key, "POST", GENERATE, request)[0] == 202
    status, _, problem = system.call_with(key, "GET", DESTINATIONS)
    assert (status, problem["type"]) == (403, "urn:resma:problem:scope-missing")


def test_a_schedule_delivers_its_reports(system: System, admin: Connection[TupleRow]) -> None:
    create_bucket(system)
    first, second = create_destination(system, "first"), create_destination(system, "second", path="second/{file}")
    status, _, schedule = system.call_api("POST", SCHEDULES, scheduled([first["id"]]))
    assert status == 201, schedule
    path = f"{SCHEDULES}/{schedule['id']}"
    # A PATCH checks the destinations in the transaction that locks the schedule.
    request = {**schedule["request"], "deliverTo": [second["id"]]}
    assert call(system, "PATCH", path, {"request": request})["request"]["deliverTo"] == [second["id"]]
    unknown = {**request, "deliverTo": ["dst_" + "1" * 32]}
    assert refused(system, "PATCH", path, {"request": unknown})[2] == ["/request/deliverTo/0"]
    assert refused(system, "DELETE", f"{DESTINATIONS}/{second['id']}")[:2] == (409, "destination-in-use")
    call(system, "DELETE", f"{DESTINATIONS}/{first['id']}")
    run = call(system, "POST", f"{path}/run")
    assert system.work_once()
    system.deliver_files()
    assert [each["status"] for each in deliveries_of(system, run["id"])] == ["DELIVERED"]
    assert all(name.startswith("demo/second/") for name in delivered(system))
    admin.execute(
        "UPDATE resma.schedules SET due_at = now(),"
        " next_run_at = date_trunc('day', now()) + interval '6 hours' - interval '1 day'"
    )
    assert system.run_scheduler()["started"] == 1
    assert system.work_once()
    system.deliver_files()
    assert len(delivered(system)) == 2


def test_a_destination_that_was_disabled_in_the_meantime_is_on_record(
    system: System, capsys: pytest.CaptureFixture[str]
) -> None:
    destination = create_destination(system)
    report_id = system.request_report(format="CSV", deliverTo=[destination["id"]])
    call(system, "PATCH", f"{DESTINATIONS}/{destination['id']}", {"enabled": False})
    assert system.work_once()
    (delivery,) = deliveries_of(system, report_id)
    assert (delivery["status"], delivery["endedReason"]) == ("FAILED", "destination-disabled")
    assert total_of(read_metrics(capsys.readouterr().out), "DeliveriesAbandoned", Stage="local") == 1
    assert system.deliver_files() == 0


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_pending_deliveries_that_a_change_ends_are_counted(
    system: System, capsys: pytest.CaptureFixture[str], method: str
) -> None:
    """The operator notices that reports do not arrive."""
    destination = create_destination(system)
    path = f"{DESTINATIONS}/{destination['id']}"
    for _ in range(2):
        call(system, "POST", f"{path}/test")
    capsys.readouterr()
    status, _, _ = system.call_api(method, path, {"enabled": False} if method == "PATCH" else None)
    assert status < 300
    assert total_of(read_metrics(capsys.readouterr().out), "DeliveriesAbandoned", Stage="local") == 2


def test_personal_data_go_only_where_a_caller_who_may_see_them_sends_them(
    system: System, as_tenant: ActAs, admin: Connection[TupleRow]
) -> None:
    create_bucket(system)
    as_tenant("demo", SCOPES - {"personal:read"})
    closed = create_destination(system, "closed")
    assert closed["acceptsPersonalData"] is False
    as_tenant("demo")
    opened = create_destination(system, "opened")
    assert opened["acceptsPersonalData"] is True
    audit = {"type": "AUDIT_TRAIL", "format": "CSV", "deliverTo": [opened["id"], closed["id"]]}
    assert refused(system, "POST", GENERATE, audit)[2] == ["/deliverTo/1"]
    # Somebody without the scope changes where the files go after the request.
    report_id = system.request_report(**{**audit, "deliverTo": [opened["id"]]})
    as_tenant("demo", SCOPES - {"personal:read"})
    call(system, "PATCH", f"{DESTINATIONS}/{opened['id']}", {"settings": {"bucket": BUCKET, "path": "mine/{file}"}})
    assert system.work_once()
    system.deliver_files()
    (delivery,) = deliveries_of(system, report_id)
    assert (delivery["status"], delivery["endedReason"]) == ("FAILED", "personal-data-not-allowed")
    assert delivered(system) == {}
    # Masked reports may go there.
    masked = deliver_report(system, closed["id"], type="AUDIT_TRAIL")
    assert deliveries_of(system, masked["id"])[0]["status"] == "DELIVERED"


def test_old_test_deliveries_are_purged(system: System, admin: Connection[TupleRow]) -> None:
    destination = create_destination(system)
    call(system, "POST", f"{DESTINATIONS}/{destination['id']}/test")
    admin.execute("UPDATE resma.file_deliveries SET created_at = created_at - interval '401 days'")
    make_due(admin)
    system.run_scheduler()
    assert call(system, "GET", f"{DESTINATIONS}/{destination['id']}/deliveries")["items"] == []
