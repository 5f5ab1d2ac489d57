"""The report type ACCESS_LOG reads Resma's own records: of one tenant, read-only, with masked persons."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from infra.paths import ROOT
from resma.access.caller import SCOPES
from resma.catalog import DEMO_CATALOG, load_catalog
from resma.report.content import MASK
from tests.support.destinations import create_bucket, create_destination, deliver_report
from tests.support.pdf_readers import read_in_order
from tests.support.system import ActAs, System

SHIPPED = ROOT / "infra" / "system_catalog"
REQUEST = {"type": "ACCESS_LOG", "format": "NDJSON"}


@pytest.fixture(autouse=True)
def _catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, admin: Connection[TupleRow]) -> Iterator[None]:
    """A catalog of the types about Resma's own records and a report type of the bank, and no records of other tests."""
    admin.execute("DELETE FROM resma.download_links")
    for folder in (*SHIPPED.iterdir(), DEMO_CATALOG / "transactions"):
        shutil.copytree(folder, tmp_path / "catalog" / folder.name)
    monkeypatch.setenv("RESMA_CATALOG", str(tmp_path / "catalog"))
    yield
    admin.execute("DELETE FROM resma.download_links")


@pytest.fixture
def act_as(as_tenant: ActAs, admin: Connection[TupleRow]) -> Iterator[ActAs]:
    """`as_tenant`, for tests that read rows as `other`."""
    yield as_tenant
    admin.execute("DELETE FROM resma.row_counts WHERE tenant_id = 'other'")


def rows(system: System) -> list[Any]:
    """Generates the access log, and returns its rows."""
    report_id = system.request_report(**REQUEST)
    assert system.work_once()
    return [json.loads(line) for line in system.content(report_id).splitlines()]


def downloaded(system: System) -> str:
    """Generates and downloads a report of the tenant, and returns its id."""
    report_id: UUID = system.request_report(format="CSV")
    assert system.work_once()
    assert system.call_api("GET", f"/api/v1/reports/{report_id}/download")[0] == 303
    return str(report_id)


def test_it_comes_last_in_the_catalog() -> None:
    assert list(load_catalog()) == ["TRANSACTIONS", "ACCESS_LOG", "ACCESS_REVIEW"]


def test_the_review_has_the_entries_of_the_log_on_pages_that_are_wide_enough(
    system: System, admin: Connection[TupleRow], tmp_path: Path
) -> None:
    """A page of the PDF shows all columns, and none is too narrow for its values."""
    destination = create_destination(system)
    create_bucket(system)
    report = deliver_report(system, destination["id"])
    assert system.call_api("GET", f"/api/v1/reports/{report['id']}/download")[0] == 303
    admin.execute(
        "INSERT INTO resma.delivery_recipient_log (tenant_id, delivery_id, address, status, detail)"
        " SELECT tenant_id, delivery_id, 'ana.maria.oliveira@accounting.example.com', 'REFUSED', '550 5.1.1 unknown'"
        " FROM resma.file_deliveries"
    )
    admin.execute("UPDATE resma.reports SET encrypted_for = %s, signed_by = %s", ([40 * "A", 40 * "B"], 64 * "C"))
    entries = rows(system)
    request = {"type": "ACCESS_REVIEW", "formats": ["PDF", "CSV", "XLSX"], "filters": {"report_id": report["id"]}}
    report_id = system.request_report(**request)
    assert system.work_once()
    shown = system.show(report_id)
    assert shown["warnings"] == []
    assert shown["rows"] == sum(entry["report_id"] == report["id"] for entry in entries)
    for key in system.objects():
        if str(report_id) in key:
            content = system.s3.get_object(Bucket=system.bucket, Key=key)["Body"].read()
            (tmp_path / f"review{Path(key).suffix}").write_bytes(content)
    words = " ".join(" ".join(read_in_order((tmp_path / "review.pdf").read_bytes())).split())
    assert "(1/2)" not in words
    actions = ("EMAIL_SENT", "FILE_DELIVERED", "LINK_CREATED")
    assert all(word in words for word in (*actions, "SUCCEEDED", destination["name"]))


def test_the_documented_command_adds_the_types_to_the_demo(
    system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is run in a folder that has what it copies, and the demo catalog is complete after it."""
    page = (ROOT / "docs" / "access-log.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^    (mkdir -p reports .*)$", page, re.MULTILINE)
    (tmp_path / "infra").symlink_to(ROOT / "infra")
    subprocess.run(command, shell=True, cwd=tmp_path, check=True)  # the command of the documentation
    monkeypatch.setenv("RESMA_CATALOG", str(tmp_path / "reports"))
    demo = {folder.name.upper() for folder in DEMO_CATALOG.iterdir() if folder.is_dir()}
    assert set(load_catalog()) == {*demo, "ACCESS_LOG", "ACCESS_REVIEW"}
    period = {"from": "2026-11-01", "to": "2026-11-30"}
    report_id = system.request_report(type="ACCESS_REVIEW", format="PDF", filters=period)
    assert system.work_once()
    assert system.show(report_id)["status"] == "READY"


def test_a_tenant_gets_its_own_records_only(system: System, act_as: ActAs) -> None:
    own = downloaded(system)
    act_as("other")
    assert {row["report_type"] for row in rows(system)} == {"ACCESS_LOG"}
    act_as("demo")
    found = rows(system)
    assert [(row["action"], row["report_id"]) for row in found[:2]] == [("REQUESTED", own), ("LINK_CREATED", own)]
    assert {row["report_type"] for row in found} == {"TRANSACTIONS", "ACCESS_LOG"}


def test_persons_are_masked_without_personal_read(system: System, act_as: ActAs) -> None:
    downloaded(system)
    assert {row["subject"] for row in rows(system)} == {"loopback"}
    act_as("demo", SCOPES - {"personal:read"})
    masked = rows(system)
    assert {row["subject"] for row in masked} == {MASK}
    assert {row["ip_address"] for row in masked} == {MASK, None}


def test_it_is_estimated(system: System) -> None:
    downloaded(system)
    status, _, body = system.call_api("POST", "/api/v1/reports/estimate", REQUEST)
    assert (status, body["rows"], body["isExact"]) == (200, 2, True)
