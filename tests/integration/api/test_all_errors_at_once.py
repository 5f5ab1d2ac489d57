"""All validation errors of a body are returned at once, for every body that the API and the event intake accept."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection
from psycopg.rows import TupleRow

from tests.support.system import System

GENERATE = "/api/v1/reports/generate"
ESTIMATE = "/api/v1/reports/estimate"
SCHEDULES = "/api/v1/schedules"
ENDPOINTS = "/api/v1/webhook-endpoints"

WRONG_REQUEST = {
    "type": "TRANSACTIONS",
    "format": "CSV",
    "filters": {"from": "2024-02-01", "to": "2024-01-01", "nonsense": 1, "currency": ["XXX"]},
    "columns": ["id", "id", "nothing"],
    "locale": "xx-XX",
    "timeZone": "Mars/Olympus",
    "options": {"pdf": {"paper": "A4"}},
    "callbackUrl": "https://10.0.0.1/hook",
}
WRONG_PARTS = {
    "/filters/to",
    "/filters/nonsense",
    "/filters/currency/0",
    "/columns/1",
    "/columns/2",
    "/locale",
    "/timeZone",
    "/options/pdf",
    "/callbackUrl",
}


def pointers(system: System, method: str, path: str, body: Any) -> list[str]:
    """Returns the pointers of the validation errors of a 422."""
    status, _, problem = system.call_api(method, path, body)
    assert (status, problem["type"]) == (422, "urn:resma:problem:request-invalid"), problem
    assert all(len(error["detail"]) > 10 for error in problem["errors"])
    return [error["pointer"] for error in problem["errors"]]


@pytest.mark.parametrize("path", [GENERATE, ESTIMATE])
@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({}, WRONG_PARTS),
        # Including values with a wrong type, which are found first.
        ({"title": "", "deduplicate": "yes"}, WRONG_PARTS | {"/title", "/deduplicate"}),
        ({"unknown": 1}, WRONG_PARTS | {"/unknown"}),
        # Values that depend on an invalid value are not checked.
        ({"type": "NOTHING"}, {"/type", "/locale", "/timeZone", "/options/pdf", "/callbackUrl"}),
        ({"type": 7}, {"/type", "/locale", "/timeZone", "/options/pdf", "/callbackUrl"}),
        ({"format": "DOC"}, WRONG_PARTS - {"/options/pdf"} | {"/format"}),
        ({"filters": []}, {part for part in WRONG_PARTS if not part.startswith("/filters")} | {"/filters"}),
        ({"timeZone": None}, WRONG_PARTS),
    ],
)
def test_errors_of_a_report_request(
    system: System, admin: Connection[TupleRow], path: str, more: dict[str, Any], found: set[str]
) -> None:
    said = pointers(system, "POST", path, {**WRONG_REQUEST, **more})
    assert len(said) == len(set(said)), "each part is named once"
    assert set(said) == found
    assert admin.execute("SELECT count(*) FROM resma.reports").fetchone() == (0,)


def test_errors_of_a_request_without_a_type(system: System) -> None:
    body = {name: value for name, value in WRONG_REQUEST.items() if name != "type"}
    assert set(pointers(system, "POST", GENERATE, body)) == {
        "/type",
        "/locale",
        "/timeZone",
        "/options/pdf",
        "/callbackUrl",
    }


SCHEDULE: dict[str, Any] = {
    "name": "x",
    "request": WRONG_REQUEST,
    "when": "99 * * * *",
    "at": "07:30",
    "timeZone": "Moon/Tranquility",
    "calendar": "BR",
}
WRONG_SCHEDULE = {f"/request{part}" for part in WRONG_PARTS} | {"/when", "/at", "/timeZone", "/calendar"}


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({}, WRONG_SCHEDULE),
        ({"name": "", "weekStartsOn": "tuesday"}, WRONG_SCHEDULE | {"/name", "/weekStartsOn"}),
        (
            {"misfirePolicy": "never", "request": {**WRONG_REQUEST, "title": ""}},
            WRONG_SCHEDULE | {"/misfirePolicy", "/request/title"},
        ),
        (
            {"period": "last-month"},
            WRONG_SCHEDULE - {"/request/filters/to"} | {"/request/filters/from", "/request/filters/to"},
        ),
        ({"request": {"type": "NOTHING", "format": "CSV"}, "period": "today"}, {"/request/type", *WRONG_SCHEDULE}),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH", "PREVIEW"])
def test_errors_of_a_schedule(system: System, method: str, more: dict[str, Any], found: set[str]) -> None:
    body = {**SCHEDULE, **more}
    if body["request"]["type"] == "NOTHING":
        found = {part for part in found if not part.startswith("/request")} | {"/request/type"}
    path, send = SCHEDULES, "POST"
    if method == "PATCH":
        good = {"name": "good", "request": {"type": "TRANSACTIONS", "format": "CSV"}, "when": "daily"}
        status, _, made = system.call_api("POST", SCHEDULES, good)
        assert status == 201, made
        path, send = f"{SCHEDULES}/{made['id']}", "PATCH"
    elif method == "PREVIEW":
        path = f"{SCHEDULES}/preview"
    said = pointers(system, send, path, body)
    assert len(said) == len(set(said)), "each part is named once"
    assert set(said) == found


def test_an_unknown_time_zone_of_a_schedule_is_one_error(system: System) -> None:
    """A request without a time zone uses that of the schedule, so that this is one error."""
    body = {"name": "x", "request": {"type": "TRANSACTIONS", "format": "CSV"}, "when": "daily", "timeZone": "Mars"}
    assert pointers(system, "POST", SCHEDULES, body) == ["/timeZone"]
    assert sorted(pointers(system, "POST", SCHEDULES, {**body, "name": ""})) == ["/name", "/timeZone"]


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_errors_of_a_webhook_endpoint(system: System, method: str) -> None:
    path = ENDPOINTS
    if method == "PATCH":
        status, _, made = system.call_api("POST", ENDPOINTS, {"url": "https://hooks.example.com/"})
        assert status == 201, made
        path = f"{ENDPOINTS}/{made['id']}"
    wrong: dict[str, Any] = {"url": "https://127.0.0.1/", "reportTypes": ["TRANSACTIONS", "NOTHING", "NEITHER"]}
    assert set(pointers(system, method, path, wrong)) == {"/url", "/reportTypes/1", "/reportTypes/2"}
    wrong["events"] = ["report.unknown"]
    assert set(pointers(system, method, path, wrong)) == {"/url", "/reportTypes/1", "/reportTypes/2", "/events/0"}


def test_errors_of_an_api_key(system: System) -> None:
    body = {"name": "", "scopes": ["reports:read", "everything", "nothing"], "expiresInDays": 0}
    assert set(pointers(system, "POST", "/api/v1/api-keys", body)) == {
        "/name",
        "/scopes/1",
        "/scopes/2",
        "/expiresInDays",
    }


@pytest.mark.parametrize("path", ["redrive", "00000000-0000-0000-0000-000000000000/redrive"])
def test_errors_of_an_optional_body(system: System, path: str) -> None:
    body = {"reason": "\b", "more": 1}
    assert set(pointers(system, "POST", f"/api/v1/dead-letters/{path}", body)) == {"/reason", "/more"}


@pytest.mark.parametrize(
    ("more", "inner", "found"),
    [
        ({}, {}, set()),
        ({"unknown": 1}, {"title": ""}, {"/unknown", "/request/title"}),
    ],
)
def test_errors_of_an_event(system: System, more: dict[str, Any], inner: dict[str, Any], found: set[str]) -> None:
    detail = {"tenantId": "demo", "requestId": "r-1", "request": {**WRONG_REQUEST, **inner}, **more}
    entry = {"Source": "bank.example", "DetailType": "Report Requested", "Detail": json.dumps(detail)}
    system.bus.put_events(Entries=[entry])  # type: ignore[list-item]
    (record,) = system.receive(system.requests_url)
    assert system.take_in(record)
    (answer,) = system.bus_events()
    assert answer["detail-type"] == "Report Rejected"
    found |= {f"/request{part}" for part in WRONG_PARTS}
    assert {error["pointer"] for error in answer["detail"]["errors"]} == found


def test_a_single_error_is_in_the_detail(system: System) -> None:
    good = {"type": "TRANSACTIONS", "format": "CSV"}
    _, _, problem = system.call_api("POST", GENERATE, {**good, "timeZone": "Mars/Olympus"})
    assert problem["detail"] == (
        "One part of the request is not valid: /timeZone: Unknown time zone 'Mars/Olympus'. "
        "Use an IANA time zone name such as 'Europe/Lisbon'."
    )


# ---------------------------------------------------------------- any number of independent errors

ERRORS: dict[str, list[Any]] = {
    "/filters/from": ["2024-13-01", "yesterday", 7],
    "/filters/nonsense": [1, "x", []],
    "/filters/account": ["", "\0", 7, "x" * 500],
    "/columns/0": ["nothing"],
    "/locale": ["xx-XX", 7, "x" * 36, None],
    "/timeZone": ["Mars/Olympus", 7, "../etc", "x" * 101],
    "/title": ["", 7, "\u202e", " "],
    "/options/pdf": [{}, {"orientation": "portrait"}],
    "/callbackUrl": ["http://customer.example", "https://10.0.0.1/", "x", 7],
    "/deduplicate": ["yes", 1, None],
    "/unknown": [1, None],
}
"""Invalid values, by their pointer into an otherwise valid request."""

HEADER_ERRORS = {"/Idempotency-Key": ["", "x" * 256, "é"]}


def _request_with(errors: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {"type": "TRANSACTIONS", "format": "CSV"}
    for pointer, value in errors.items():
        first, *rest = pointer.removeprefix("/").split("/")
        if first == "columns":
            body["columns"] = [value]
        elif rest:
            body.setdefault(first, {})[rest[0]] = value
        else:
            body[first] = value
    return body


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    errors=st.fixed_dictionaries(
        {}, optional={pointer: st.sampled_from(values) for pointer, values in {**ERRORS, **HEADER_ERRORS}.items()}
    )
)
def test_every_error_of_a_request_is_returned(system: System, errors: dict[str, Any]) -> None:
    headers = {"Idempotency-Key": errors["/Idempotency-Key"]} if "/Idempotency-Key" in errors else {}
    body = _request_with({pointer: value for pointer, value in errors.items() if pointer in ERRORS})
    status, _, problem = system.call_api("POST", GENERATE, body, headers)
    if not errors:
        assert status == 202
        return
    assert (status, problem["type"]) == (422, "urn:resma:problem:request-invalid"), problem
    assert sorted(error["pointer"] for error in problem["errors"]) == sorted(errors)
    assert all(error["detail"][0].isupper() and error["detail"].endswith(".") for error in problem["errors"])
    assert not any(words in str(problem) for words in ("Input should", "Value error", "String should", "List should"))


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (
            "/api/v1/reports",
            {
                **{"status": "DONE", "type": "lower", "format": "DOC", "limit": "0"},
                **{"createdAfter": "yesterday", "createdBefore": "2024-13-01T00:00:00Z", "cursor": "x"},
            },
        ),
        ("/api/v1/reports", {"createdAfter": "yesterday", "createdBefore": "today", "cursor": "x"}),
        ("/api/v1/reports", {"limit": "many", "cursor": ""}),
        ("/api/v1/reports", {"limit": "many", "staus": "READY", "createdBefore": "today"}),
        ("/api/v1/reports", {"cursor": "x", "staus": "READY", "page": "2"}),
        ("/api/v1/schedules", {"limit": "0", "cursor": "x"}),
        ("/api/v1/webhook-endpoints/callback/deliveries", {"status": "LOST", "limit": "201", "cursor": "x"}),
        ("/api/v1/reports/00000000-0000-0000-0000-000000000000/summary", {"limit": "0", "cursor": "x"}),
        ("/api/v1/reports/00000000-0000-0000-0000-000000000000/download", {"format": "DOC", "link": "perhaps"}),
        ("/api/v1/dead-letters", {"limit": "0", "cursor": "x"}),
    ],
)
def test_every_error_of_a_query_is_returned(system: System, path: str, query: dict[str, str]) -> None:
    status, _, problem = system.call_api("GET", path, query=query)
    assert (status, problem["type"]) == (422, "urn:resma:problem:request-invalid"), problem
    assert sorted(error["pointer"] for error in problem["errors"]) == sorted(f"/{name}" for name in query)


def test_a_retry_with_an_invalid_idempotency_key_starts_no_report(system: System, admin: Connection[TupleRow]) -> None:
    status, _, made = system.call_api("POST", GENERATE, {"type": "TRANSACTIONS", "format": "CSV"})
    assert status == 202
    assert system.call_api("POST", f"/api/v1/reports/{made['id']}/cancel")[0] == 200
    status, _, problem = system.call_api("POST", f"/api/v1/reports/{made['id']}/retry", None, {"Idempotency-Key": "é"})
    assert (status, [error["pointer"] for error in problem["errors"]]) == (422, ["/Idempotency-Key"])
    assert admin.execute("SELECT count(*) FROM resma.reports").fetchone() == (1,)
