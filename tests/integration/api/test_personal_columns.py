"""Personal columns are masked in every format unless the caller has the scope, and this cannot be bypassed."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import openpyxl
import pypdf
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

import webhook.deliver
import worker.app
from resma.catalog import check_folder, load_catalog
from resma.report.content import MASK
from resma.report.rows import Row
from resma.snapshot import cursor
from resma.snapshot.snapshot import open_snapshot
from tests.support.system import System
from webhook.post_signed import AttemptResult

GENERATE = "/api/v1/reports/generate"
READ_WRITE = ("reports:read", "reports:write")
COLUMNS = ["id", "occurred_at", "actor", "ip_address", "before"]
REQUEST = {"type": "AUDIT_TRAIL", "columns": COLUMNS}


@pytest.fixture
def keys(system: System, admin: Connection[TupleRow]) -> Iterator[tuple[str, str]]:
    """A key without the scope `personal:read` and one with it."""
    yield system.make_key(*READ_WRITE), system.make_key(*READ_WRITE, "personal:read")
    admin.execute("DELETE FROM resma.api_keys")
    admin.execute("DELETE FROM resma.download_links")


def make(system: System, key: str, **request: Any) -> UUID:
    """Generates a report with a key and returns its id."""
    status, _, body = system.call_with(key, "POST", GENERATE, request)
    assert status == 202, body
    assert system.work_once()
    return UUID(body["id"])


def cells(content: bytes, format_: str, folder: Path) -> list[tuple[Any, Any]]:
    """Returns the address and the JSON of each row; None for NULL."""
    path = folder / f"file.{format_.lower()}"
    path.write_bytes(content)
    if format_ == "NDJSON":
        rows = [json.loads(line) for line in content.splitlines()]
        return [(row["ip_address"], row["before"]) for row in rows]
    if format_ == "XLSX":
        sheets = openpyxl.load_workbook(path).worksheets
        (rows,) = [[*sheet.values] for sheet in sheets if "IP" in [cell.value for cell in sheet[1]]]
        at = [rows[0].index(heading) for heading in ("IP", "Before")]
        return [(row[at[0]], row[at[1]]) for row in rows[1:]]
    found = duckdb.execute(f"SELECT ip_address, before FROM '{path}'").fetchall()
    return [(row[0], row[1]) for row in found]


@pytest.mark.parametrize("format_", ["CSV", "NDJSON", "PARQUET", "XLSX"])
def test_every_format_is_masked(
    system: System, keys: tuple[str, str], admin: Connection[TupleRow], tmp_path: Path, format_: str
) -> None:
    """NULL stays NULL and other values are masked. With the scope, all values are shown."""
    truth = admin.execute(
        "SELECT host(ip_address), before IS NOT NULL FROM bank.audit_events ORDER BY occurred_at, event_id"
    ).fetchall()
    assert {is_there for _, is_there in truth} == {True, False}
    masked = cells(system.content(make(system, keys[0], **REQUEST, format=format_)), format_, tmp_path)
    assert {address for address, _ in masked} == {MASK}
    assert [before is not None and before != "" for _, before in masked] == [is_there for _, is_there in truth]
    assert {str(before).strip('"') for _, before in masked if before} == {MASK}
    open_ = cells(system.content(make(system, keys[1], **REQUEST, format=format_)), format_, tmp_path)
    assert [address for address, _ in open_] == [address for address, _ in truth]
    assert not any(MASK in str(before) for _, before in open_)


def test_a_pdf_is_masked(system: System, keys: tuple[str, str], admin: Connection[TupleRow]) -> None:
    ((person,),) = admin.execute(
        "SELECT counterparty FROM bank.transactions WHERE counterparty ~ '^[A-Z][a-z]+ [A-Z][a-z]+$'"
        " GROUP BY 1 ORDER BY count(*) DESC LIMIT 1"
    ).fetchall()
    request = {"type": "TRANSACTIONS", "format": "PDF", "columns": ["id", "booked_at", "counterparty"]}
    texts = [_text_of_pdf(system.content(make(system, key, **request))) for key in keys]
    assert person not in texts[0]
    assert MASK in texts[0]
    assert person in texts[1]
    assert MASK not in texts[1]


def _text_of_pdf(content: bytes) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)


def test_masked_values_are_nowhere_in_the_file(
    system: System, keys: tuple[str, str], admin: Connection[TupleRow]
) -> None:
    """Neither in cells nor in metadata, charts, summary or table of contents."""
    secrets = {
        str(value)
        for row in admin.execute("SELECT counterparty FROM bank.transactions WHERE counterparty IS NOT NULL").fetchall()
        for value in row
    }
    assert len(secrets) > 10
    report_id = make(system, keys[0], type="TRANSACTIONS", format="XLSX")
    import zipfile

    with zipfile.ZipFile(io.BytesIO(system.content(report_id))) as archive:
        parts = "".join(archive.read(name).decode(errors="replace") for name in archive.namelist())
    assert not [secret for secret in secrets if secret in parts]


def test_a_report_lists_its_masked_columns(system: System, keys: tuple[str, str]) -> None:
    masked, open_ = (make(system, key, **REQUEST, format="CSV") for key in keys)
    assert system.show(masked)["maskedColumns"] == ["ip_address", "before"]
    assert system.show(open_)["maskedColumns"] == []
    types = system.call_with(keys[0], "GET", "/api/v1/report-types")[2]["items"]
    (audit,) = [item for item in types if item["type"] == "AUDIT_TRAIL"]
    assert [column["name"] for column in audit["columns"] if column["personal"]] == [
        *("ip_address", "user_agent", "session_id", "before", "after"),
    ]


def test_unmasked_files_require_the_scope(system: System, keys: tuple[str, str]) -> None:
    masked, open_ = (make(system, key, **REQUEST, format="CSV") for key in keys)
    plain = make(system, keys[1], type="AUDIT_TRAIL", format="CSV", columns=["id", "actor"])

    def download(key: str, report_id: UUID) -> tuple[int, Any, Any]:
        return system.call_with(key, "GET", f"/api/v1/reports/{report_id}/download")

    assert [download(keys[0], report_id)[0] for report_id in (masked, open_, plain)] == [303, 403, 303]
    assert [download(keys[1], report_id)[0] for report_id in (masked, open_, plain)] == [303, 303, 303]
    _, headers, problem = download(keys[0], open_)
    assert 'scope="personal:read"' in headers["WWW-Authenticate"]
    assert problem["type"] == "urn:resma:problem:scope-missing"


def test_requests_with_different_scopes_are_different(system: System, keys: tuple[str, str]) -> None:
    """Otherwise a caller without the scope could get a report with unmasked data, or the other way round."""
    request = {**REQUEST, "format": "CSV"}
    first, second = (
        system.call_with(key, "POST", GENERATE, request, headers={"Idempotency-Key": "same"}) for key in keys
    )
    assert first[0] == 202
    assert (second[0], second[2]["type"]) == (422, "urn:resma:problem:idempotency-key-reused")


# ---------------------------------------------------------------- record of downloads


def test_each_download_is_recorded(
    system: System, keys: tuple[str, str], admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook.deliver, "post_signed", lambda *_: AttemptResult(200, None, 1))
    request = {"type": "DAILY_SUMMARY", "formats": ["CSV", "PDF"], "callbackUrl": "https://customer.example/hook"}
    report_id = make(system, keys[0], **request)
    for envelope in system.events():
        system.deliver(envelope)
    path = f"/api/v1/reports/{report_id}/download"
    for key, query in ((keys[0], None), (keys[1], {"format": "PDF"})):
        status, headers, _ = system.call_with(key, "GET", path, query=query)
        assert (status, headers["Cache-Control"]) == (303, "no-store")
        assert "X-Amz-Expires=3600" in headers["Location"]
    assert system.call_with(keys[0], "GET", path, query={"format": "XLSX"})[0] == 404
    links = admin.execute(
        "SELECT format, object_key, subject, address, expires_at - minted_at <= interval '1 hour',"
        " clock_timestamp() - minted_at < interval '1 minute' FROM resma.download_links"
        " WHERE tenant_id = 'demo' AND report_id = %s ORDER BY minted_at",
        (report_id,),
    ).fetchall()
    csv, pdf = f"demo/{report_id}/1.csv", f"demo/{report_id}/1.pdf"
    first, second = (f"key:{key.split('_')[1]}" for key in keys)
    assert links == [
        ("CSV", csv, "webhook:callback", None, True, True),
        ("PDF", pdf, "webhook:callback", None, True, True),
        ("CSV", csv, first, "203.0.113.9", True, True),
        ("PDF", pdf, second, "203.0.113.9", True, True),
    ]


def test_an_endpoint_gets_no_url_of_files_that_its_creator_is_not_allowed_to_see(
    system: System, keys: tuple[str, str], admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise `webhooks:manage` would be enough to see personal data."""
    messages: list[dict[str, Any]] = []

    def take(*given: Any) -> AttemptResult:
        messages.extend(json.loads(text) for text in given if isinstance(text, str) and text.startswith("{"))
        return AttemptResult(200, None, 1)

    monkeypatch.setattr(webhook.deliver, "post_signed", take)
    manager = system.make_key("webhooks:manage")
    endpoint = {"url": "https://customer.example/hook"}
    assert system.call_with(manager, "POST", "/api/v1/webhook-endpoints", endpoint)[0] == 201
    try:
        for key in keys:
            make(system, key, **REQUEST, format="CSV")
            for envelope in system.events():
                system.deliver(envelope)
    finally:
        admin.execute("DELETE FROM resma.webhook_endpoints")
    assert ["downloadUrl" in message["data"] for message in messages] == [True, False]
    assert all("download" in message["data"]["links"] for message in messages)


