"""API keys: authentication, scopes, and the creation, rotation, revocation and deletion of keys."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from infra.paths import ROOT
from resma.access.caller import Scope
from tests.support.eventually import PATIENCE_SECONDS
from tests.support.system import System

GENERATE = "/api/v1/reports/generate"
KEYS = "/api/v1/api-keys"
GOOD = {"type": "TRANSACTIONS", "format": "CSV"}
SCHEDULE = f"sch_{'0' * 32}"
IDS = {
    "address": "ana@example.com",
    "certificateId": "crt_x",
    "deliveryId": "dlv_x",
    "destinationId": "dst_x",
    "eventId": "evt_x",
    "endpointId": "callback",
    "keyId": "x",
    "number": "1",
    "reportId": "x",
    "scheduleId": SCHEDULE,
}
"""Ids in paths. They do not exist, because the scope of a route is checked before they are looked up."""
BODIES: dict[tuple[str, str], Any] = {
    ("POST", GENERATE): GOOD,
    ("POST", KEYS): {"name": "x", "scopes": ["reports:read"]},
    ("POST", "/api/v1/webhook-endpoints"): {"url": "https://customer.example/hook"},
    ("POST", "/api/v1/destinations"): {"name": "x", "kind": "S3", "settings": {"bucket": "partner"}},
    ("POST", "/api/v1/certificates"): {"name": "x", "certificate": "x"},
    ("PATCH", "/api/v1/destinations/dst_x"): {"enabled": True},
    ("PATCH", "/api/v1/webhook-endpoints/callback"): {"enabled": True},
    ("POST", "/api/v1/webhook-endpoints/callback/rotate-secret"): {"overlapHours": 1},
    ("PUT", "/api/v1/reports/x/hold"): {"reason": "x"},
    ("POST", "/api/v1/erasures"): {"type": "TRANSACTIONS", "filters": {"account": "1"}},
    ("POST", "/api/v1/schedules"): {"name": "x", "request": GOOD, "when": "daily"},
    ("PATCH", f"/api/v1/schedules/{SCHEDULE}"): {"paused": True},
    ("POST", "/api/v1/schedules/preview"): {"when": "daily"},
}
"""Valid bodies of routes that validate the body before the scope."""


@pytest.fixture(autouse=True)
def _remove_keys(admin: Connection[TupleRow]) -> Any:
    yield
    admin.execute("DELETE FROM resma.api_keys")


def key_id(key: str) -> str:
    return key.split("_")[1]


# ---------------------------------------------------------------- authentication


@pytest.mark.parametrize("path", ["/api/v1/reports", "/openapi.json/", "/docsx", "/nowhere", "/health/", "/HEALTH"])
def test_requests_without_a_key_are_rejected(system: System, path: str) -> None:
    status, headers, problem = system.call_api("GET", path, address="203.0.113.9")
    assert (status, headers["WWW-Authenticate"]) == (401, "Bearer")
    assert headers["Content-Type"] == "application/problem+json"
    assert problem["type"] == "urn:resma:problem:credentials-missing"


def test_health_needs_no_key_and_no_database(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_SECRET_ARN", "arn:of:nothing")
    assert system.call_api("GET", "/health", address="203.0.113.9")[::2] == (200, {"status": "ok"})
    assert system.call_api("HEAD", "/health", address="203.0.113.9")[::2] == (200, "")
    assert system.call_api("POST", "/health", address="203.0.113.9")[0] == 401
    assert system.call_api("HEAD", "/api/v1/reports", address="203.0.113.9")[0] == 401


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Client-IP"])
def test_headers_cannot_change_the_source_address_of_a_request(system: System, header: str) -> None:
    status, _, _ = system.call_api("GET", "/api/v1/reports", headers={header: "127.0.0.1"}, address="203.0.113.9")
    assert status == 401


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1"])
def test_requests_from_this_machine_are_of_the_demo_tenant(system: System, address: str) -> None:
    assert system.call_api("GET", "/api/v1/reports", address=address)[0] == 200


@pytest.mark.parametrize("address", ["", "localhost", "0.0.0.0", "10.0.0.1", "127.0.0.1, 10.0.0.1", None])
def test_requests_from_other_machines_need_a_key(system: System, address: Any) -> None:
    assert system.call_api("GET", "/api/v1/reports", address=address)[0] == 401


def test_loopback_without_a_key_works_on_no_other_stage(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the template set it on another stage, the function would reject its settings."""
    monkeypatch.setenv("STAGE", "prod")
    assert system.call_api("GET", "/api/v1/reports")[0] == 500
    assert system.call_api("GET", "/health")[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer {}"},
        {"authorization": "bearer {}"},
        {"X-Api-Key": "{}"},
    ],
)
def test_a_key_is_accepted_in_both_headers(system: System, headers: dict[str, str]) -> None:
    key = system.make_key("reports:read")
    sent = {name: value.format(key) for name, value in headers.items()}
    assert system.call_api("GET", "/api/v1/reports", headers=sent, address="203.0.113.9")[0] == 200


