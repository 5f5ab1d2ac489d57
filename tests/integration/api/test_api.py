"""The API: an accepted request creates a row and a message, a rejected one creates neither."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from tests.support.bad_requests import BAD, GOOD
from tests.support.system import System

ELSEWHERE = "203.0.113.9"
GENERATE = "/api/v1/reports/generate"


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


@pytest.mark.parametrize(("body", "status", "code", "pointer"), BAD)
def test_invalid_requests_are_problems(
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
        ({"title": ""}, "/title", "It must not be empty."),
        ({"title": "x" * 201}, "/title", "It must have at most 200 characters."),
        ({"format": "DOC"}, "/format", "It must be one of 'CSV', 'NDJSON', 'XLSX', 'PDF' or 'PARQUET'."),
        ({"deduplicate": "yes"}, "/deduplicate", "It must be true or false, without quotes."),
        ({"columns": ["id"] * 501}, "/columns", "It must have at most 500 items."),
        ({"formats": ["CSV"]}, "/formats", "Send either `format`, or several formats in `formats`."),
        ({"x" * 5000: 1}, "/" + "x" * 5000, "This property does not exist. Remove it."),
    ],
)
def test_a_problem_says_what_to_do(system: System, more: Any, pointer: str, advice: str) -> None:
    """The detail of the problem says it, too, if there is only one error."""
    _, _, problem = system.call_api("POST", GENERATE, {**GOOD, **more})
    assert problem["errors"] == [{"pointer": pointer, "detail": advice}]
    shown = pointer if len(pointer) <= 200 else f"{pointer[:200]}…"
    assert problem["detail"] == f"One part of the request is not valid: {shown}: {advice}"
    _, _, problem = system.call_api("POST", GENERATE, {**GOOD, **more, "another": 1})
    assert problem["detail"] == "2 parts of the request are not valid: see `errors`."


@pytest.mark.parametrize(("limit", "advice"), [("0", "It must be 1 or more."), ("201", "It must be 200 or less.")])
def test_an_error_names_the_limit(system: System, limit: str, advice: str) -> None:
    status, _, problem = system.call_api("GET", "/api/v1/reports", query={"limit": limit})
    assert (status, problem["errors"]) == (422, [{"pointer": "/limit", "detail": advice}])


@pytest.mark.parametrize("path", ["/api/v1/reports/nope", f"/api/v1/reports/{UUID(int=1)}", "/nope"])
@pytest.mark.parametrize("suffix", ["", "/download"])
def test_an_unknown_report_is_404(system: System, path: str, suffix: str) -> None:
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
def test_the_same_idempotency_key_returns_the_same_report(
    system: System, admin: Connection[TupleRow], key: str
) -> None:
    first = system.call_api("POST", GENERATE, GOOD, {"Idempotency-Key": key})
    again = system.call_api("POST", GENERATE, GOOD, {"idempotency-key": "8e03978e-40d5"})
    assert (first[0], again[0]) == (202, 202)
    assert first[2]["id"] == again[2]["id"]
    assert _count(admin) == 1
    assert len(system.receive()) == 1


def test_the_same_idempotency_key_with_another_request_is_rejected(system: System, admin: Connection[TupleRow]) -> None:
    system.call_api("POST", GENERATE, GOOD, {"Idempotency-Key": "k"})
    status, _, problem = system.call_api("POST", GENERATE, {**GOOD, "format": "PDF"}, {"Idempotency-Key": "k"})
    assert status == 422
    assert problem["type"] == "urn:resma:problem:idempotency-key-reused"
    assert _count(admin) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "no spaces", "é", '"open'])
def test_an_invalid_idempotency_key_is_rejected(system: System, admin: Connection[TupleRow], key: str) -> None:
    status, _, problem = system.call_api("POST", GENERATE, GOOD, {"Idempotency-Key": key})
    assert (status, problem["type"]) == (422, "urn:resma:problem:request-invalid")
    assert [error["pointer"] for error in problem["errors"]] == ["/Idempotency-Key"]
    assert _count(admin) == 0


def test_an_idempotency_key_in_flight_is_a_conflict(system: System, admin: Connection[TupleRow]) -> None:
    """While another transaction holds the key, the caller gets a conflict with Retry-After and does not wait."""
    with admin.transaction(force_rollback=True):
        admin.execute(
            "INSERT INTO resma.idempotency_keys (tenant_id, idempotency_key, report_id, request_sha256)"
            " VALUES ('demo', 'k', gen_random_uuid(), 'x')"
        )
        with ThreadPoolExecutor(1) as thread:
            status, headers, problem = thread.submit(
                system.call_api, "POST", GENERATE, GOOD, {"Idempotency-Key": "k"}
            ).result(120)
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


def test_the_list_is_searched_by_title_and_id_and_filtered_by_requester(system: System) -> None:
    key = system.make_key("reports:read", "reports:write", name="month end")
    plain, other = (str(system.request_report(format="CSV", title=title)) for title in ("100% Fees_A", "Other"))
    status, _, mine = system.call_with(
        key, "POST", "/api/v1/reports/generate", {"type": "TRANSACTIONS", "format": "CSV"}
    )
    assert status == 202

    def found(**query: str) -> list[str]:
        return [item["id"] for item in system.call_api("GET", "/api/v1/reports", query=query)[2]["items"]]

    assert found(search="0% fees_a") == [plain]
    assert found(search="f%s") == [], "no character is a wildcard"
    assert found(search=other[:13].upper()) == [other]
    assert found(requestedBy=mine["requestedBy"]) == [mine["id"]]
    assert found(requestedBy="me") == [other, plain]
    own = system.call_with(key, "GET", "/api/v1/reports", query={"requestedBy": "me"})[2]
    assert [item["id"] for item in own["items"]] == [mine["id"]]
    assert system.call_with(key, "GET", "/api/v1/me")[2]["name"] == "month end"


@pytest.mark.parametrize(
    "query",
    [
        {"search": ""},
        {"requestedBy": "a\x00b"},
        {"type": "a\x00b"},
        {"cursor": "nonsense"},
        {"limit": "0"},
        {"limit": "201"},
        {"status": "NOPE"},
        {"format": "NOPE"},
    ],
)
def test_an_invalid_list_query_is_a_problem(system: System, query: dict[str, str]) -> None:
    status, headers, problem = system.call_api("GET", "/api/v1/reports", query=query)
    assert status == 422
    assert headers["Content-Type"] == "application/problem+json"
    assert problem["errors"][0]["pointer"] == f"/{next(iter(query))}"


def test_a_request_is_accepted_while_the_queue_is_unavailable(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    queue_url = system.queue_url
    system.sqs.delete_queue(QueueUrl=queue_url)
    report_id = system.request_report(format="CSV")
    assert admin.execute("SELECT enqueued_at FROM resma.reports").fetchall() == [(None,)]
    system.sqs.create_queue(QueueName="report-jobs")
    assert system.run_scheduler()["sent"] == 0, "the process that wrote the row still has time to send the message"
    admin.execute("UPDATE resma.reports SET created_at = created_at - interval '6 seconds'")
    assert system.run_scheduler()["sent"] == 1
    assert system.run_scheduler()["sent"] == 0
    assert system.work_once()
    assert system.show(report_id)["status"] == "READY"


def test_a_report_without_a_file_has_no_download(system: System, admin: Connection[TupleRow]) -> None:
    report_id = system.request_report(format="CSV")
    path = f"/api/v1/reports/{report_id}/download"
    assert system.call_api("GET", path)[0] == 409
    admin.execute("UPDATE resma.reports SET status = 'FAILED'")
    assert system.call_api("GET", path)[0] == 409
    admin.execute("UPDATE resma.reports SET status = 'EXPIRED'")
    assert system.call_api("GET", path)[0] == 410


def test_report_types_describe_valid_requests(system: System) -> None:
    status, _, body = system.call_api("GET", "/api/v1/report-types")
    assert status == 200
    (transactions,) = [item for item in body["items"] if item["type"] == "TRANSACTIONS"]
    assert transactions["formats"] == ["CSV", "NDJSON", "XLSX", "PDF", "PARQUET"]
    assert transactions["filters"]["properties"]["from"].items() >= {"type": "string", "format": "date"}.items()
    items = system.call_api("GET", "/api/v1/report-types", query={"locale": "pt-BR"})[2]["items"]
    (transactions,) = [item for item in items if item["type"] == "TRANSACTIONS"]
    assert transactions["filters"]["properties"]["type"]["items"]["x-enum-labels"]["CARD"] == "Cartão"


def test_the_openapi_document_lists_the_operations(system: System) -> None:
    status, _, document = system.call_api("GET", "/openapi.json")
    assert status == 200
    assert document["servers"][0]["url"] == "https://reports.example"
    assert GENERATE in document["paths"]
    assert "202" in document["paths"][GENERATE]["post"]["responses"]
    assert system.call_api("GET", "/docs")[0] == 200


@pytest.mark.parametrize(
    ("path", "media_type", "part"),
    [
        ("/docs", "text/html; charset=utf-8", "swagger-ui-bundle.min.js"),
        ("/docs/start.js", "text/javascript; charset=utf-8", "SwaggerUIBundle"),
        # A file of powertools, whose folder is not part of its public API.
        ("/docs/swagger-ui-bundle.min.js", "text/javascript; charset=utf-8", "SwaggerUIBundle"),
        ("/docs/swagger-ui.min.css", "text/css; charset=utf-8", ".swagger-ui"),
    ],
)
def test_the_documentation_page_needs_no_key(system: System, path: str, media_type: str, part: str) -> None:
    status, headers, text = system.call_api("GET", path, address=ELSEWHERE)
    assert (status, headers["Content-Type"]) == (200, media_type)
    assert part in text
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert system.call_api("GET", path, headers={"If-None-Match": headers["ETag"]}, address=ELSEWHERE)[0] == 304
    assert system.call_api("POST", path, address=ELSEWHERE)[0] == 401


def test_an_unknown_file_of_the_documentation_is_404(system: System) -> None:
    for name in ("html.py", "..%2fapp.py", "nope.js"):
        assert system.call_api("GET", f"/docs/{name}", address=ELSEWHERE)[0] == 404


def test_the_document_without_a_key_has_no_report_types(system: System) -> None:
    status, headers, public = system.call_api("GET", "/openapi.json", address=ELSEWHERE)
    assert (status, headers["Vary"]) == (200, "Authorization, X-Api-Key")
    assert headers["Cache-Control"] == "no-store"
    known = system.call_with(system.make_key("reports:read"), "GET", "/openapi.json")[2]
    assert known["paths"] == public["paths"]
    names = set(known["components"]["schemas"]) - set(public["components"]["schemas"])
    assert {"TransactionsFilters", "TransactionsColumns"} <= names
    assert all(name.endswith(("Filters", "Columns")) for name in names)


def test_the_document_is_refused_with_an_invalid_key(system: System) -> None:
    for key in ("x", f"rsm_{'a' * 16}_{'b' * 43}"):
        assert system.call_with(key, "GET", "/openapi.json")[0] == 401


def test_a_stage_path_is_part_of_links(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PUBLIC_BASE_URL")
    _, headers, body = system.call_api("POST", GENERATE, GOOD)
    assert headers["Location"] == f"https://api.example/test/api/v1/reports/{body['id']}"


def test_an_unavailable_database_is_503(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = system.call_api  # the API has no connection yet, and its secret is changed to a port where nothing listens
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
def test_the_media_type_of_json_is_case_insensitive(system: System, media_type: str) -> None:
    for name in ("Content-Type", "content-type"):
        assert system.call_api("POST", GENERATE, GOOD, {name: media_type})[0] == 202


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "application/vnd.x+json"])
def test_a_body_with_another_media_type_is_rejected(
    system: System, admin: Connection[TupleRow], media_type: str
) -> None:
    status, _, problem = system.call_api("POST", GENERATE, GOOD, {"Content-Type": media_type})
    assert status == 415
    assert "Content-Type: application/json" in problem["detail"]
    assert _count(admin) == 0


def test_a_problem_lists_a_limited_number_of_errors(system: System) -> None:
    _, _, problem = system.call_api("POST", GENERATE, {**GOOD, "filters": {f"x{i}": i for i in range(1000)}})
    assert len(problem["errors"]) == 20
    assert "1000 parts of the request" in problem["detail"]