def test_without_a_record_no_url_is_returned(
    system: System, keys: tuple[str, str], admin: Connection[TupleRow]
) -> None:
    report_id = make(system, keys[0], type="DAILY_SUMMARY", format="CSV")
    admin.execute("ALTER TABLE resma.download_links ADD CONSTRAINT no_more CHECK (false) NOT VALID")
    try:
        status, headers, _ = system.call_with(keys[0], "GET", f"/api/v1/reports/{report_id}/download")
    finally:
        admin.execute("ALTER TABLE resma.download_links DROP CONSTRAINT no_more")
    assert (status, "Location" in headers) == (500, False)


# ---------------------------------------------------------------- the catalog


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Returns a folder with a report type that has a personal column and a filter by it."""
    made = tmp_path / "payees"
    made.mkdir()
    (made / "report.toml").write_text(
        """sort = ["counterparty", "id"]

[columns]
id = { kind = "integer" }
counterparty = { heading = { en = "Counterparty", pt = "Contraparte" }, personal = true }

[filters.counterparty]
kind = "text"
personal = true
"""
    )
    (made / "query.sql").write_text(
        "SELECT transaction_id AS id, counterparty FROM bank.transactions\n"
        "WHERE tenant_id = %(tenant_id)s AND (%(counterparty)s::text IS NULL OR counterparty = %(counterparty)s)\n"
    )
    return made


def test_masked_values_cannot_be_guessed_by_filters(
    system: System, keys: tuple[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a filter by a personal column, a caller could guess its values request by request."""
    monkeypatch.setenv("RESMA_CATALOG", str(folder.parent))
    request = {"type": "PAYEES", "format": "CSV", "filters": {"counterparty": "Ana Conceição"}}
    status, headers, problem = system.call_with(keys[0], "POST", GENERATE, request)
    assert (status, problem["errors"][0]["pointer"]) == (403, "/filters/counterparty")
    assert 'scope="personal:read"' in headers["WWW-Authenticate"]
    assert system.call_with(keys[1], "POST", GENERATE, request)[0] == 202
    assert system.work_once()
    # A search for reports would also reveal whether a value exists.
    erasure = {"type": "PAYEES", "filters": request["filters"]}
    for key, expected in zip(keys, (403, 200), strict=True):
        eraser = system.make_key("reports:delete", *(["personal:read"] if key == keys[1] else []))
        assert system.call_with(eraser, "POST", "/api/v1/erasures", erasure)[0] == expected
    # Sorting by it is allowed, because the order reveals little.
    content = system.content(make(system, keys[0], type="PAYEES", format="CSV"))
    assert set(content.decode().splitlines()[1].split(",")[1:]) <= {MASK, ""}