def test_invalid_keys_are_rejected_also_from_this_machine(system: System) -> None:
    key = system.make_key("reports:read")
    other = system.make_key("reports:read")
    mixed = "_".join(("rsm", key_id(key), other.split("_", 2)[2]))
    wrong = ["", "Bearer", "Bearer ", f"Basic {key}", "Bearer rsm_x", f"Bearer {key}x", f"Bearer {mixed}", key]
    for value in wrong:
        status, headers, _ = system.call_api("GET", "/api/v1/reports", headers={"Authorization": value})
        assert (status, headers["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"'), value
    both = {"Authorization": f"Bearer {key}", "X-Api-Key": key}
    assert system.call_api("GET", "/api/v1/reports", headers=both)[0] == 401


def test_no_response_and_no_row_contains_a_key(system: System, admin: Connection[TupleRow]) -> None:
    key = system.make_key("reports:read")
    secret = key.split("_", 2)[2]
    problem = system.call_with(key[:-1] + ("A" if key[-1] != "A" else "B"), "GET", "/api/v1/reports")[2]
    assert secret[:20] not in str(problem)
    ((row,),) = admin.execute("SELECT to_jsonb(api_keys)::text FROM resma.api_keys").fetchall()
    assert secret not in row


# ---------------------------------------------------------------- scopes


def operations(system: System) -> list[tuple[str, str, dict[str, Any]]]:
    document = system.call_api("GET", "/openapi.json")[2]
    return [
        (method.upper(), path.format_map(IDS), operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_operation_documents_and_requires_its_scope(system: System) -> None:
    """Each operation except two names one scope, and rejects callers who have all other scopes."""
    found = operations(system)
    assert ("GET", "/api/v1/reports") in [(method, path) for method, path, _ in found]
    for method, path, operation in found:
        if path == "/health":
            assert operation["security"] == []
            continue
        if path == "/api/v1/me":  # any authenticated caller
            assert operation["security"] == [{"bearer": []}, {"apiKey": []}]
            continue
        (scope,) = {scope for item in operation["security"] for scopes in item.values() for scope in scopes}
        assert [*operation["security"]] == [{"bearer": [scope]}, {"apiKey": [scope]}]
        assert {"401", "403", "429"} <= operation["responses"].keys()
        key = system.make_key(*(other for other in get_args(Scope) if other != scope))
        status, headers, problem = system.call_with(key, method, path, BODIES.get((method, path)))
        if status == 422 and operation.get("requestBody", {}).get("required") and (method, path) not in BODIES:
            continue  # the body is checked first; the scope is required by the same middleware
        assert status == 403, (method, path, problem)
        assert problem["type"] == "urn:resma:problem:scope-missing"
        assert scope in problem["detail"]
        assert headers["WWW-Authenticate"] == f'Bearer error="insufficient_scope", scope="{scope}"'


def test_the_document_describes_authentication(system: System) -> None:
    schemes = system.call_api("GET", "/openapi.json")[2]["components"]["securitySchemes"]
    assert (schemes["bearer"]["type"], schemes["bearer"]["scheme"]) == ("http", "bearer")
    assert (schemes["apiKey"]["in"], schemes["apiKey"]["name"]) == ("header", "X-Api-Key")


def test_a_key_without_scopes_still_reads_the_documentation(system: System) -> None:
    key = system.make_key("webhooks:manage")
    assert system.call_with(key, "GET", "/openapi.json")[0] == 200
    assert system.call_with(key, "GET", "/")[0] == 303
    assert system.call_with(key, "GET", "/nowhere")[0] == 404


# ---------------------------------------------------------------- life cycle of a key


def test_a_key_is_created_shown_once_and_used(system: System, admin: Connection[TupleRow]) -> None:
    manager = system.make_key("keys:manage", "reports:read")
    request = {"name": "month-end", "scopes": ["reports:read"], "expiresInDays": 7}
    status, headers, made = system.call_with(manager, "POST", KEYS, request)
    assert (status, headers["Cache-Control"]) == (201, "no-store")
    assert made["key"].startswith(f"rsm_{made['id']}_")
    assert made["createdBy"] == f"key:{key_id(manager)}"
    lifetime = datetime.fromisoformat(made["expiresAt"]) - datetime.now(UTC)
    assert timedelta(days=6.9) < lifetime < timedelta(days=7.1)
    assert system.call_with(made["key"], "GET", "/api/v1/reports")[0] == 200
    listed = system.call_with(manager, "GET", KEYS)[2]["items"]
    assert [item["id"] for item in listed] == [made["id"], key_id(manager)]
    assert listed[0]["status"] == "ACTIVE"
    assert listed[0]["lastUsedAt"] is not None
    assert "key" not in listed[0]


def test_callers_cannot_create_a_key_with_more_scopes(system: System) -> None:
    manager = system.make_key("keys:manage", "reports:read")
    request = {"name": "x", "scopes": ["reports:read", "personal:read"]}
    status, _, problem = system.call_with(manager, "POST", KEYS, request)
    assert status == 403
    assert problem["errors"][0]["pointer"] == "/scopes/1"
    assert len(system.call_with(manager, "GET", KEYS)[2]["items"]) == 1


def test_callers_cannot_rotate_a_key_with_more_scopes(system: System) -> None:
    strong, manager = system.make_key("personal:read", "keys:manage"), system.make_key("keys:manage")
    assert system.call_with(manager, "POST", f"{KEYS}/{key_id(strong)}/rotate", {})[0] == 403
    assert system.call_with(strong, "POST", f"{KEYS}/{key_id(manager)}/rotate", {})[0] == 201


@pytest.mark.parametrize(
    ("request_", "pointer"),
    [
        ({"name": "x", "scopes": []}, "/scopes"),
        ({"name": "x", "scopes": ["reports:erase"]}, "/scopes/0"),
        ({"name": "", "scopes": ["reports:read"]}, "/name"),
        ({"name": "a\x00b", "scopes": ["reports:read"]}, "/name"),
        ({"name": "\ud800", "scopes": ["reports:read"]}, "/name"),
        ({"name": "x", "scopes": ["reports:read"], "expiresInDays": 367}, "/expiresInDays"),
        ({"name": "x", "scopes": ["reports:read"], "expiresInDays": 0}, "/expiresInDays"),
    ],
)
def test_an_invalid_key_request_is_rejected(system: System, request_: Any, pointer: str) -> None:
    status, _, problem = system.call_api("POST", KEYS, request_)
    assert (status, problem["errors"][0]["pointer"]) == (422, pointer)


def test_both_keys_are_valid_during_rotation(system: System, admin: Connection[TupleRow]) -> None:
    old = system.make_key("reports:read", "keys:manage", days=30)
    status, _, made = system.call_with(old, "POST", f"{KEYS}/{key_id(old)}/rotate", {"graceSeconds": 60})
    assert status == 201
    for key in (old, made["key"]):
        assert system.call_with(key, "GET", "/api/v1/reports")[0] == 200
    new, before = system.call_with(made["key"], "GET", KEYS)[2]["items"]
    assert (before["replacedBy"], new["name"], new["scopes"]) == (new["id"], before["name"], before["scopes"])
    assert datetime.fromisoformat(before["expiresAt"]) < datetime.now(UTC) + timedelta(seconds=61)
    assert datetime.fromisoformat(new["expiresAt"]) > datetime.now(UTC) + timedelta(days=29)
    # After the grace period the old key is rejected, and the new one is accepted.
    admin.execute("UPDATE resma.api_keys SET expires_at = clock_timestamp() WHERE key_id = %s", (key_id(old),))
    status, _, problem = system.call_with(old, "GET", "/api/v1/reports")
    assert (status, "expired" in problem["detail"]) == (401, True)
    assert system.call_with(made["key"], "GET", "/api/v1/reports")[0] == 200


def test_a_key_can_be_rotated_once(system: System) -> None:
    old = system.make_key("keys:manage")
    path = f"{KEYS}/{key_id(old)}/rotate"
    assert system.call_with(old, "POST", path)[0] == 201
    status, _, problem = system.call_with(old, "POST", path)
    assert (status, problem["type"]) == (410, "urn:resma:problem:api-key-inactive")
    assert len(system.call_with(old, "GET", KEYS)[2]["items"]) == 2


def test_a_revoked_key_is_rejected_immediately_and_stays_in_the_list(system: System) -> None:
    manager, key = system.make_key("keys:manage"), system.make_key("reports:read")
    assert system.call_with(key, "GET", "/api/v1/reports")[0] == 200
    for _ in range(2):
        assert system.call_with(manager, "DELETE", f"{KEYS}/{key_id(key)}")[0] == 204
    status, _, problem = system.call_with(key, "GET", "/api/v1/reports")
    assert (status, "revoked" in problem["detail"]) == (401, True)
    statuses = {item["id"]: item["status"] for item in system.call_with(manager, "GET", KEYS)[2]["items"]}
    assert statuses == {key_id(manager): "ACTIVE", key_id(key): "REVOKED"}


def test_another_tenants_key_is_not_found(system: System, admin: Connection[TupleRow]) -> None:
    admin.execute("INSERT INTO resma.tenants (tenant_id, name) VALUES ('other', 'Other') ON CONFLICT DO NOTHING")
    theirs = system.make_key("reports:read", tenant="other")
    for method, path in (("DELETE", f"{KEYS}/{key_id(theirs)}"), ("POST", f"{KEYS}/{key_id(theirs)}/rotate")):
        status, _, problem = system.call_api(method, path, {} if method == "POST" else None)
        assert (status, problem["type"]) == (404, "urn:resma:problem:api-key-not-found")
    assert system.call_with(theirs, "GET", "/api/v1/reports")[0] == 200


@pytest.mark.parametrize("odd", ["x", "%00", "\x00", "a" * 17, "ſ" * 16, "\ud800", "A" * 16])
def test_an_invalid_key_id_is_not_found(system: System, odd: str) -> None:
    for method, path in (("DELETE", f"{KEYS}/{odd}"), ("POST", f"{KEYS}/{odd}/rotate")):
        assert system.call_api(method, path)[0] == 404, path


def test_the_last_use_of_a_key_is_recorded_to_the_minute(system: System, admin: Connection[TupleRow]) -> None:
    key = system.make_key("reports:read")

    def used() -> Any:
        ((timestamp,),) = admin.execute("SELECT last_used_at FROM resma.api_keys").fetchall()
        return timestamp

    assert used() is None
    system.call_with(key, "GET", "/api/v1/reports")
    first = used()
    system.call_with(key, "GET", "/api/v1/reports")
    assert used() == first is not None
    admin.execute("UPDATE resma.api_keys SET last_used_at = last_used_at - interval '2 minutes'")
    system.call_with(key, "GET", "/api/v1/reports")
    assert used() >= first


def test_a_closed_database_connection_is_replaced(system: System, admin: Connection[TupleRow]) -> None:
    key = system.make_key("reports:read")
    assert system.call_with(key, "GET", "/api/v1/reports")[0] == 200
    admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'resma-api'")
    assert system.call_with(key, "GET", "/api/v1/reports")[0] == 200


# ---------------------------------------------------------------- operators


def operate(system: System, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "infra.admin.access", "--database", system.database_url, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_operators_create_tenants_and_keys(system: System, admin: Connection[TupleRow]) -> None:
    assert operate(system, "create-tenant", "north", "North Bank", "--live-reports", "7") == (
        0,
        "Created tenant north. Create its first key with create-key.\n",
    )
    assert operate(system, "create-tenant", "north", "Again") == (
        1,
        "Failed: Tenant north already exists. Change its name with rename-tenant, and its limits with set-quotas.\n",
    )
    assert operate(system, "rename-tenant", "north", "Bank of the North") == (
        0,
        "Tenant north is named Bank of the North. Files that exist keep the earlier name.\n",
    )
    assert operate(system, "rename-tenant", "south", "x")[0] == operate(system, "rename-tenant", "north", "")[0] == 1
    assert operate(system, "create-tenant", "North!", "x")[0] == 1
    assert operate(system, "set-quotas", "north", "--rows-per-day", "0")[0] == 1
    assert operate(system, "set-quotas", "north", "--rows-per-day", "5000")[0] == 0
    assert operate(system, "set-quotas", "north", "--files-per-day", "300")[0] == 0
    code, printed = operate(system, "create-key", "north", "first", "--scope", "reports:read")
    assert code == 0
    (key,) = [line for line in printed.splitlines() if line.startswith("rsm_")]
    assert system.call_with(key, "GET", "/api/v1/reports")[2] == {"items": [], "next": None}
    code, printed = operate(system, "rotate-key", "north", key_id(key), "--grace-seconds", "0")
    assert code == 0
    (new,) = [line for line in printed.splitlines() if line.startswith("rsm_")]
    assert [system.call_with(each, "GET", "/api/v1/reports")[0] for each in (key, new)] == [401, 200]
    assert operate(system, "revoke-key", "north", key_id(new))[0] == 0
    assert system.call_with(new, "GET", "/api/v1/reports")[0] == 401
    code, printed = operate(system, "list")
    assert (
        "north  Bank of the North  (requests_per_second 100, requests_burst 200, live_reports 7, rows_per_day 5000,"
        " files_per_day 300)" in printed
    )
    assert f"{key_id(new)}  first  reports:read  revoked" in printed
    for made in (key, new):
        assert made not in printed
    assert operate(system, "create-key", "nobody", "x", "--scope", "reports:read")[0] == 1
    assert operate(system, "create-key", "north", "x")[0] == 1
    assert operate(system, "create-key", "north", "x", "--scope", "reports:read", "--days", "1000")[0] == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:3008", "Origin": "http://evil.example:3008"},
        {"Host": "localhost:3008", "Origin": "http://evil.example"},
        {"Host": "localhost:3008", "Origin": "null"},
        {"Host": "localhost:3008", "Origin": "http://localhost:4000"},
        {"Host": "localhost.evil.example"},
    ],
)
def test_web_pages_in_a_browser_on_this_machine_are_rejected(system: System, headers: dict[str, str]) -> None:
    assert system.call_api("GET", "/api/v1/reports", headers=headers)[0] == 401


@pytest.mark.parametrize("host", ["localhost:3008", "127.0.0.1:3008", "[::1]:3008", "localhost"])
def test_own_pages_and_commands_on_this_machine_are_accepted(system: System, host: str) -> None:
    assert system.call_api("GET", "/api/v1/reports", headers={"Host": host})[0] == 200
    assert system.call_api("GET", "/api/v1/reports", headers={"Host": host, "Origin": f"http://{host}"})[0] == 200
