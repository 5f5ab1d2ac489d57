"""The settings of a catalog (resma.toml) determine what the files of its reports look like."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from uuid import UUID

import pytest
from pypdf import PdfReader

from resma.catalog import DEMO_CATALOG
from tests.support.system import System

SETTINGS = """
    [brand]
    logo = "logo.svg"
    primary_color = "#0b5fff"
    footer = { en = "Main Street", nl = "Hoofdstraat" }

    [csv]
    delimiter = ";"
    decimal_mark = ","
    line_end = "lf"

    [pdf]
    cover = false
    contents = false

    [locales.nl-NL]
"""
LOGO = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 0h9v9z"/></svg>'


@pytest.fixture
def with_settings(system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    folder = tmp_path / "catalog"
    shutil.copytree(DEMO_CATALOG / "transactions", folder / "transactions")
    description = folder / "transactions" / "report.toml"
    description.write_text('file_name = "tx-{period}-{currency}"\n' + description.read_text("utf-8"), "utf-8")
    (folder / "resma.toml").write_text(SETTINGS)
    (folder / "logo.svg").write_text(LOGO)
    monkeypatch.setenv("RESMA_CATALOG", str(folder))
    return system


def file_of(system: System, report_id: UUID, extension: str) -> bytes:
    [key] = [key for key in system.objects() if str(report_id) in key and key.endswith(extension)]
    data: bytes = system.s3.get_object(Bucket=system.bucket, Key=key)["Body"].read()
    return data


def test_files_follow_the_settings(with_settings: System) -> None:
    system = with_settings
    filters = {"from": "2024-01-01", "to": "2024-12-31", "currency": ["EUR", "USD"]}
    options = {"csv": {"lineEnd": "crlf"}}
    report_id = system.request_report(
        type="TRANSACTIONS", formats=["CSV", "PDF"], filters=filters, locale="nl-NL", options=options
    )
    assert system.work_once()
    report = system.show(report_id)
    assert report["status"] == "READY", report["error"]
    header, first, *_ = file_of(system, report_id, "csv").decode().split("\r\n")
    assert header.count(";") == first.count(";") > 3
    pages = PdfReader(io.BytesIO(file_of(system, report_id, "pdf"))).pages
    assert all("Hoofdstraat" in page.extract_text() for page in pages)
    assert "Contents" not in "".join(page.extract_text() for page in pages[:2])
    assert report["options"]["csv"]["lineEnd"] == "crlf"
    query = {"link": "true", "format": "PDF"}
    _, _, link = system.call_api("GET", f"/api/v1/reports/{report_id}/download", query=query)
    assert link["fileName"] == "tx-2024-EUR-USD.pdf"


def test_the_locale_is_offered(with_settings: System) -> None:
    _, _, types = with_settings.call_api("GET", "/api/v1/report-types", query={"locale": "nl-NL"})
    assert types["items"][0]["locales"][-1] == "nl-NL"
    _, _, document = with_settings.call_api("GET", "/openapi.json")
    assert document["components"]["schemas"]["Locale"]["enum"][-1] == "nl-NL"
    body = {"type": "TRANSACTIONS", "format": "CSV", "locale": "sv-SE"}
    status, _, problem = with_settings.call_api("POST", "/api/v1/reports/generate", body)
    assert (status, problem["errors"][0]["pointer"]) == (422, "/locale")
    assert "nl-NL" in problem["errors"][0]["detail"]


def test_the_estimate_knows_that_there_is_no_cover(with_settings: System) -> None:
    body = {"type": "TRANSACTIONS", "format": "PDF", "filters": {"from": "2024-01-01", "to": "2024-01-01"}}
    pages = []
    for cover in (False, True):
        request = {**body, "options": {"pdf": {"cover": cover}}}
        _, _, estimate = with_settings.call_api("POST", "/api/v1/reports/estimate", request)
        pages.append(estimate["files"][0]["pages"])
    assert pages[1] == pages[0] + 1