def test_personal_filters_of_schedules_are_masked(
    system: System, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESMA_CATALOG", str(folder.parent))
    request = {"type": "PAYEES", "format": "CSV", "filters": {"counterparty": "Ana Conceição"}}
    wanted = {"name": "to Ana", "request": request, "when": "daily"}
    status, _, made = system.call_api("POST", "/api/v1/schedules", wanted)
    assert (status, made["request"]) == (201, request)
    path = f"/api/v1/schedules/{made['id']}"
    manager = system.make_key("schedules:manage")
    masked = {**request, "filters": {"counterparty": MASK}}
    assert system.call_with(manager, "GET", path)[2]["request"] == masked
    assert system.call_with(manager, "GET", "/api/v1/schedules")[2]["items"][0]["request"] == masked
    assert system.call_with(manager, "PATCH", path, {"paused": True})[2]["request"] == masked
    monkeypatch.delenv("RESMA_CATALOG")  # the personal filters of a type that does not exist are unknown
    assert system.call_with(manager, "GET", path)[2]["request"] == masked
    assert system.call_api("GET", path)[2]["request"] == request


def test_a_masked_report_is_continued_by_its_unmasked_key(
    system: System, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report continues after the key of its last row, which is the unmasked value."""
    monkeypatch.setattr(cursor, "BATCH_ROWS", 100)
    report_type = load_catalog(folder.parent)["PAYEES"]
    columns = ["id", "counterparty"]

    def read(after: Row | None, batches: int | None) -> tuple[list[Row], Row]:
        source = worker.app._resources().source.connect()
        with open_snapshot(source, report_type, "demo", {}) as snapshot:
            found = islice(snapshot.batches(columns, after, personal_masked=True), batches)
            rows = [row for batch in found for row in batch.rows]
            return rows, snapshot.last_key()

    every, _ = read(None, None)
    first, key = read(None, 3)
    rest, _ = read(key, None)
    assert 0 < len(first) < len(every)
    assert first + rest == every
    assert {row[1] for row in every} == {None, MASK.encode()}


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ('kind = "integer"', 'kind = "integer", personal = true', 4, "`personal` is only for kinds text and json"),
        (
            'kind = "text"\npersonal = true',
            'kind = "text"',
            7,
            "has the name of a personal column. Add personal = true.",
        ),
        ("personal = true", 'personal = "yes"', 5, "`personal` must not be 'yes'"),
        (
            "[filters.counterparty]",
            '[[charts]]\nkind = "bars"\nby = "counterparty"\n\n[filters.counterparty]',
            9,
            "Column 'counterparty' is personal, and a chart shows its values. Choose another column.",
        ),
        (
            "[filters.counterparty]",
            '[totals]\namounts = ["id"]\ncurrency = "counterparty"\n\n[filters.counterparty]',
            9,
            "Column 'counterparty' is personal, and totals show its values. Choose another column.",
        ),
    ],
)
def test_catalog_errors_have_a_line_and_a_remedy(folder: Path, old: str, new: str, line: int, says: str) -> None:
    path = folder / "report.toml"
    assert check_folder(folder)[1] == []
    path.write_text(path.read_text().replace(old, new, 1))
    (diagnostic, *_) = check_folder(folder)[1]
    assert says in diagnostic.message
    assert (diagnostic.file, diagnostic.line) == ("report.toml", line)


def test_report_types_of_the_project_mark_personal_columns() -> None:
    marked = {
        report_type.type: [column.name for column in report_type.columns if column.personal]
        for report_type in load_catalog().values()
    }
    assert marked == {
        "TRANSACTIONS": ["description", "counterparty"],
        "ACCOUNT_STATEMENT": ["description", "counterparty"],
        "DAILY_SUMMARY": [],
        "AUDIT_TRAIL": ["ip_address", "user_agent", "session_id", "before", "after"],
    }


def test_later_changes_of_the_catalog_do_not_unmask_files(
    system: System, keys: tuple[str, str], admin: Connection[TupleRow]
) -> None:
    """A column that is renamed or no longer marked stays personal in existing files, even if its type is removed."""
    masked, open_ = keys
    report_id = make(system, open_, type="TRANSACTIONS", format="CSV", columns=["id", "counterparty"])
    path = f"/api/v1/reports/{report_id}"
    admin.execute("UPDATE resma.reports SET columns = '{id,payee}'")
    assert system.call_with(masked, "GET", f"{path}/download")[0] == 403
    admin.execute("UPDATE resma.reports SET type = 'NO_MORE'")
    assert system.call_with(masked, "GET", f"{path}/download")[0] == 403
    assert system.call_with(open_, "GET", f"{path}/download")[0] == 303
    admin.execute("UPDATE resma.reports SET personal_columns = NULL, personal_masked = true")
    assert system.call_with(masked, "GET", f"{path}/download")[0] == 403
    assert system.call_with(masked, "GET", path)[0] == 200
    assert system.call_with(masked, "GET", "/api/v1/reports")[0] == 200
