"""Properties of all responses of the API: security headers, HEAD requests, and scopes that are checked first."""

from __future__ import annotations

import re
from typing import Any

import pytest

import api.app
from api.http.routing import routes_of
from tests.support.system import System

ELSEWHERE = "203.0.113.9"
ROUTES = routes_of(api.app.app)
ID = "00000000-0000-4000-8000-000000000000"
IDS = {
    "endpoint_id": "callback",
    "schedule_id": f"sch_{32 * 'a'}",
    "event_id": f"evt_{32 * 'a'}",
    "address": "ana@example.com",
    "certificate_id": f"crt_{32 * 'a'}",
    "destination_id": f"dst_{32 * 'a'}",
    "delivery_id": f"dlv_{32 * 'a'}",
}
HTTPS = {"X-Forwarded-Proto": "https"}


@pytest.mark.parametrize(
    ("path", "address", "status"),
    [
        ("/health", ELSEWHERE, 200),
        ("/console", ELSEWHERE, 200),
        ("/api/v1/reports", ELSEWHERE, 401),
        ("/api/v1/reports", "127.0.0.1", 200),
        ("/api/v1/nothing", "127.0.0.1", 404),
        ("/api/v1/reports/nonsense", "127.0.0.1", 404),
    ],
)
def test_every_response_has_security_headers(system: System, path: str, address: str, status: int) -> None:
    answered, headers, _ = system.call_api("GET", path, headers=HTTPS, address=address)
    assert answered == status
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "Strict-Transport-Security" not in system.call_api("GET", path, address=address)[1], "http has none"


@pytest.mark.parametrize(
    ("path", "status"),
    [("/health", 200), ("/console", 200), ("/console/app.js", 200), ("/api/v1/reports", 200), ("/api/v1/nothing", 404)],
)
def test_head_is_get_without_a_body(system: System, path: str, status: int) -> None:
    answered, headers, body = system.call_api("GET", path)
    assert answered == status
    assert body
    assert system.call_api("HEAD", path) == (status, headers, "")


def test_head_needs_a_key_where_get_does(system: System) -> None:
    assert system.call_api("HEAD", "/console", address=ELSEWHERE)[0] == 200
    assert system.call_api("HEAD", "/api/v1/reports", address=ELSEWHERE)[::2] == (401, "")


def test_a_fixed_url_is_not_treated_as_an_id(system: System) -> None:
    """GET /api/v1/reports/generate is not a request for a report with the id `generate`."""
    for path in sorted({route.path for route in ROUTES if "<" not in route.path}):
        taken = {route.method for route in ROUTES if route.path == path}
        taken |= {"HEAD"} & {method.replace("GET", "HEAD") for method in taken}
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"} - taken:
            status, headers, _ = system.call_api(method, path)
            assert (status, set(headers["Allow"].split(", "))) == (405, taken), (method, path)


def test_every_operation_rejects_unknown_query_parameters(system: System) -> None:
    for route in (route for route in ROUTES if route.include_in_schema):
        path = re.sub(r"<(\w+)>", lambda name: IDS.get(name[1], ID), route.path)
        body: dict[str, str] | None = {} if route.dependant.body_params else None
        query = {"staus": "READY", "Limit": "1", "a/b": ""}
        status, _, problem = system.call_api(route.method, path, body, query=query)
        assert (status, problem["type"]) == (422, "urn:resma:problem:request-invalid"), (path, problem)
        details = {error["pointer"]: error["detail"] for error in problem["errors"]}
        assert {"/staus", "/Limit", "/a~1b"} <= details.keys()
        assert len(details) == len(problem["errors"]), "each is named once"
        assert all(field.alias in details["/staus"] for field in route.dependant.query_params)


def test_pages_accept_any_query(system: System) -> None:
    """An identity provider adds `code`, `state` and other parameters."""
    for path in ("/console", "/console/app.js", "/docs", "/openapi.json", "/console/provider.json"):
        assert system.call_api("GET", path, query={"code": "1", "iss": "https://login.example"})[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/v1/reports/generate", {"type": 7}),
        ("POST", "/api/v1/reports/generate", "{no JSON"),
        ("POST", "/api/v1/reports/generate", None),
        ("POST", "/api/v1/schedules", {}),
        ("GET", "/api/v1/schedules/nonsense", None),
        ("DELETE", "/api/v1/reports/nonsense", None),
        ("GET", "/api/v1/dead-letters/nonsense", None),
        ("GET", "/api/v1/webhook-endpoints/nonsense", None),
        ("POST", "/api/v1/api-keys/nonsense/rotate", {"graceSeconds": -1}),
    ],
)
def test_a_missing_scope_is_the_first_error(system: System, method: str, path: str, body: Any) -> None:
    key = system.make_key("personal:read")
    status, headers, problem = system.call_with(key, method, path, body)
    assert (status, problem["type"]) == (403, "urn:resma:problem:scope-missing"), problem
    assert "insufficient_scope" in headers["WWW-Authenticate"]
