"""The completion event of a split report names its keys and its manifest; webhooks add presigned URLs."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import jsonschema_rs
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from infra.paths import ROOT
from resma.jobs.completed_event import WebhookEvent
from resma.jobs.outcome import record_end
from tests.support.http_receivers import receiver, status
from tests.support.split_files import SplitReport, finish_split, insert_split, store_split
from tests.support.system import System
from tests.support.webhook_endpoints import register

SCHEMA = json.loads((ROOT / "docs/events/report-completed.schema.json").read_text(encoding="utf-8"))
SPLIT = SplitReport(keys=[("BR-1",), ("BR-2",), (None,)], formats=["CSV", "PDF"], failed={(2, "PDF")})


@pytest.fixture(autouse=True)
def _loopback(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """Allows receivers on this machine, as in local development."""
    monkeypatch.setenv("STAGE", "local")
    monkeypatch.setenv("WEBHOOK_ALLOW_LOOPBACK", "true")


def _finish(system: System, admin: Connection[TupleRow], callback: str, *, zip_: bool = False) -> UUID:
    """Makes a split report READY as its coordinator does, and lets the scheduler send its event."""
    report_id = system.request_report(formats=list(SPLIT.formats), callbackUrl=callback)
    insert_split(admin, report_id, SPLIT)
    manifest = store_split(system.s3, system.bucket, report_id, SPLIT)
    if zip_:
        manifest["zip"] = {"object_key": f"demo/{report_id}/1.zip", "bytes": 3, "sha256": "0" * 64}
    finish_split(admin, report_id, manifest)
    record_end(admin, "demo", report_id, "report.ready")
    admin.execute("UPDATE resma.events SET created_at = created_at - interval '6 seconds'")
    assert system.run_scheduler()["published"] == 1
    return report_id


def test_the_event_has_keys_and_manifest(system: System, admin: Connection[TupleRow]) -> None:
    report_id = _finish(system, admin, "https://customer.example/hook")
    (event,) = system.bus_events()
    jsonschema_rs.validate(SCHEMA, event["detail"])
    data = event["detail"]["data"]
    url = f"https://reports.example/api/v1/reports/{report_id}/download"
    assert (data["files"], data["bytes"], data["sha256"]) == ([], None, None)
    assert data["split"] | {"manifest": None} == {
        "by": ["account"],
        "keys": 3,
        "files": 3 * len(SPLIT.formats) - 1,
        "filesFailed": 1,
        "manifest": None,
        "zip": None,
    }
    assert data["split"]["manifest"]["download"] == f"{url}?file=manifest"


def test_the_event_of_a_cancelled_report_has_no_manifest(system: System, admin: Connection[TupleRow]) -> None:
    report_id = system.request_report(format="CSV")
    insert_split(admin, report_id, SplitReport(keys=SPLIT.keys, made=1))
    status_code, _, view = system.call_api("POST", f"/api/v1/reports/{report_id}/cancel")
    assert (status_code, view["split"]["keysDone"]) == (200, 1)
    (event,) = system.bus_events()
    jsonschema_rs.validate(SCHEMA, event["detail"])
    assert event["detail"]["data"]["split"]["manifest"] is None
    assert (event["detail"]["data"]["split"]["keys"], event["detail"]["data"]["split"]["files"]) == (3, 0)


def _deliver(system: System, body: bytes) -> Any:
    message = json.loads(body)
    WebhookEvent.model_validate(message)
    return message["data"]


def test_webhooks_have_presigned_urls_of_manifest_and_archive(system: System, admin: Connection[TupleRow]) -> None:
    with receiver(status(204)) as own, receiver(status(204)) as other:
        register(system, url=other.url)
        report_id = _finish(system, admin, own.url, zip_=True)
        for envelope in system.events():
            system.deliver(envelope)
    data = _deliver(system, own.requests[0].body)
    assert f"demo/{report_id}/1.manifest" in data["split"]["manifest"]["downloadUrl"]
    assert f"demo/{report_id}/1.zip" in data["split"]["zip"]["downloadUrl"]
    assert data["downloadUrl"] == data["split"]["manifest"]["downloadUrl"]
    assert 0 < data["downloadUrlSeconds"] <= 3600
    recorded = admin.execute("SELECT format, subject FROM resma.download_links WHERE report_id = %s", (report_id,))
    assert sorted(recorded.fetchall()) == [("MANIFEST", "webhook:callback"), ("ZIP", "webhook:callback")]
    # The report shows personal columns, so only the callback of the requester gets presigned URLs.
    assert "downloadUrl" not in other.requests[0].body.decode()
    assert _deliver(system, other.requests[0].body)["split"]["keys"] == 3
