"""Authentication on the whole stack, by key and from loopback, and the records of downloads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.local.demo import Demo, DemoFailedError, make_demo_key, run_demo
from resma_cli.output import Output
from resma_cli.progress import OutputProgress
from tests.support.client import GENERATE, Client
from tests.support.keys import make_key, operate

REQUEST = {"type": "TRANSACTIONS", "format": "CSV", "filters": {"from": "2024-01-01", "to": "2024-01-05"}}


@pytest.fixture(scope="module")
def key(client: Client) -> str:
    """A key of the demo tenant with the scopes to read and write, but not to see personal data."""
    return make_key(client, "demo", "reports:read", "reports:write")


def call(client: Client, method: str, path: str, key: str, **more: Any) -> Any:
    """Sends a request with a key."""
    return client.http(method, path, headers={"Authorization": f"Bearer {key}"}, **more)


def columns_of(content: bytes, name: str) -> Sequence[str]:
    """Returns the distinct cells of a CSV column."""
    import csv
    import io

    return sorted({row[name] for row in csv.DictReader(io.StringIO(content.decode()))})


def test_a_key_generates_a_masked_report_and_its_download_is_recorded(client: Client, key: str) -> None:
    answer = call(client, "POST", GENERATE, key, json=REQUEST)
    assert answer.status == 202, answer.data
    report = client.wait_for_status(answer.json()["id"], "READY")
    assert report["maskedColumns"] == ["description", "counterparty"]
    redirect = call(client, "GET", f"/api/v1/reports/{report['id']}/download", key)
    assert redirect.status == 303
    file = client.fetch(redirect.headers["Location"])
    assert columns_of(file.content, "counterparty") in (["", "****"], ["****"])
    links = client.sql("SELECT subject, address FROM resma.download_links WHERE report_id = %s", report["id"])
    assert links == [(f"key:{key.split('_')[1]}", "127.0.0.1")]


def test_a_key_without_personal_read_cannot_download_an_unmasked_report(client: Client, key: str) -> None:
    report = client.wait_for_status(client.request_report("CSV", REQUEST["filters"]), "READY")  # type: ignore[arg-type]
    assert report["maskedColumns"] == []
    refused = call(client, "GET", f"/api/v1/reports/{report['id']}/download", key)
    assert (refused.status, refused.json()["type"]) == (403, "urn:resma:problem:scope-missing")
    assert len(columns_of(client.download(report).content, "counterparty")) > 2


def test_another_tenants_key_finds_nothing(client: Client) -> None:
    operate(client, "create-tenant", "other-bank", "Other Bank", "--live-reports=1")
    other = make_key(client, "other-bank", "reports:read", "reports:write")
    report = client.wait_for_status(client.request_report("CSV", REQUEST["filters"]), "READY")  # type: ignore[arg-type]
    for path in ("", "/download"):
        assert call(client, "GET", f"/api/v1/reports/{report['id']}{path}", other).status == 404
    assert call(client, "GET", "/api/v1/reports", other).json()["items"] == []
    assert "other-bank  Other Bank  (requests_per_second 100, requests_burst 200, live_reports 1" in operate(
        client, "list"
    )


def test_a_revoked_key_is_refused_at_once(client: Client) -> None:
    key = make_key(client, "demo", "reports:read")
    assert call(client, "GET", "/api/v1/reports", key).status == 200
    operate(client, "revoke-key", "demo", key.split("_")[1])
    refused = call(client, "GET", "/api/v1/reports", key)
    assert (refused.status, refused.headers["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"')


def test_loopback_needs_no_key_and_forwarding_headers_are_ignored(client: Client) -> None:
    """The curl command of the README relies on this. A caller cannot choose its source address with a header."""
    assert client.http("GET", "/api/v1/reports?limit=1").status == 200
    assert client.http("GET", "/api/v1/reports?limit=1", headers={"X-Forwarded-For": "203.0.113.7"}).status == 200
    assert client.http("GET", "/api/v1/reports", headers={"Authorization": "Bearer nonsense"}).status == 401
    assert client.http("GET", "/health").json() == {"status": "ok"}
    response = client.http("HEAD", "/health")
    assert (response.status, response.data) == (200, b"")


def test_the_demo_creates_its_own_key(client: Client, tmp_path: Path) -> None:
    """With an invalid key the demo fails, so it does not rely on requests from loopback."""
    good = make_demo_key(client.stack.up.database_url)
    ((scopes, lifetime),) = client.sql(
        "SELECT scopes, expires_at - created_at FROM resma.api_keys WHERE key_id = %s", good.split("_")[1]
    )
    assert set(scopes) == {"reports:read", "reports:write", "personal:read"}
    assert lifetime < timedelta(hours=3)
    bad = good[:-1] + ("A" if good[-1] != "A" else "B")
    up = client.stack.up
    with pytest.raises(DemoFailedError, match="401"):
        run_demo(
            Demo(up.api_url, bad, up.webhook_secret, tmp_path, "CSV", 1),
            OutputProgress(Output(as_json=False, is_quiet=True)),
        )
