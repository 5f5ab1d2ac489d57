"""The API: what is accepted becomes a row and a message, and what is not becomes neither."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from tests.integration.conftest import System

GENERATE = "/api/v1/reports/generate"
GOOD = {"type": "TRANSACTIONS", "format": "CSV", "filters": {"from": "2024-01-01"}}


def _count(admin: Connection[TupleRow]) -> int:
    row = admin.execute("SELECT count(*) FROM resma.reports").fetchone()
    assert row is not None
    return int(row[0])


def test_a_request_is_accepted(system: System, admin: Connection[TupleRow]) -> None:
    status, headers, body = system.call_api("POST", GENERATE, GOOD)
    assert status == 202
    assert headers["Location"] == body["links"]["self"] == f"https://reports.example/api/v1/reports/{body['id']}"
    assert int(headers["Retry-After"]) > 0
    assert body["status"] == "PENDING"
    row = admin.execute("SELECT tenant_id, status, enqueued_at IS NOT NULL FROM resma.reports").fetchall()
    assert row == [("demo", "PENDING", True)]
    (record,) = system.receive()
    assert body["id"] in record["body"]


BAD: list[tuple[Any, int, str, str | None]] = [
    ({**GOOD, "type": "NOPE"}, 422, "request-invalid", "/type"),
    ({**GOOD, "format": "DOC"}, 422, "request-invalid", "/format"),
    ({"type": "TRANSACTIONS"}, 422, "request-invalid", "/formats"),
    ({"type": "TRANSACTIONS", "format": None, "formats": None}, 422, "request-invalid", "/formats"),
    ({**GOOD, "formats": ["CSV"]}, 422, "request-invalid", "/formats"),
    ({"type": "TRANSACTIONS", "formats": ["CSV", "CSV"]}, 422, "request-invalid", "/formats"),
    ({"type": "TRANSACTIONS", "formats": []}, 422, "request-invalid", "/formats"),
    ({**GOOD, "filters": {"nope": 1}}, 422, "request-invalid", "/filters/nope"),
    ({**GOOD, "filters": {"from": "2024-02-30"}}, 422, "request-invalid", "/filters/from"),
    ({**GOOD, "filters": {"from": "2024-02-02", "to": "2024-02-01"}}, 422, "request-invalid", "/filters/to"),
    ({**GOOD, "filters": []}, 422, "request-invalid", "/filters"),
    ({**GOOD, "nope": 1}, 422, "request-invalid", "/nope"),
    ({"format": "CSV"}, 422, "request-invalid", "/type"),
    ({**GOOD, "callbackUrl": "ftp://example.com"}, 422, "request-invalid", "/callbackUrl"),
    ({**GOOD, "callbackUrl": "https://"}, 422, "request-invalid", "/callbackUrl"),
    ({**GOOD, "callbackUrl": "https://user:secret@example.com"}, 422, "request-invalid", "/callbackUrl"),
    ({**GOOD, "callbackUrl": "https://example.com:99999"}, 422, "request-invalid", "/callbackUrl"),
    ({**GOOD, "callbackUrl": "https://example.com/\r\nHost: x"}, 422, "request-invalid", "/callbackUrl"),
    ("{not json", 400, "request-malformed", None),
    ("[1]", 422, "request-invalid", ""),
    (None, 422, "request-invalid", ""),
    ("x" * (256 * 1024 + 1), 413, "request-too-large", None),
    ("é" * (128 * 1024 + 1), 413, "request-too-large", None),
]


@pytest.mark.parametrize(("body", "status", "code", "pointer"), BAD)
def test_bad_requests_are_problems(
    system: System, admin: Connection[TupleRow], body: Any, status: int, code: str, pointer: str | None
) -> None:
    got, headers, problem = system.call_api("POST", GENERATE, body)
    assert got == status
    assert headers["Content-Type"] == "application/problem+json"
    assert problem["type"] == f"urn:resma:problem:{code}"
    assert problem["status"] == status
    assert problem["title"]
    assert len(problem["detail"]) > 20
    assert problem["instance"] == GENERATE
    assert pointer is None or [error["pointer"] for error in problem["errors"]] == [pointer]
    assert "Traceback" not in str(problem)
    assert "secret" not in str(problem)
    assert _count(admin) == 0
    assert system.receive() == []


@pytest.mark.parametrize(
    ("more", "pointer", "advice"),
    [
        ({"title": ""}, "/title", "give a text that is not empty"),
        ({"title": "x" * 201}, "/title", "give a text of at most 200 characters"),
        ({"format": "DOC"}, "/format", "give one of 'CSV', 'NDJSON', 'XLSX', 'PDF' or 'PARQUET'"),
        ({"coalesce": "yes"}, "/coalesce", "give true or false, without quotes"),
        ({"columns": ["id"] * 501}, "/columns", "name at most 500"),
        ({"formats": ["CSV"]}, "/formats", "give either format, or several in formats"),
        ({"x" * 5000: 1}, "/" + "x" * 5000, "there is no such field: leave it out"),
    ],
)
def test_a_problem_says_what_to_do(system: System, more: Any, pointer: str, advice: str) -> None:
    """In its detail too, where it is one thing."""
    _, _, problem = system.call_api("POST", GENERATE, {**GOOD, **more})
    assert problem["errors"] == [{"pointer": pointer, "detail": advice}]
    assert problem["detail"] == f"one part of the request can't be used: {pointer[:200]}: {advice}"
    _, _, problem = system.call_api("POST", GENERATE, {**GOOD, **more, "another": 1})
    assert problem["detail"] == "2 parts of the request can't be used: see `errors`"


@pytest.mark.parametrize(("limit", "advice"), [("0", "give a number from 1 on"), ("201", "give a number up to 200")])
def test_a_limit_is_told(system: System, limit: str, advice: str) -> None:
    status, _, problem = system.call_api("GET", "/api/v1/reports", query={"limit": limit})
    assert (status, problem["errors"]) == (422, [{"pointer": "/limit", "detail": advice}])


@pytest.mark.parametrize("path", ["/api/v1/reports/nope", f"/api/v1/reports/{UUID(int=1)}", "/nope"])
@pytest.mark.parametrize("suffix", ["", "/download"])
def test_what_is_not_there_is_404(system: System, path: str, suffix: str) -> None:
    status, headers, problem = system.call_api("GET", path + suffix)
    assert status == 404
    assert headers["Content-Type"] == "application/problem+json"
    assert problem["detail"]


def test_another_tenants_report_is_404(system: System, admin: Connection[TupleRow]) -> None:
    report_id = system.request_report(format="CSV")
    admin.execute("INSERT INTO resma.tenants VALUES ('other', 'Other') ON CONFLICT DO NOTHING")
    admin.execute("UPDATE resma.reports SET tenant_id = 'other' WHERE report_id = %s", (report_id,))
    assert system.call_api("GET", f"/api/v1/reports/{report_id}")[0] == 404
    assert system.call_api("GET", f"/api/v1/reports/{report_id}/download")[0] == 404
    assert system.call_api("GET", "/api/v1/reports")[2]["items"] == []


@pytest.mark.parametrize("key", ["8e03978e-40d5", '"8e03978e-40d5"'])
def test_the_same_key_is_the_same_report(system: System, admin: Connection[TupleRow], key: str) -> None:
    first = system.call_api("POST", GENERATE, GOOD, {"Idempotency-Key": key})
    again = system.call_api("POST", GENERATE, GOOD, {"idempotency-key": "8e03978e-40d5"})
    assert (first[0], again[0]) == (202, 202)
    assert first[2]["id"] == again[2]["id"]
    assert _count(admin) == 1
    assert len(system.receive()) == 1


def test_the_same_key_with_another_request_is_refused(system: System, admin: Connection[TupleRow]) -> None:
    system.call_api("POST", GENERATE, GOOD, {"Idempotency-Key": "k"})
    status, _, problem = system.call_api("POST", GENERATE, {**GOOD, "format": "PDF"}, {"Idempotency-Key": "k"})
    assert status == 422
    assert problem["type"] == "urn:resma:problem:idempotency-key-reused"
    assert _count(admin) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "no spaces", "é", '"open'])
def test_a_key_that_is_none_is_refused(system: System, admin: Connection[TupleRow], key: str) -> None:
    status, _, problem = system.call_api("POST", GENERATE, GOOD, {"Idempotency-Key": key})
    assert status == 400
    assert problem["type"] == "urn:resma:problem:idempotency-key-invalid"
    assert _count(admin) == 0


def test_a_key_in_flight_is_a_conflict(system: System, admin: Connection[TupleRow]) -> None:
    """Another transaction holds the key and does not end: the caller is told to come back, not left waiting."""
    with admin.transaction(force_rollback=True):
        admin.execute(
            "INSERT INTO resma.idempotency_keys (tenant_id, idempotency_key, report_id, request_sha256)"
            " VALUES ('demo', 'k', gen_random_uuid(), 'x')"
        )
        with ThreadPoolExecutor(1) as thread:
            status, headers, problem = thread.submit(
                system.call_api, "POST", GENERATE, GOOD, {"Idempotency-Key": "k"}
            ).result(20)
    assert status == 409
    assert problem["type"] == "urn:resma:problem:idempotency-key-in-flight"
    assert int(headers["Retry-After"]) > 0


def test_the_list_has_pages_and_filters(system: System) -> None:
    ids = [str(system.request_report(format=format_)) for format_ in ("CSV", "PDF", "CSV", "CSV", "PDF")]
    seen: list[str] = []
    query: dict[str, str] | None = {"limit": "2"}
    while query is not None:
        status, _, page = system.call_api("GET", "/api/v1/reports", query=query)
        assert status == 200
        seen += [item["id"] for item in page["items"]]
        following = page["next"]
        query = dict(part.split("=", 1) for part in following.split("?")[1].split("&")) if following else None
        if query:
            query["cursor"] = query["cursor"].replace("%3D", "=")
    assert seen == ids[::-1]
    only = system.call_api("GET", "/api/v1/reports", query={"format": "PDF", "status": "PENDING"})[2]
    assert [item["id"] for item in only["items"]] == [ids[4], ids[1]]
    assert system.call_api("GET", "/api/v1/reports", query={"type": "NOPE"})[2] == {"items": [], "next": None}


@pytest.mark.parametrize(
    "query",
    [
        {"type": "a\x00b"},
        {"cursor": "nonsense"},
        {"limit": "0"},
        {"limit": "201"},
        {"status": "NOPE"},
        {"format": "NOPE"},
    ],
)
def test_a_bad_list_query_is_a_problem(system: System, query: dict[str, str]) -> None:
    status, headers, problem = system.call_api("GET", "/api/v1/reports", query=query)
    assert status == 422
    assert headers["Content-Type"] == "application/problem+json"
    assert problem["errors"][0]["pointer"] == f"/{next(iter(query))}"


def test_the_queue_may_be_away(system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch) -> None:
    queue_url = system.queue_url
    system.sqs.delete_queue(QueueUrl=queue_url)
    report_id = system.request_report(format="CSV")
    assert admin.execute("SELECT enqueued_at FROM resma.reports").fetchall() == [(None,)]
    system.sqs.create_queue(QueueName="report-jobs")
    assert system.tick()["sent"] == 0, "whoever wrote the row still has time to send its message"
    admin.execute("UPDATE resma.reports SET slot_at = slot_at - interval '6 seconds'")
    assert system.tick()["sent"] == 1
    assert system.tick()["sent"] == 0
    assert system.work_once()
    assert system.show(report_id)["status"] == "READY"


def test_no_file_no_download(system: System, admin: Connection[TupleRow]) -> None:
    report_id = system.request_report(format="CSV")
    path = f"/api/v1/reports/{report_id}/download"
    assert system.call_api("GET", path)[0] == 409
    admin.execute("UPDATE resma.reports SET status = 'FAILED'")
    assert system.call_api("GET", path)[0] == 409
    admin.execute("UPDATE resma.reports SET status = 'EXPIRED'")
    assert system.call_api("GET", path)[0] == 410


def test_report_types_tell_what_can_be_asked_for(system: System) -> None:
    status, _, body = system.call_api("GET", "/api/v1/report-types")
    assert status == 200
    (transactions,) = [item for item in body["items"] if item["type"] == "TRANSACTIONS"]
    assert transactions["formats"] == ["CSV", "NDJSON", "XLSX", "PDF", "PARQUET"]
    assert transactions["filters"]["properties"]["from"].items() >= {"type": "string", "format": "date"}.items()


# Powertools' page leaves two files of its own to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_openapi_and_its_page(system: System) -> None:
    status, _, document = system.call_api("GET", "/openapi.json")
    assert status == 200
    assert document["servers"] == [{"url": "https://reports.example"}]
    assert GENERATE in document["paths"]
    assert "202" in document["paths"][GENERATE]["post"]["responses"]
    assert system.call_api("GET", "/docs")[0] == 200
    gc.collect()


def test_a_stage_path_is_part_of_links(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PUBLIC_BASE_URL")
    _, headers, body = system.call_api("POST", GENERATE, GOOD)
    assert headers["Location"] == f"https://api.example/test/api/v1/reports/{body['id']}"


def test_the_database_may_be_away(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = system.call_api  # the API has no connection yet: point it to a port where nothing listens
    import boto3

    boto3.client("secretsmanager").put_secret_value(
        SecretId="resma_app",
        SecretString='{"host":"127.0.0.1","port":1,"dbname":"x","username":"x","password":"hush"}',
    )
    status, headers, problem = secret("POST", GENERATE, GOOD)
    assert status == 503
    assert int(headers["Retry-After"]) > 0
    assert "hush" not in str(problem)
    assert "127.0.0.1" not in str(problem)


@pytest.mark.parametrize("media_type", ["APPLICATION/JSON", "Application/Json; Charset=UTF-8", "application/json;"])
def test_json_is_json_however_its_name_is_written(system: System, media_type: str) -> None:
    for name in ("Content-Type", "content-type"):
        assert system.call_api("POST", GENERATE, GOOD, {name: media_type})[0] == 202


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "application/vnd.x+json"])
def test_a_body_that_is_not_called_json_is_refused(
    system: System, admin: Connection[TupleRow], media_type: str
) -> None:
    status, _, problem = system.call_api("POST", GENERATE, GOOD, {"Content-Type": media_type})
    assert status == 415
    assert "Content-Type: application/json" in problem["detail"]
    assert _count(admin) == 0


def test_a_thousand_faults_are_not_listed(system: System) -> None:
    _, _, problem = system.call_api("POST", GENERATE, {**GOOD, "filters": {f"x{i}": i for i in range(1000)}})
    assert len(problem["errors"]) == 20
    assert "1000 of the filters" in problem["detail"]
