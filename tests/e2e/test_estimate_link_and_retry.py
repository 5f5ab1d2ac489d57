"""Estimates, summaries, download links and retries of reports on the whole stack."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from infra.paths import ROOT
from tests.support.client import GENERATE, Client, Json
from tests.support.client_programs import LANGUAGES, environment
from tests.support.docs_pages import SCRIPT, blocks
from tests.support.eventually import PATIENCE_SECONDS
from tests.support.keys import make_key
from tests.support.webhook_receiver import WebhookReceiver

REQUEST: Json = {
    "type": "TRANSACTIONS",
    "formats": ["CSV", "PDF"],
    "filters": {"from": "2024-01-01", "to": "2024-03-31"},
    "options": {"pdf": {"orientation": "portrait"}},
}


def answer(client: Client, method: str, path: str, status: int, **more: Any) -> Any:
    """Sends a request, asserts the status of the response, and returns its body."""
    response = client.http(method, path, **more)
    assert response.status == status, response.data
    return response.json()


def test_a_key_can_look_up_its_owner(client: Client) -> None:
    key = make_key(client, "demo", "webhooks:manage")
    me = answer(client, "GET", "/api/v1/me", 200, headers={"Authorization": f"Bearer {key}"})
    assert me == {
        "tenantId": "demo",
        "tenantName": "Banco Aurora",
        "subject": f"key:{key.split('_')[1]}",
        "name": "e2e",
        "scopes": ["webhooks:manage"],
    }


def test_an_estimate_matches_the_report(client: Client) -> None:
    """The rows are counted in the source database; sizes are estimated from the previous report."""
    before = answer(client, "POST", GENERATE, 202, json=REQUEST)["id"]
    client.wait_for_status(before, "READY")
    request = {**REQUEST, "filters": {"from": "2024-01-01", "to": "2024-12-31"}}
    estimate = answer(client, "POST", "/api/v1/reports/estimate", 200, json=request)
    report = client.wait_for_status(answer(client, "POST", GENERATE, 202, json=request)["id"], "READY")
    assert (estimate["rows"], estimate["isExact"]) == (report["rows"], True)
    for guess, file in zip(estimate["files"], report["files"], strict=True):
        assert guess["format"] == file["format"]
        assert file["bytes"] / 1.5 <= guess["bytes"] <= file["bytes"] * 1.5, (guess, file)
        assert guess["pages"] == file["pages"]
    assert estimate["seconds"] > 0
    assert estimate["queue"]["ahead"] == 0


def test_a_summary_adds_up_to_the_report(client: Client) -> None:
    report = client.wait_for_status(answer(client, "POST", GENERATE, 202, json=REQUEST)["id"], "READY")
    summary = answer(client, "GET", f"/api/v1/reports/{report['id']}/summary", 200)
    assert [summary[name] for name in ("asOf", "rows", "totals")] == [
        report[name] for name in ("asOf", "rows", "totals")
    ]
    assert [chart["kind"] for chart in summary["charts"]] == ["time", "bars", "share"]
    for chart in summary["charts"][1:]:
        assert sum(int(value) for value in chart["series"][0]["values"]) == report["rows"]
    assert report["progress"]["stage"] is None


def test_a_link_is_fetched_without_a_redirect(client: Client) -> None:
    report = client.wait_for_status(answer(client, "POST", GENERATE, 202, json=REQUEST)["id"], "READY")
    link = answer(client, "GET", f"/api/v1/reports/{report['id']}/download?link=true&format=PDF", 200)
    file = client.fetch(link["url"])
    assert (file.name, file.sha256) == (link["fileName"], report["files"][1]["sha256"])


def test_a_cancelled_report_is_retried(client: Client, webhooks: WebhookReceiver) -> None:
    """The retry has all parameters of the first request, including the callback."""
    request = {**REQUEST, "callbackUrl": webhooks.customer("retried")}
    first = answer(client, "POST", GENERATE, 202, json=request)["id"]
    client.http("POST", f"/api/v1/reports/{first}/cancel")
    if client.show(first)["status"] != "CANCELLED":  # it was READY before
        client.sql("UPDATE resma.reports SET status = 'FAILED' WHERE report_id = %s", first)
    again = answer(client, "POST", f"/api/v1/reports/{first}/retry", 202)
    report = client.wait_for_status(again["id"], "READY")
    assert report["id"] != first
    assert [report[name] for name in ("type", "formats", "filters")] == [
        REQUEST[name] for name in ("type", "formats", "filters")
    ]
    notified = [webhook.message["data"] for webhook in webhooks.wait_for_webhooks("retried", 2)]
    assert {data["reportId"] for data in notified} == {first, report["id"]}


def test_the_pages_commands_work(client: Client, tmp_path: Path) -> None:
    """Runs the shell blocks of docs/reports-api.md one after another in one shell."""
    LANGUAGES[0].require()
    key = make_key(client, "demo", "reports:read", "reports:write")
    done = subprocess.run(
        ["bash", "-euo", "pipefail"],
        input="".join(block.text for block in blocks(ROOT / "docs" / "reports-api.md") if block.kind == SCRIPT),
        cwd=tmp_path,
        env=environment(RESMA_URL=client.stack.up.api_url, RESMA_KEY=key),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("409")
    report, summary, estimate = (
        json.loads((tmp_path / f"{name}.json").read_text()) for name in ("report", "summary", "estimate")
    )
    assert report["rows"] == summary["rows"] == estimate["rows"]
    (pdf,) = tmp_path.glob("*.pdf")
    assert pdf.stat().st_size == report["files"][1]["bytes"]
