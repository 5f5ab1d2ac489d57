"""Webhook endpoints in the API: registration, changes, rotation, deletion, and isolation of tenants."""

from __future__ import annotations

import base64
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from infra.servers.postgres import PostgresServer
from resma.access.caller import SCOPES
from resma.webhooks.endpoints import MAX_ENDPOINTS
from resma.webhooks.signing_secrets import derive_secret
from tests.support.system import PASSWORD, WEBHOOK_SECRET, ActAs, System
from tests.support.webhook_endpoints import ENDPOINTS, HOOK, call, refused, register

MASTER = base64.b64decode(WEBHOOK_SECRET.removeprefix("whsec_"))


def test_an_endpoint_is_registered_with_a_secret_of_its_own(system: System) -> None:
    first, second = register(system), register(system, events=["report.failed"], reportTypes=["AUDIT_TRAIL"])
    assert first["id"] != second["id"]
    assert first["secret"] == derive_secret(MASTER, "demo", first["id"], 1) != second["secret"]
    assert (first["url"], first["enabled"], first["events"], first["reportTypes"]) == (HOOK, True, None, None)
    listed = call(system, "GET", ENDPOINTS)["items"]
    assert [item["id"] for item in listed] == ["callback", first["id"], second["id"]]
    assert (listed[2]["events"], listed[2]["reportTypes"]) == (["report.failed"], ["AUDIT_TRAIL"])
    assert all("secret" not in item for item in listed), "secrets are shown only on creation and by an explicit call"
    assert call(system, "GET", f"{ENDPOINTS}/{first['id']}/secret")["secret"] == first["secret"]


def test_callbacks_have_a_secret_without_an_endpoint(system: System) -> None:
    shown = call(system, "GET", f"{ENDPOINTS}/callback/secret")
    assert shown["secret"] == derive_secret(MASTER, "demo", "callback", 1)
    rotated = call(system, "POST", f"{ENDPOINTS}/callback/rotate-secret", {})
    assert (rotated["version"], rotated["previousSecret"]) == (2, shown["secret"])
    assert call(system, "GET", f"{ENDPOINTS}/callback")["secretVersion"] == 2
    assert [item["id"] for item in call(system, "GET", ENDPOINTS)["items"]] == ["callback"]
    fixed: tuple[int, str, list[str]] = (409, "webhook-endpoint-read-only", [])
    assert refused(system, "PATCH", f"{ENDPOINTS}/callback", {"enabled": False}) == fixed
    assert refused(system, "DELETE", f"{ENDPOINTS}/callback") == fixed


def test_two_secrets_are_valid_during_a_rotation(system: System, admin: Connection[TupleRow]) -> None:
    endpoint = register(system)
    path = f"{ENDPOINTS}/{endpoint['id']}"
    rotated = call(system, "POST", f"{path}/rotate-secret", {"overlapHours": 2})
    assert rotated["previousSecret"] == endpoint["secret"] != rotated["secret"]
    assert call(system, "GET", path)["previousSecretUntil"] == rotated["previousSecretUntil"]
    # A client that lost the response repeats the request, which would end the receivers' secret at once.
    assert refused(system, "POST", f"{path}/rotate-secret", {"overlapHours": 2})[:2] == (
        409,
        "webhook-rotation-refused",
    )
    assert call(system, "GET", f"{path}/secret") == rotated
    admin.execute("UPDATE resma.webhook_endpoints SET previous_version_until = clock_timestamp()")
    assert call(system, "GET", f"{path}/secret")["previousSecret"] is None
    assert call(system, "POST", f"{path}/rotate-secret", {})["version"] == 3
    # A leaked secret can be ended at once.
    ended = call(system, "POST", f"{path}/rotate-secret", {"overlapHours": 0})
    assert (ended["version"], ended["previousSecret"], ended["previousSecretUntil"]) == (4, None, None)


