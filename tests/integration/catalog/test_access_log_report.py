"""The report type ACCESS_LOG reads Resma's own records: of one tenant, read-only, with masked persons."""

from __future__ import annotations

import json
import shutil
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
from tests.support.system import ActAs, System

SHIPPED = ROOT / "infra" / "system_catalog" / "access_log"
REQUEST = {"type": "ACCESS_LOG", "format": "NDJSON"}


@pytest.fixture(autouse=True)
def _catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, admin: Connection[TupleRow]) -> Iterator[None]:
    """A catalog of the access log and a report type of the bank, and no records of other tests."""
    admin.execute("DELETE FROM resma.download_links")
    for folder in (SHIPPED, DEMO_CATALOG / "transactions"):
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
    assert list(load_catalog()) == ["TRANSACTIONS", "ACCESS_LOG"]


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
