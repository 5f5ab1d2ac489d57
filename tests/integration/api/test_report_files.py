"""Split reports in the API: their progress, the list of their files, and the download of each."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from api.report_files.rows import FileCursor, FileFilters, list_split_files
from resma.jobs.outcome import record_end
from tests.support.split_files import Key, SplitReport, finish_split, insert_split, store_split
from tests.support.system import ActAs, System

LONG = "x" * 200
KEYS: list[Key] = [("BR-1",), ("br-1",), ("BR/2 é",), (LONG,), ("100%_a",), (None,)]


def _split(system: System, admin: Connection[TupleRow], split: SplitReport, *, is_ready: bool = True) -> UUID:
    report_id = system.request_report(type="TRANSACTIONS", formats=list(split.formats))
    insert_split(admin, report_id, split)
    manifest = store_split(system.s3, system.bucket, report_id, split)
    if is_ready:
        finish_split(admin, report_id, manifest)
    return report_id


def _list(system: System, report_id: UUID, **query: Any) -> Any:
    status, _, body = system.call_api("GET", f"/api/v1/reports/{report_id}/files", query=query or None)
    assert status == 200, body
    return body


def _numbers(page: Any) -> list[int]:
    return [file["number"] for file in page["files"]]


def _code(answer: tuple[int, Any, Any]) -> tuple[int, str]:
    return answer[0], answer[2]["type"].rpartition(":")[2]


def test_a_ready_report_shows_its_keys_and_its_manifest(system: System, admin: Connection[TupleRow]) -> None:
    split = SplitReport(keys=KEYS, formats=["CSV", "PDF"], failed={(2, "PDF")}, keys_per_shard=4)
    report_id = _split(system, admin, split)
    view = system.show(report_id)
    assert (view["splitBy"], view["files"], view["bytes"], view["sha256"]) == (["account"], [], None, None)
    url = f"https://reports.example/api/v1/reports/{report_id}/download"
    shown = view["split"]
    assert shown | {"manifest": None, "list": None} == {
        "keys": 6,
        "keysDone": 6,
        "files": 11,
        "filesFailed": 1,
        "shards": {"total": 2, "pending": 0, "generating": 0, "done": 2, "failed": 0},
        "snapshots": 1,
        "manifest": None,
        "list": None,
        "zip": None,
    }
    assert shown["manifest"].keys() == {"bytes", "sha256", "download"}
    assert shown["list"]["download"] == f"{url}?file=list"
    assert view["rows"] == split.rows
    (listed,) = system.call_api("GET", "/api/v1/reports")[2]["items"]
    assert listed["split"] == shown


def test_a_report_in_progress_shows_its_shards(system: System, admin: Connection[TupleRow]) -> None:
    split = SplitReport(keys=[(f"K{number}",) for number in range(7)], made=3, keys_per_shard=2)
    report_id = _split(system, admin, split, is_ready=False)
    admin.execute(
        "UPDATE resma.shards SET status = 'GENERATING', lease_until = clock_timestamp() + interval '1 hour'"
        " WHERE shard = 2"
    )
    admin.execute(
        "UPDATE resma.shards SET status = 'GENERATING', lease_until = clock_timestamp() - interval '1 hour'"
        " WHERE shard = 3"
    )
    admin.execute("UPDATE resma.shards SET status = 'FAILED' WHERE shard = 4")
    shown = system.show(report_id)["split"]
    assert shown["shards"] == {"total": 4, "pending": 1, "generating": 1, "done": 1, "failed": 1}
    assert (shown["keys"], shown["keysDone"], shown["manifest"]) == (7, 3, None)
    assert _numbers(_list(system, report_id)) == [1, 2, 3]


def test_other_reports_have_no_split(system: System) -> None:
    report_id = system.request_report(format="CSV")
    view = system.show(report_id)
    assert (view["splitBy"], view["split"]) == (None, None)
    answer = system.call_api("GET", f"/api/v1/reports/{report_id}/files")
    assert _code(answer) == (404, "file-not-found")
    assert _code(system.call_api("GET", f"/api/v1/reports/{uuid4()}/files")) == (404, "report-not-found")


def test_a_file_is_listed_with_its_key(system: System, admin: Connection[TupleRow]) -> None:
    split = SplitReport(keys=[("BR", "1"), (None, "2")], by=["branch", "account"], failed={(2, "CSV")})
    report_id = _split(system, admin, split)
    first, second = _list(system, report_id)["files"]
    content = split.content_of(1, "CSV")
    assert first | {"sha256": None} == {
        "number": 1,
        "key": {"branch": "BR", "account": "1"},
        "format": "CSV",
        "name": "statement-1.csv",
        "bytes": len(content),
        "sha256": None,
        "plainSha256": None,
        "rows": 2,
        "pages": None,
        "totals": [{"currency": "BRL", "rows": 2, "amounts": {"amount": "2.20"}}],
        "snapshot": 1,
        "error": None,
        "download": f"https://reports.example/api/v1/reports/{report_id}/files/1/download?format=CSV",
    }
    assert second["key"] == {"branch": None, "account": "2"}
    assert second["error"] == {"code": "format-limit-exceeded", "detail": "The cell has too many characters."}
    assert (second["bytes"], second["download"]) == (None, None)
    assert _numbers(_list(system, report_id, status="made")) == [1]
    assert _numbers(_list(system, report_id, status="failed")) == [2]


@pytest.mark.parametrize(
    ("search", "numbers"),
    [
        ("br", [1, 2, 3]),
        ("BR-", [1, 2]),
        ("br/2 É", [3]),
        (LONG[:-1], [4]),
        ("100%", [5]),
        ("100%__", []),
        ("%", []),
        ("1", [5]),
        ("\U0010ffff", []),
    ],
)
def test_search_by_the_start_of_the_key(
    system: System, admin: Connection[TupleRow], search: str, numbers: list[int]
) -> None:
    report_id = _split(system, admin, SplitReport(keys=KEYS))
    assert _numbers(_list(system, report_id, search=search)) == numbers


def test_pages_have_every_file_once(system: System, admin: Connection[TupleRow]) -> None:
    split = SplitReport(keys=[(f"K{number % 3}-{number}",) for number in range(25)], formats=["CSV", "PDF", "XLSX"])
    report_id = _split(system, admin, split)
    path, query = f"/api/v1/reports/{report_id}/files", {"limit": "7", "search": "k1"}
    found, pages = [], 0
    while True:
        status, _, page = system.call_api("GET", path, query=query)
        assert status == 200, page
        found += [(file["number"], file["format"]) for file in page["files"]]
        pages += 1
        if page["next"] is None:
            break
        query = dict(pair.split("=") for pair in page["next"].partition("?")[2].split("&"))
    assert found == [each for each in split.files() if (each[0] - 1) % 3 == 1]
    assert pages == 4
    assert _code(system.call_api("GET", path, query={"cursor": "0.CSV"})) == (422, "request-invalid")
    assert _code(system.call_api("GET", path, query={"limit": "1001"})) == (422, "request-invalid")


def test_each_file_can_be_downloaded_and_is_recorded(system: System, admin: Connection[TupleRow]) -> None:
    split = SplitReport(keys=KEYS, formats=["PDF", "CSV"], failed={(2, "PDF")}, made=4)
    report_id = _split(system, admin, split, is_ready=False)
    path = f"/api/v1/reports/{report_id}/files"
    for number, format_ in [(1, "CSV"), (4, "PDF")]:
        query = {"format": format_, "link": "true"}
        status, _, link = system.call_api("GET", f"{path}/{number}/download", query=query)
        assert (status, link["fileName"]) == (200, f"statement-{number}.{format_.lower()}")
    status, headers, _ = system.call_api("GET", f"{path}/1/download")
    assert status == 303, "the first format of the report"
    assert "1-1/1.pdf" in headers["Location"]
    recorded = admin.execute("SELECT format, object_key FROM resma.download_links ORDER BY minted_at").fetchall()
    prefix = f"demo/{report_id}/1-1"
    assert recorded[-3:] == [("CSV", f"{prefix}/1.csv"), ("PDF", f"{prefix}/4.pdf"), ("PDF", f"{prefix}/1.pdf")]
    assert _code(system.call_api("GET", f"{path}/2/download")) == (404, "file-not-found")
    assert _code(system.call_api("GET", f"{path}/5/download")) == (409, "report-not-ready")
    assert _code(system.call_api("GET", f"{path}/7/download")) == (404, "file-not-found")
    assert _code(system.call_api("GET", f"{path}/01/download")) == (404, "file-not-found")
    assert _code(system.call_api("GET", f"{path}/{10**17}/download")) == (404, "file-not-found")
    assert _code(system.call_api("GET", f"{path}/1/download", query={"format": "XLSX"})) == (404, "file-not-found")


def test_manifest_list_and_archive_are_downloads_of_the_report(system: System, admin: Connection[TupleRow]) -> None:
    split = SplitReport(keys=KEYS)
    report_id = _split(system, admin, split)
    path = f"/api/v1/reports/{report_id}/download"
    status, headers, _ = system.call_api("GET", path)
    assert status == 303
    assert "1.manifest" in headers["Location"]
    for file, name in {"manifest": "manifest.json", "list": "manifest.ndjson.gz"}.items():
        status, _, link = system.call_api("GET", path, query={"file": file, "link": "true"})
        assert (status, link["fileName"]) == (200, name)
    assert _code(system.call_api("GET", path, query={"file": "zip"})) == (404, "file-not-found")
    assert _code(system.call_api("GET", path, query={"format": "CSV"})) == (404, "file-not-found")
    formats = admin.execute("SELECT format FROM resma.download_links ORDER BY minted_at").fetchall()
    assert formats[-3:] == [("MANIFEST",), ("MANIFEST",), ("LIST",)]
    zip_ = {"object_key": "demo/zip", "bytes": 1, "sha256": "0" * 64}
    admin.execute("UPDATE resma.reports SET manifest = jsonb_set(manifest, '{zip}', %s)", (Jsonb(zip_),))
    status, _, link = system.call_api("GET", path, query={"file": "zip", "link": "true"})
    assert status == 200
    assert link["fileName"].endswith(".zip")
    assert system.show(report_id)["split"]["zip"]["bytes"] == 1


@pytest.mark.parametrize(
    ("status", "files", "manifest"),
    [
        ("FAILED", (200, ""), (409, "report-has-no-file")),
        ("CANCELLED", (409, "report-has-no-file"), (409, "report-has-no-file")),
        ("EXPIRED", (410, "report-expired"), (410, "report-expired")),
        ("PENDING", (200, ""), (409, "report-not-ready")),
    ],
)
def test_files_are_available_until_they_are_deleted(
    system: System,
    admin: Connection[TupleRow],
    status: str,
    files: tuple[int, str],
    manifest: tuple[int, str],
) -> None:
    report_id = _split(system, admin, SplitReport(keys=KEYS, made=2), is_ready=False)
    admin.execute(
        "UPDATE resma.reports SET status = %s, finished_at = clock_timestamp() WHERE report_id = %s",
        (status, report_id),
    )
    for path in ("files", "files/1/download?"):
        answer = system.call_api("GET", f"/api/v1/reports/{report_id}/{path.rstrip('?')}", query={"format": "CSV"})
        assert answer[0] == {200: 200 if path == "files" else 303}.get(files[0], files[0]), answer
        if files[0] >= 400:
            assert _code(answer) == files
    answer = system.call_api("GET", f"/api/v1/reports/{report_id}/download")
    assert _code(answer) == manifest
    assert ("lists its files" in answer[2]["detail"]) == (files[0] == 200)


def test_personal_keys_are_masked(system: System, admin: Connection[TupleRow], as_tenant: ActAs) -> None:
    split = SplitReport(keys=KEYS)
    report_id = _split(system, admin, split)
    admin.execute(
        "UPDATE resma.reports SET personal_columns = '{}', personal_filters = '{account}' WHERE report_id = %s",
        (report_id,),
    )
    assert _list(system, report_id)["files"][0]["key"] == {"account": "BR-1"}
    as_tenant("demo", frozenset({"reports:read"}))
    page = _list(system, report_id)
    assert {file["key"]["account"] for file in page["files"]} == {"****", None}
    assert {file["name"] for file in page["files"]} == {"****"}
    path = f"/api/v1/reports/{report_id}"
    assert _code(system.call_api("GET", f"{path}/files", query={"search": "b"})) == (403, "scope-missing")
    assert _code(system.call_api("GET", f"{path}/files/1/download")) == (403, "scope-missing")
    assert _code(system.call_api("GET", f"{path}/download")) == (403, "scope-missing")


def test_other_tenants_see_no_files(system: System, admin: Connection[TupleRow], as_tenant: ActAs) -> None:
    report_id = _split(system, admin, SplitReport(keys=KEYS))
    as_tenant("other")
    path = f"/api/v1/reports/{report_id}/files"
    assert _code(system.call_api("GET", path)) == (404, "report-not-found")
    assert _code(system.call_api("GET", f"{path}/1/download")) == (404, "report-not-found")


def test_the_rows_of_files_are_deleted_with_the_report(system: System, admin: Connection[TupleRow]) -> None:
    report_id = _split(system, admin, SplitReport(keys=KEYS))
    assert system.call_api("DELETE", f"/api/v1/reports/{report_id}")[0] == 200
    assert admin.execute("SELECT count(*) FROM resma.report_files").fetchone() == (0,)
    assert _code(system.call_api("GET", f"/api/v1/reports/{report_id}/files")) == (410, "report-deleted")


def _fail(admin: Connection[TupleRow], report_id: UUID) -> None:
    """Makes a split report FAILED because its last shard has failed, as its coordinator does."""
    admin.execute(
        "UPDATE resma.shards SET status = 'FAILED', attempt = 3, error_code = 'worker-died'"
        " WHERE report_id = %s AND status = 'PENDING'",
        (report_id,),
    )
    admin.execute(
        "UPDATE resma.reports SET status = 'FAILED', error_code = 'shards-failed', error_detail = 'One shard failed.',"
        " attempt = 3, finished_at = clock_timestamp() WHERE report_id = %s",
        (report_id,),
    )
    record_end(admin, "demo", report_id, "report.failed")


def test_a_retry_continues_the_failed_shards_only(system: System, admin: Connection[TupleRow]) -> None:
    split = SplitReport(keys=KEYS, made=4, keys_per_shard=4)
    report_id = _split(system, admin, split, is_ready=False)
    (first,) = system.receive()
    system.sqs.delete_message(QueueUrl=system.queue_url, ReceiptHandle=first["receiptHandle"])
    _fail(admin, report_id)
    for _ in range(2):  # a repetition has no effect
        status, headers, view = system.call_api("POST", f"/api/v1/reports/{report_id}/files/retry")
        assert (status, view["status"], view["error"]) == (202, "PENDING", None)
        assert view["split"]["shards"] == {"total": 2, "pending": 1, "generating": 0, "done": 1, "failed": 0}
        assert headers["Location"].endswith(str(report_id))
    assert len(system.receive()) == 1
    assert admin.execute("SELECT attempt, attempts_allowed, redrives FROM resma.reports").fetchall() == [(3, 6, 1)]
    assert admin.execute("SELECT attempts_allowed FROM resma.shards ORDER BY shard").fetchall() == [(3,), (6,)]
    assert admin.execute("SELECT redriven_by, error_code FROM resma.redrives").fetchall() == [
        ("loopback", "shards-failed")
    ]
    assert _numbers(_list(system, report_id)) == [1, 2, 3, 4]
    _fail(admin, report_id)
    assert admin.execute("SELECT count(DISTINCT event_id) FROM resma.events").fetchone() == (2,)


def test_only_failed_split_reports_with_shards_are_retried(system: System, admin: Connection[TupleRow]) -> None:
    def retry(report_id: UUID) -> tuple[int, str]:
        return _code(system.call_api("POST", f"/api/v1/reports/{report_id}/files/retry"))

    ready = _split(system, admin, SplitReport(keys=KEYS))
    assert retry(ready) == (409, "report-not-retryable")
    uncounted = system.request_report(format="CSV")
    assert retry(uncounted) == (404, "file-not-found")
    admin.execute(
        "UPDATE resma.reports SET status = 'FAILED', split_by = '{account}', finished_at = clock_timestamp()"
        " WHERE report_id = %s",
        (uncounted,),
    )
    assert retry(uncounted) == (409, "report-not-retryable")
    admin.execute("UPDATE resma.reports SET status = 'CANCELLED' WHERE report_id = %s", (uncounted,))
    assert retry(uncounted) == (409, "report-has-no-file")


def test_a_page_of_files_with_thousands_of_currencies_is_small(system: System, admin: Connection[TupleRow]) -> None:
    report_id = _split(system, admin, SplitReport(keys=[(f"BR-{number}",) for number in range(1, 13)]))
    admin.execute(
        "UPDATE resma.report_files SET totals = (SELECT jsonb_agg(jsonb_build_object('currency', 'C' || number, 'rows',"
        " 1, 'amounts', jsonb_build_object('amount', number::text))) FROM generate_series(1, 10000) AS number)"
    )
    numbers: list[int] = []
    after, is_more = None, True
    while is_more:
        found, is_more = list_split_files(admin, "demo", report_id, FileFilters(), after, 1000)
        assert 0 < len(found) < 12
        numbers += [file.number for file in found]
        after = FileCursor(found[-1].number, found[-1].format)
    assert numbers == list(range(1, 13))