def test_an_endpoint_is_changed_disabled_and_enabled(system: System) -> None:
    path = f"{ENDPOINTS}/{register(system, events=['report.ready'])['id']}"
    changed = call(system, "PATCH", path, {"url": "https://new.example.com/"})
    assert (changed["url"], changed["events"], changed["enabled"]) == (
        "https://new.example.com/",
        ["report.ready"],
        True,
    )
    disabled = call(system, "PATCH", path, {"enabled": False, "events": None})
    assert (disabled["enabled"], disabled["disabledReason"], disabled["events"]) == (False, "asked", None)
    assert call(system, "PATCH", path, {}) == disabled, "omitted properties do not change"
    assert call(system, "PATCH", path, {"enabled": True})["disabledAt"] is None
    assert system.call_api("DELETE", path)[0] == 204
    assert refused(system, "GET", path)[:2] == (404, "webhook-endpoint-not-found")


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("POST", "", {}, (422, "request-invalid", ["/url"])),
        ("POST", "", {"url": "http://hooks.example.com/"}, (422, "request-invalid", ["/url"])),
        ("POST", "", {"url": "https://127.0.0.1/"}, (422, "request-invalid", ["/url"])),
        ("POST", "", {"url": "https://2852039166/latest/meta-data/"}, (422, "request-invalid", ["/url"])),
        ("POST", "", {"url": None}, (422, "request-invalid", ["/url"])),
        ("POST", "", {"url": HOOK, "secret": "mine"}, (422, "request-invalid", ["/secret"])),
        ("POST", "", {"url": HOOK, "report_types": None}, (422, "request-invalid", ["/report_types"])),
        ("POST", "", {"url": HOOK, "events": []}, (422, "request-invalid", ["/events"])),
        ("POST", "", {"url": HOOK, "events": ["report.lost"]}, (422, "request-invalid", ["/events/0"])),
        ("POST", "", {"url": HOOK, "reportTypes": ["AUDIT_TRAIL", "X"]}, (422, "request-invalid", ["/reportTypes/1"])),
        ("PATCH", "/{id}", {"url": "https://localhost/"}, (422, "request-invalid", ["/url"])),
        ("PATCH", "/{id}", {"url": None}, (422, "request-invalid", ["/url"])),
        ("PATCH", "/{id}", {"enabled": None}, (422, "request-invalid", ["/enabled"])),
        ("PATCH", "/{id}", {"reportTypes": ["X"]}, (422, "request-invalid", ["/reportTypes/0"])),
        ("POST", "/{id}/rotate-secret", {"overlapHours": 169}, (422, "request-invalid", ["/overlapHours"])),
        ("GET", "/whe_1", None, (404, "webhook-endpoint-not-found", [])),
        ("DELETE", "/whe_%00", None, (404, "webhook-endpoint-not-found", [])),
        ("GET", f"/whe_{'0' * 32}", None, (404, "webhook-endpoint-not-found", [])),
        ("PATCH", f"/whe_{'0' * 32}", {}, (404, "webhook-endpoint-not-found", [])),
        ("DELETE", f"/whe_{'0' * 32}", None, (404, "webhook-endpoint-not-found", [])),
        ("GET", f"/whe_{'0' * 32}/secret", None, (404, "webhook-endpoint-not-found", [])),
        ("GET", f"/whe_{'0' * 32}/deliveries", None, (404, "webhook-endpoint-not-found", [])),
        ("POST", f"/whe_{'0' * 32}/rotate-secret", {}, (404, "webhook-endpoint-not-found", [])),
    ],
)
def test_bad_requests(
    system: System, admin: Connection[TupleRow], method: str, path: str, body: Any, expected: tuple[int, str, list[str]]
) -> None:
    endpoint = register(system)
    before = admin.execute("SELECT * FROM resma.webhook_endpoints").fetchall()
    assert refused(system, method, ENDPOINTS + path.replace("{id}", endpoint["id"]), body) == expected
    assert admin.execute("SELECT * FROM resma.webhook_endpoints").fetchall() == before, "nothing was written"


def test_a_callback_url_is_validated_when_it_is_submitted(system: System, admin: Connection[TupleRow]) -> None:
    for url in (
        "http://hooks.example.com/",
        "https://[::ffff:10.0.0.1]/",
        "https://0x7f.1/",
        "https://metadata.internal/",
    ):
        body = {"type": "TRANSACTIONS", "format": "CSV", "callbackUrl": url}
        assert refused(system, "POST", "/api/v1/reports/generate", body) == (422, "request-invalid", ["/callbackUrl"])
    assert admin.execute("SELECT count(*) FROM resma.reports").fetchone() == (0,)


