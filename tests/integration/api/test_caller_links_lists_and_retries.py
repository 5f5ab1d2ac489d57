"""The caller, download links, lists by time, retries, and what is shown of requests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from uuid import UUID, uuid4

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from resma.access.caller import Scope
from tests.support.system import ActAs, System

CSV_OPTIONS = ("delimiter", "quote", "quoteAll", "decimalMark", "byteOrderMark", "lineEnd")
PDF_OPTIONS = ("cover", "contents", "orientation")
"""Options that are null if a request does not set them."""

GENERATE = "/api/v1/reports/generate"
ME = "/api/v1/me"
READ_WRITE = ("reports:read", "reports:write")


@pytest.fixture
def keys(system: System, admin: Connection[TupleRow]) -> Iterator[tuple[str, str]]:
    """A key without the scope `personal:read` and one with it."""
    yield system.make_key(*READ_WRITE), system.make_key(*READ_WRITE, "personal:read")
    admin.execute("DELETE FROM resma.api_keys")
    admin.execute("DELETE FROM resma.download_links")


# ---------------------------------------------------------------- the caller


def test_the_caller_is_described(system: System, keys: tuple[str, str], as_tenant: ActAs) -> None:
    status, headers, body = system.call_with(keys[1], "GET", ME)
    assert (status, headers["Cache-Control"]) == (200, "no-store")
    assert body == {
        "tenantId": "demo",
        "tenantName": "Banco Aurora",
        "subject": f"key:{keys[1].split('_')[1]}",
        "name": "test",
        "scopes": ["personal:read", "reports:read", "reports:write"],
    }
    assert system.call_api("GET", ME)[2]["subject"] == "loopback"
    assert system.call_api("GET", ME, address="203.0.113.9")[0] == 401
    as_tenant("other", frozenset())
    assert system.call_api("GET", ME)[2] == {
        "tenantId": "other",
        "tenantName": "Other Bank",
        "subject": "key-2",
        "name": None,
        "scopes": [],
    }


def test_the_caller_needs_no_scope(system: System) -> None:
    document = system.call_api("GET", "/openapi.json")[2]
    assert document["paths"][ME]["get"]["security"] == [{"bearer": []}, {"apiKey": []}]
    schemas = document["components"]["schemas"]
    assert schemas["Caller"]["properties"]["scopes"]["items"] == {"$ref": "#/components/schemas/Scope"}
    assert schemas["Scope"]["enum"] == [*get_args(Scope)]


# ---------------------------------------------------------------- links


def test_a_link_is_returned_in_the_body(system: System, admin: Connection[TupleRow]) -> None:
    report_id = system.request_report(formats=["CSV", "NDJSON"], filters={"from": "2024-01-01", "to": "2024-01-05"})
    path = f"/api/v1/reports/{report_id}/download"
    assert system.call_api("GET", path, query={"link": "true"})[0] == 409
    assert system.work_once()
    before = datetime.now(UTC)
    status, headers, body = system.call_api("GET", path, query={"link": "true", "format": "NDJSON"})
    assert (status, headers["Cache-Control"], "Location" in headers) == (200, "no-store", False)
    assert body.keys() == {"url", "expiresAt", "fileName"}
    assert f"{report_id}/1.ndjson?" in body["url"]
    assert body["fileName"].endswith(f"-{str(report_id)[:8]}.ndjson")
    assert body["fileName"] in body["url"]
    hour, rounding = timedelta(hours=1), timedelta(seconds=2)
    assert before + hour - rounding < datetime.fromisoformat(body["expiresAt"]) < datetime.now(UTC) + hour + rounding
    assert admin.execute("SELECT format FROM resma.download_links WHERE report_id = %s", (report_id,)).fetchall() == [
        ("NDJSON",)
    ]
    for query in (None, {"link": "false"}):
        assert system.call_api("GET", path, query=query)[0] == 303
    for wrong in ("1", "yes", "TRUE", ""):
        status, _, problem = system.call_api("GET", path, query={"link": wrong})
        assert (status, problem["errors"][0]["pointer"]) == (422, "/link")


def test_a_link_requires_the_scopes_of_the_file(system: System, keys: tuple[str, str], as_tenant: ActAs) -> None:
    status, _, body = system.call_with(keys[1], "POST", GENERATE, {"type": "AUDIT_TRAIL", "format": "CSV"})
    assert status == 202, body
    assert system.work_once()
    path = f"/api/v1/reports/{body['id']}/download"
    assert [system.call_with(key, "GET", path, query={"link": "true"})[0] for key in keys] == [403, 200]
    as_tenant("other")
    assert system.call_api("GET", path, query={"link": "true"})[0] == 404


# ---------------------------------------------------------------- the list by time


def test_reports_are_filtered_by_time(system: System, admin: Connection[TupleRow]) -> None:
    ids = [system.request_report(format="CSV") for _ in range(4)]
    timestamps = [f"2024-03-0{day}T00:00:00Z" for day in range(1, 5)]
    for report_id, timestamp in zip(ids, timestamps, strict=True):
        admin.execute("UPDATE resma.reports SET created_at = %s WHERE report_id = %s", (timestamp, report_id))

    def listed(**query: str) -> list[int]:
        status, _, body = system.call_api("GET", "/api/v1/reports", query=query)
        assert status == 200, body
        return [ids.index(UUID(item["id"])) for item in body["items"]]

    assert listed(createdAfter=timestamps[1]) == [3, 2, 1]
    assert listed(createdBefore=timestamps[1]) == [0]
    assert listed(createdAfter=timestamps[1], createdBefore=timestamps[3]) == [2, 1]
    assert listed(createdAfter="2024-03-02T01:00:00+01:00", createdBefore="2024-03-01t21:00:00.5-03:00") == [1]
    assert listed(createdAfter=timestamps[3], createdBefore=timestamps[0]) == []
    query = {"createdAfter": timestamps[1], "createdBefore": timestamps[3], "limit": "1"}
    _, _, page = system.call_api("GET", "/api/v1/reports", query=query)
    assert "createdAfter=2024-03-02T00%3A00%3A00Z&createdBefore=2024-03-04T00%3A00%3A00Z" in page["next"]
    cursor = page["next"].rpartition("cursor=")[2]
    assert listed(**query, cursor=cursor) == [1]


@pytest.mark.parametrize(
    "timestamp",
    ["2024-03-02", "2024-03-02T00:00:00", "2024-02-30T00:00:00Z", "1709337600", "2024-03-02T00:00:00 01:00", "", "now",
     "0000-01-01T00:00:00Z", "2024-03-02T00:00:00+99:00", "٢٠٢٤-03-02T00:00:00Z", "2024-03-02T00:00:00Z'--"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["createdAfter", "createdBefore"])
def test_an_invalid_timestamp_is_a_problem(system: System, name: str, timestamp: str) -> None:
    status, _, problem = system.call_api("GET", "/api/v1/reports", query={name: timestamp})
    assert (status, problem["errors"][0]["pointer"]) == (422, f"/{name}")
    detail = problem["errors"][0]["detail"]
    assert "%2B" in detail or "does not exist" in detail


@pytest.mark.parametrize("timestamp", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_extreme_timestamps_are_valid(system: System, timestamp: str) -> None:
    assert system.call_api("GET", "/api/v1/reports", query={"createdAfter": timestamp})[0] == 200


# ---------------------------------------------------------------- retry

FULL: dict[str, Any] = {
    "type": "TRANSACTIONS",
    "formats": ["PDF", "CSV"],
    "filters": {"from": "2024-01-01", "to": "2024-01-05", "status": ["BOOKED"]},
    "columns": ["booked_at", "description", "currency", "amount"],
    "locale": "pt-BR",
    "timeZone": "America/Sao_Paulo",
    "title": "Extrato",
    "options": {"csv": {"profile": "excel"}, "pdf": {"orientation": "portrait"}},
    "callbackUrl": "https://customer.example/hook",
}
ASKED = "type, formats, filters, columns, locale, time_zone, title, options, callback_url, request_sha256"


def retry(system: System, key: str, report_id: UUID | str, **headers: str) -> tuple[int, Any, Any]:
    return system.call_with(key, "POST", f"/api/v1/reports/{report_id}/retry", headers=headers)


def ask(system: System, key: str, **request: Any) -> UUID:
    status, _, body = system.call_with(key, "POST", GENERATE, request)
    assert status == 202, body
    return UUID(body["id"])


@pytest.mark.parametrize("ended", ["FAILED", "CANCELLED", "EXPIRED"])
def test_a_retry_has_the_whole_request(
    system: System, keys: tuple[str, str], admin: Connection[TupleRow], ended: str
) -> None:
    report_id = ask(system, keys[1], **FULL)
    admin.execute("UPDATE resma.reports SET status = %s", (ended,))
    status, headers, body = retry(system, keys[1], report_id)
    assert (status, body["status"], body["deduplicated"]) == (202, "PENDING", False)
    assert headers["Location"] == body["links"]["self"]
    assert int(headers["Retry-After"]) > 0
    assert UUID(body["id"]) != report_id
    rows = admin.execute(f"SELECT {ASKED} FROM resma.reports".encode()).fetchall()
    assert len(rows) == 2
    assert rows[0] == rows[1]
    assert {record["body"] for record in system.receive()} >= {f'{{"tenant_id":"demo","report_id":"{body["id"]}"}}'}


@pytest.mark.parametrize("status", ["PENDING", "GENERATING", "READY"])
def test_a_report_in_progress_or_ready_is_not_retried(
    system: System, keys: tuple[str, str], admin: Connection[TupleRow], status: str
) -> None:
    report_id = ask(system, keys[0], type="TRANSACTIONS", format="CSV", filters={"from": "2024-12-30"})
    if status == "READY":
        assert system.work_once()
    else:
        admin.execute("UPDATE resma.reports SET status = %s, lease_until = now()", (status,))
    got, _, problem = retry(system, keys[0], report_id)
    assert (got, problem["type"]) == (409, "urn:resma:problem:report-not-retryable")
    assert status in problem["detail"]
    assert admin.execute("SELECT count(*) FROM resma.reports").fetchone() == (1,)


def test_other_tenants_cannot_retry_a_report(
    system: System, keys: tuple[str, str], admin: Connection[TupleRow], as_tenant: ActAs, new_report_id: UUID
) -> None:
    report_id = ask(system, keys[0], type="TRANSACTIONS", format="CSV")
    admin.execute("UPDATE resma.reports SET status = 'FAILED'")
    assert retry(system, keys[0], new_report_id)[0] == 404
    assert retry(system, keys[0], "nope")[0] == 404
    assert retry(system, system.make_key("reports:read"), report_id)[0] == 403
    as_tenant("other")
    assert system.call_api("POST", f"/api/v1/reports/{report_id}/retry")[0] == 404
    assert admin.execute("SELECT count(*) FROM resma.reports").fetchone() == (1,)


def test_an_idempotency_key_starts_one_retry(
    system: System, keys: tuple[str, str], admin: Connection[TupleRow]
) -> None:
    """Even if the first request had the same key, which would return the failed report."""
    request = {"type": "TRANSACTIONS", "format": "CSV"}
    same = {"Idempotency-Key": "same"}
    first = system.call_with(keys[0], "POST", GENERATE, request, headers=same)[2]["id"]
    other = ask(system, keys[0], **request)
    admin.execute("UPDATE resma.reports SET status = 'FAILED'")
    again, twice, elsewhere = (retry(system, keys[0], report_id, **same) for report_id in (first, first, other))
    assert [again[0], twice[0], elsewhere[0]] == [202, 202, 202]
    assert again[2]["id"] == twice[2]["id"] != first
    assert elsewhere[2]["id"] != again[2]["id"]
    assert system.call_with(keys[0], "POST", GENERATE, request, headers=same)[2]["id"] == first
    status, _, problem = retry(system, keys[1], first, **same)  # not masked: another request
    assert (status, problem["type"]) == (422, "urn:resma:problem:idempotency-key-reused")
    assert retry(system, keys[0], first, **{"Idempotency-Key": '"'})[0] == 422


def test_a_retry_has_the_scopes_of_its_caller(
    system: System, keys: tuple[str, str], admin: Connection[TupleRow]
) -> None:
    """Columns are masked for a caller without the scope, who cannot retry a report with a personal filter."""
    open_ = ask(system, keys[1], type="AUDIT_TRAIL", format="CSV")
    masked = ask(system, keys[0], type="AUDIT_TRAIL", format="CSV")
    admin.execute("UPDATE resma.reports SET status = 'FAILED'")
    assert retry(system, keys[0], open_)[2]["maskedColumns"] != []
    assert retry(system, keys[1], open_)[2]["maskedColumns"] == []
    assert retry(system, keys[1], masked)[2]["maskedColumns"] == []


def test_a_callback_gets_no_data_that_its_requester_was_not_allowed_to_see(
    system: System, keys: tuple[str, str], admin: Connection[TupleRow]
) -> None:
    request = {"type": "AUDIT_TRAIL", "format": "CSV", "callbackUrl": "https://customer.example/hook"}
    masked = ask(system, keys[0], **request)
    admin.execute("UPDATE resma.reports SET status = 'FAILED'")
    assert retry(system, keys[1], masked)[2]["maskedColumns"] != []


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ("type = 'NO_MORE'", "/type"),
        ("columns = '{gone}'", "/columns/0"),
        ("filters = '{\"gone\": 1}'", "/filters/gone"),
        ("callback_url = 'http://10.0.0.1/'", "/callbackUrl"),
        ("title = ''", None),
        ('options = \'{"csv": {"gone": 1}}\'', None),
    ],
)
def test_a_request_that_is_no_longer_valid_is_rejected(
    system: System, keys: tuple[str, str], admin: Connection[TupleRow], change: str, pointer: str | None
) -> None:
    report_id = ask(system, keys[0], type="TRANSACTIONS", format="CSV")
    admin.execute(f"UPDATE resma.reports SET status = 'FAILED', {change}".encode())
    status, _, problem = retry(system, keys[0], report_id)
    assert status == 422, problem
    assert pointer is None or problem["errors"][0]["pointer"] == pointer
    assert admin.execute("SELECT count(*) FROM resma.reports").fetchone() == (1,)


def test_a_retry_counts_against_the_quota(system: System, keys: tuple[str, str], admin: Connection[TupleRow]) -> None:
    report_id = ask(system, keys[0], type="TRANSACTIONS", format="CSV")
    admin.execute("UPDATE resma.reports SET status = 'FAILED'")
    admin.execute("UPDATE resma.tenants SET live_reports = 1 WHERE tenant_id = 'demo'")
    try:
        assert [retry(system, keys[0], report_id)[0] for _ in range(2)] == [202, 429]
    finally:
        admin.execute("UPDATE resma.tenants SET live_reports = DEFAULT WHERE tenant_id = 'demo'")


# ---------------------------------------------------------------- request and requester


def test_a_report_shows_all_of_its_request(system: System) -> None:
    said = {
        "type": "TRANSACTIONS",
        "formats": ["CSV", "PDF"],
        "filters": {"from": "2024-01-01"},
        "columns": ["booked_at", "amount"],
        "locale": "pt-BR",
        "timeZone": "America/Sao_Paulo",
        "title": "Statement",
        "options": {
            "csv": dict.fromkeys(CSV_OPTIONS) | {"profile": "excel", "compression": "gzip"},
            "pdf": dict.fromkeys(PDF_OPTIONS) | {"paper": "A4"},
        },
        "callbackUrl": "https://customer.example/hook",
    }
    shown = system.show(system.request_report(**said))
    assert {name: shown[name] for name in said} == said
    (listed,) = system.call_api("GET", "/api/v1/reports")[2]["items"]
    assert {name: listed[name] for name in said} == said
    again = system.show(system.request_report(**{name: shown[name] for name in said}))
    assert {name: again[name] for name in said} == said


def test_a_secret_in_the_query_of_a_callback_url_is_not_shown(system: System) -> None:
    report_id = system.request_report(format="CSV", callbackUrl="https://customer.example/hook?token=s3cret")
    for path in (f"/api/v1/reports/{report_id}", "/api/v1/reports"):
        assert "s3cret" not in str(system.call_api("GET", path))
    assert system.work_once()
    path = f"/api/v1/reports/{report_id}/deliveries"
    (delivery,) = system.call_api("GET", path)[2]["items"]
    assert delivery["url"] == "https://customer.example/hook?…"
    shown = system.show(report_id)["callbackUrl"]
    assert shown == "https://customer.example/hook?…"
    refused = {"type": "TRANSACTIONS", "format": "CSV", "callbackUrl": shown}
    status, _, problem = system.call_api("POST", GENERATE, refused)
    assert (status, problem["errors"][0]["pointer"]) == (422, "/callbackUrl"), "it must not go where nobody listens"


def _asked_by(system: System, report_id: UUID | str) -> tuple[Any, Any]:
    shown = system.show(UUID(str(report_id)))
    (listed,) = (i for i in system.call_api("GET", "/api/v1/reports")[2]["items"] if i["id"] == str(report_id))
    assert shown["requestedBy"] == listed["requestedBy"]
    assert shown["requestedByName"] == listed["requestedByName"]
    return shown["requestedBy"], shown["requestedByName"]


def test_the_requester_is_recorded(system: System, keys: tuple[str, str], admin: Connection[TupleRow]) -> None:
    first, other = (f"key:{key.split('_')[1]}" for key in keys)
    admin.execute("UPDATE resma.api_keys SET name = 'month end' WHERE key_id = %s", (first.removeprefix("key:"),))
    wanted = {"type": "TRANSACTIONS", "format": "CSV"}
    status, _, made = system.call_with(keys[0], "POST", GENERATE, wanted)
    assert (status, made["requestedBy"]) == (202, first)
    assert _asked_by(system, made["id"]) == (first, "month end")
    admin.execute("UPDATE resma.reports SET personal_masked = false")
    _, _, duplicate = system.call_with(keys[0], "POST", GENERATE, wanted | {"deduplicate": True})
    assert (duplicate["id"], duplicate["deduplicated"], duplicate["requestedBy"]) == (made["id"], True, first)
    admin.execute("UPDATE resma.reports SET status = 'FAILED', finished_at = now(), error_code = 'x'")
    status, _, retried = retry(system, keys[1], made["id"])
    assert (status, _asked_by(system, retried["id"])) == (202, (other, "test"))
    assert _asked_by(system, system.request_report(format="CSV")) == ("loopback", None)
    admin.execute("DELETE FROM resma.api_keys WHERE key_id = %s", (first.removeprefix("key:"),))
    assert _asked_by(system, made["id"]) == (first, None)
    admin.execute("UPDATE resma.reports SET requested_by = NULL WHERE report_id = %s", (made["id"],))
    assert _asked_by(system, made["id"]) == (None, None)


def test_names_of_keys_of_other_tenants_are_not_shown(
    system: System, admin: Connection[TupleRow], keys: tuple[str, str]
) -> None:
    report_id = system.request_report(format="CSV")
    subject = f"key:{keys[0].split('_')[1]}"
    admin.execute("UPDATE resma.reports SET requested_by = %s", (subject,))
    assert _asked_by(system, report_id) == (subject, "test")
    admin.execute("INSERT INTO resma.tenants VALUES ('other', 'Other Bank') ON CONFLICT DO NOTHING")
    admin.execute("UPDATE resma.api_keys SET tenant_id = 'other'")
    assert _asked_by(system, report_id) == (subject, None)


def test_reports_are_found_by_the_beginning_of_their_id(system: System, admin: Connection[TupleRow]) -> None:
    ids = ["4d58dace-0000-4000-8000-000000000001", "4d58dace-ffff-4000-8000-000000000002", str(uuid4())]
    for wanted in ids:
        made = system.request_report(format="CSV")
        admin.execute("UPDATE resma.reports SET report_id = %s WHERE report_id = %s", (wanted, made))

    def listed(prefix: str, **query: str) -> set[str]:
        status, _, body = system.call_api("GET", "/api/v1/reports", query={"idPrefix": prefix, **query})
        assert status == 200, body
        return {item["id"] for item in body["items"]}

    assert listed("4d58") == listed("4D58DACE") == set(ids[:2])
    assert listed("4d58dace-f") == listed("4d58dacef") == {ids[1]}
    assert listed(ids[0]) == {ids[0]}
    assert listed("4d58dace1") == set()
    assert listed("4d58", status="READY") == set()
    page = system.call_api("GET", "/api/v1/reports", query={"idPrefix": "4d58", "limit": "1"})[2]
    assert "idPrefix=4d58" in page["next"]


@pytest.mark.parametrize("prefix", ["4d5", "", "nope", "4d58%", "-4d58", "4d58" * 10])
def test_an_invalid_id_prefix_is_rejected(system: System, prefix: str) -> None:
    status, _, problem = system.call_api("GET", "/api/v1/reports", query={"idPrefix": prefix})
    assert (status, problem["errors"][0]["pointer"]) == (422, "/idPrefix")