def test_the_number_of_endpoints_is_limited(system: System) -> None:
    endpoints = [register(system) for _ in range(MAX_ENDPOINTS)]
    assert refused(system, "POST", ENDPOINTS, {"url": HOOK})[:2] == (409, "too-many-webhook-endpoints")
    call(system, "POST", f"{ENDPOINTS}/callback/rotate-secret", {})
    system.call_api("DELETE", f"{ENDPOINTS}/{endpoints[0]['id']}")
    register(system)


# ---------------------------------------------------------------- isolation


def test_endpoints_need_the_scope(system: System, as_tenant: ActAs) -> None:
    endpoint = register(system)
    as_tenant("demo", SCOPES - {"webhooks:manage"})
    replay = f"/api/v1/webhook-deliveries/evt_{'0' * 32}/callback/replay"
    asked: list[tuple[str, str, Any]] = [
        ("GET", ENDPOINTS, None),
        ("POST", ENDPOINTS, {"url": HOOK}),
        ("POST", replay, None),
    ]
    path = f"{ENDPOINTS}/{endpoint['id']}"
    asked += [(method, path, body) for method, body in (("GET", None), ("PATCH", {"enabled": False}), ("DELETE", None))]
    asked += [
        ("GET", f"{path}/secret", None),
        ("POST", f"{path}/rotate-secret", {}),
        ("GET", f"{path}/deliveries", None),
    ]
    for method, place, body in asked:
        assert refused(system, method, place, body)[:2] == (403, "scope-missing"), (method, place)
    as_tenant("demo")
    assert call(system, "GET", path)["secretVersion"] == 1


def test_the_endpoint_of_another_tenant_is_not_found(system: System, as_tenant: ActAs) -> None:
    endpoint = register(system)
    own = call(system, "GET", f"{ENDPOINTS}/callback/secret")["secret"]
    as_tenant("other")
    path = f"{ENDPOINTS}/{endpoint['id']}"
    asked = [("GET", path, None), ("PATCH", path, {"enabled": False}), ("DELETE", path, None)]
    asked += [
        ("GET", f"{path}/secret", None),
        ("POST", f"{path}/rotate-secret", {}),
        ("GET", f"{path}/deliveries", None),
    ]
    for method, place, body in asked:
        assert refused(system, method, place, body)[:2] == (404, "webhook-endpoint-not-found"), (method, place)
    assert [item["id"] for item in call(system, "GET", ENDPOINTS)["items"]] == ["callback"]
    assert call(system, "GET", f"{ENDPOINTS}/callback/secret")["secret"] != own, "no tenant can sign as another"
    as_tenant("demo")
    assert call(system, "GET", path)["enabled"]


def test_row_level_security_isolates_tenants(
    system: System, postgres: PostgresServer, admin: Connection[TupleRow], as_tenant: ActAs
) -> None:
    """A transaction sees only the rows of its tenant, and none without a tenant."""
    register(system)
    as_tenant("other")
    register(system)
    url = f"postgresql://resma_app:{PASSWORD}@127.0.0.1:{postgres.port}/postgres"
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM resma.webhook_endpoints").fetchone() == (0,)
        connection.execute("SELECT set_config('resma.tenant_id', 'other', true)")
        seen = connection.execute("SELECT DISTINCT tenant_id FROM resma.webhook_endpoints").fetchall()
        assert seen == [("other",)]
        assert connection.execute("DELETE FROM resma.webhook_endpoints WHERE tenant_id = 'demo'").rowcount == 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(
                "INSERT INTO resma.webhook_endpoints (tenant_id, endpoint_id) VALUES ('demo', 'callback')"
            )
    protected = admin.execute(
        "SELECT relname FROM pg_class WHERE relname LIKE 'webhook%%' AND relkind = 'r' AND NOT relrowsecurity"
    ).fetchall()
    assert protected == []
