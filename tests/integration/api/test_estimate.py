"""Estimates: exact where possible, accurate otherwise, and with little load on the databases."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, get_args
from uuid import UUID

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from api.estimates import warnings
from resma.catalog import load_catalog
from resma.snapshot import row_estimate
from resma.writers import Format
from resma.writers.pdf import readability
from tests.support.bad_requests import BAD
from tests.support.eventually import eventually
from tests.support.system import ROWS, ActAs, System

ESTIMATE = "/api/v1/reports/estimate"
FORMATS = list(get_args(Format))
OURS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'resma-api-estimate'"


@pytest.fixture(autouse=True)
def _fresh(admin: Connection[TupleRow]) -> None:
    """Removes reports of earlier tests, which would be recent reports and count against the rows per day."""
    admin.execute("DELETE FROM resma.reports")
    admin.execute("DELETE FROM resma.row_counts")


def estimate(system: System, type_: str = "TRANSACTIONS", **request: Any) -> Any:
    status, _, body = system.call_api("POST", ESTIMATE, {"type": type_, **request})
    assert status == 200, body
    return body


def codes(expected: dict[str, Any]) -> list[str]:
    """Returns the codes of the warnings."""
    return [warning["code"] for warning in expected["warnings"]]


def make(system: System, **request: Any) -> Any:
    """Generates the report and returns it."""
    report_id: UUID = system.request_report(**request)
    assert system.work_once()
    return system.show(report_id)


@pytest.fixture
def account(admin: Connection[TupleRow]) -> str:
    """Returns the account with the most rows."""
    rows = admin.execute("SELECT account_id FROM bank.transactions GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1")
    return str(rows.fetchall()[0][0])


# ---------------------------------------------------------------- values that the database rejects


@pytest.mark.parametrize("type_", sorted(load_catalog()))
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Etc/GMT+12"])
def test_no_filter_and_no_time_zone_causes_an_internal_error(
    system: System, account: str, type_: str, zone: str
) -> None:
    filters: dict[str, Any] = {"account": account} if type_ == "ACCOUNT_STATEMENT" else {}
    for first, last in [("0001-01-01", "0001-01-01"), ("0001-01-01", "9999-12-31"), ("9999-12-31", "9999-12-31")]:
        body = {"type": type_, "format": "CSV", "timeZone": zone, "filters": {**filters, "from": first, "to": last}}
        status, _, problem = system.call_api("POST", ESTIMATE, body)
        assert status in {200, 422}, problem
        assert status == 200 or problem["type"] == "urn:resma:problem:query-invalid"


# ---------------------------------------------------------------- accuracy


@pytest.mark.parametrize("type_", sorted(load_catalog()))
def test_after_one_report_the_estimate_of_the_next_is_accurate(system: System, account: str, type_: str) -> None:
    """The first report is of one year, the next of two. Rows are exact, bytes and pages within a factor of two."""
    filters = {"account": account} if type_ == "ACCOUNT_STATEMENT" else {}
    request = {"type": type_, "formats": FORMATS}
    make(system, **request, filters={**filters, "to": "2024-12-31"})
    expected = estimate(system, type_, formats=FORMATS, filters=filters)
    report = make(system, **request, filters=filters)
    assert (expected["rows"], expected["isExact"]) == (report["rows"], True)
    assert [file["format"] for file in expected["files"]] == FORMATS
    for guess, file in zip(expected["files"], report["files"], strict=True):
        assert file["bytes"] / 2 <= guess["bytes"] <= file["bytes"] * 2, (guess, file)
        assert (guess["pages"] is None) == (file["pages"] is None) == (guess["format"] != "PDF")
        if guess["pages"] is not None:
            assert file["pages"] / 2 <= guess["pages"] <= file["pages"] * 2, (guess, file)
    assert expected["warnings"] == []


def test_keys_of_a_split_report_are_counted(system: System, admin: Connection[TupleRow]) -> None:
    ((accounts,),) = admin.execute("SELECT count(*) FROM bank.accounts WHERE tenant_id = 'demo'").fetchall()
    request = {"format": "CSV", "filters": {"from": "2024-03-01", "to": "2024-03-31"}}
    expected = estimate(system, "ACCOUNT_STATEMENT", **request, splitBy=["account"])
    assert (expected["keys"], expected["isExact"]) == (accounts, True)
    assert accounts < expected["rows"] < ROWS
    assert expected["files"][0]["bytes"] > accounts * 100
    admin.execute("UPDATE resma.tenants SET files_per_day = 1")
    try:
        warned = estimate(system, "ACCOUNT_STATEMENT", **request, splitBy=["account"])
    finally:
        admin.execute("UPDATE resma.tenants SET files_per_day = DEFAULT")
    assert "too-many-files" in codes(warned)
    assert estimate(system, format="CSV")["keys"] is None


@pytest.mark.parametrize(
    "more",
    [
        {"format": "CSV"},
        {"format": "CSV", "options": {"csv": {"compression": "gzip"}}},
        {"format": "NDJSON", "options": {"ndjson": {"compression": "zstd"}}},
        {"format": "XLSX"},
        {"format": "PARQUET"},
        {"format": "PDF"},
        {"format": "PDF", "options": {"pdf": {"orientation": "portrait", "paper": "A4"}}},
        {"format": "CSV", "columns": ["id", "amount"]},
    ],
)
def test_without_recent_reports_the_baseline_is_accurate_too(system: System, more: dict[str, Any]) -> None:
    expected = estimate(system, **more)
    assert "first-of-format" in codes(expected)
    report = make(system, **more)
    (guess,), (file,) = expected["files"], report["files"]
    assert expected["rows"] == report["rows"]
    assert file["bytes"] / 2 <= guess["bytes"] <= file["bytes"] * 2, (guess, file)
    assert guess["pages"] == file["pages"]
    assert 0 < expected["seconds"] < 1


def test_pages_of_wrapped_cells_depend_on_reports_with_the_same_paper(
    system: System, admin: Connection[TupleRow]
) -> None:
    """The lines per row of an audit trail differ between portrait and landscape."""
    orientations = ("portrait", "landscape")
    requests = [{"format": "PDF", "options": {"pdf": {"orientation": each}}} for each in orientations]
    made = [make(system, type="AUDIT_TRAIL", **request) for request in requests]
    for request, report in zip(requests, made, strict=True):
        (guess,), (file,) = estimate(system, "AUDIT_TRAIL", **request)["files"], report["files"]
        assert file["pages"] * 0.8 <= guess["pages"] <= file["pages"] * 1.25


def test_time_is_estimated_from_reports_of_the_same_formats(system: System, admin: Connection[TupleRow]) -> None:
    before = estimate(system, format="CSV")["seconds"]
    make(system, format="CSV", filters={"to": "2024-12-31"})
    admin.execute(
        "UPDATE resma.reports SET rows_expected = 1000000, rows_done = 1000000,"
        " metrics = jsonb_set(metrics, '{seconds,generate}', '1000')"
    )
    # One millisecond per row, as in the recent report. The baseline determines the start of the regression line.
    assert 2 < estimate(system, format="CSV")["seconds"] < 6
    assert estimate(system, format="NDJSON")["seconds"] == before
    admin.execute("UPDATE resma.reports SET continuations = 1")  # its duration is that of the last invocation only
    assert estimate(system, format="CSV")["seconds"] == before


def test_the_queue_has_only_reports_of_the_tenant(
    system: System, admin: Connection[TupleRow], as_tenant: ActAs
) -> None:
    as_tenant("other")
    system.request_report(format="CSV")
    as_tenant("demo")
    assert estimate(system, format="CSV")["queue"] == {"ahead": 0, "seconds": 0}
    system.request_report(format="CSV")
    assert estimate(system, format="CSV")["queue"] == {"ahead": 1, "seconds": None}


def test_estimates_use_only_rows_and_reports_of_the_tenant(system: System, as_tenant: ActAs) -> None:
    make(system, format="CSV")
    as_tenant("other")
    expected = estimate(system, format="CSV")
    assert (expected["rows"], expected["isExact"]) == (0, True)
    assert codes(expected) == ["no-rows", "first-of-format"]


# ---------------------------------------------------------------- errors and warnings


@pytest.mark.parametrize(("body", "status", "code", "pointer"), BAD)
def test_estimates_reject_what_requests_reject(
    system: System, body: Any, status: int, code: str, pointer: str | None
) -> None:
    got, _, problem = system.call_api("POST", ESTIMATE, body)
    asked, _, same = system.call_api("POST", "/api/v1/reports/generate", body)
    assert (got, problem["type"]) == (status, f"urn:resma:problem:{code}") == (asked, same["type"])
    assert problem.get("errors") == same.get("errors")


def test_limits_of_excel_apply_only_to_csv_of_its_profile(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warnings, "MAX_ROWS_PER_SHEET", 10)
    assert "excel-row-limit" in codes(estimate(system, format="CSV", options={"csv": {"profile": "excel"}}))
    assert "excel-row-limit" not in codes(estimate(system, format="CSV"))


def test_columns_that_do_not_fit_a_page_are_a_warning_for_a_pdf(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readability, "MIN_CHARACTERS", 40)
    readability._check_widths.cache_clear()
    try:
        expected = estimate(system, formats=["CSV", "PDF"])
        assert "columns-unreadable" in codes(expected)
        assert "columns-unreadable" not in codes(estimate(system, format="CSV"))
    finally:
        readability._check_widths.cache_clear()


def test_estimates_require_the_scopes_of_requests(system: System, as_tenant: ActAs) -> None:
    as_tenant("demo", frozenset({"reports:read"}))
    assert system.call_api("POST", ESTIMATE, {"type": "TRANSACTIONS", "format": "CSV"})[0] == 403
    as_tenant("demo", frozenset({"reports:write"}))
    expected = estimate(system, format="CSV", columns=["id", "counterparty"])
    text = "Columns masked because you do not have the scope `personal:read`: counterparty."
    assert {"code": "masked", "detail": text, "values": {"columns": ["counterparty"]}} in expected["warnings"]
    assert "masked" not in codes(estimate(system, format="CSV", columns=["id"]))


def test_an_estimate_stores_nothing(system: System, admin: Connection[TupleRow]) -> None:
    estimate(system, formats=FORMATS)
    assert admin.execute("SELECT count(*) FROM resma.reports").fetchone() == (0,)
    assert system.receive() == []
    eventually("no connection is kept", lambda: admin.execute(OURS).fetchone() == (0,))


@pytest.fixture
def quotas(admin: Connection[TupleRow]) -> Iterator[Any]:
    """Sets quotas of the demo tenant for the test."""

    def limit(assignment: str) -> None:
        admin.execute(f"UPDATE resma.tenants SET {assignment} WHERE tenant_id = 'demo'".encode())

    yield limit
    limit("live_reports = DEFAULT, rows_per_day = DEFAULT")
    admin.execute("DELETE FROM resma.row_counts")


def test_warnings_name_quotas_that_would_reject_the_report(system: System, quotas: Any) -> None:
    quotas("rows_per_day = 100")
    assert (
        "The report has more rows than are left of your 100 rows per day (100)"
        in estimate(system, format="CSV")["warnings"][0]["detail"]
    )
    quotas("rows_per_day = 10000000")
    make(system, format="CSV")
    quotas("rows_per_day = 100")
    assert (
        "Today's reports have used all of your 100 rows per day"
        in estimate(system, format="CSV")["warnings"][0]["detail"]
    )


def test_a_warning_names_the_limit_of_concurrent_reports(system: System, quotas: Any) -> None:
    system.request_report(format="CSV")
    quotas("live_reports = 1")
    assert "1 report is in progress" in estimate(system, format="CSV")["warnings"][0]["detail"]
    assert system.call_api("POST", "/api/v1/reports/generate", {"type": "TRANSACTIONS", "format": "CSV"})[0] == 429


# ---------------------------------------------------------------- load


@pytest.fixture
def slow_counting(admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A table whose rows take a minute to count, but no time to plan."""
    admin.execute(
        "CREATE FUNCTION bank.slowly() RETURNS boolean LANGUAGE sql VOLATILE RETURN pg_sleep(0.1) IS NOT NULL"
    )
    admin.execute(
        "CREATE POLICY slowly ON bank.transactions AS RESTRICTIVE FOR SELECT TO resma_reader USING (bank.slowly())"
    )
    monkeypatch.setattr(
        row_estimate,
        "_LIMITS",
        psycopg.sql.SQL("SET LOCAL statement_timeout = '2s'; SET LOCAL lock_timeout = '2s'"),
    )
    yield
    admin.execute("DROP POLICY slowly ON bank.transactions")
    admin.execute("DROP FUNCTION bank.slowly")


def test_rows_that_take_long_to_count_are_estimated_by_the_planner(
    system: System, slow_counting: None, admin: Connection[TupleRow]
) -> None:
    admin.execute("ANALYZE bank.transactions")
    expected = estimate(system, format="CSV", filters={"from": "2024-01-01"})
    assert expected["isExact"] is False
    assert expected["rows"] > 0
    assert "planner's estimate" in expected["warnings"][0]["detail"]
    eventually("no connection is kept", lambda: admin.execute(OURS).fetchone() == (0,))


def test_counting_uses_the_reader_login_of_one_tenant_for_a_short_time(
    system: System, admin: Connection[TupleRow]
) -> None:
    admin.execute(
        "CREATE POLICY guarded ON bank.transactions AS RESTRICTIVE FOR SELECT TO resma_reader USING ("
        " current_user = 'resma_reader' AND current_setting('transaction_read_only') = 'on'"
        " AND current_setting('statement_timeout') = '1500ms' AND current_setting('lock_timeout') = '1500ms'"
        " AND current_setting('resma.tenant_id') = 'demo')"
    )
    try:
        counted = estimate(system, format="CSV")
        assert (counted["rows"] > 0, counted["isExact"]) == (True, True)
        assert make(system, format="CSV")["rows"] == 0, "a worker has more time, so the policy does look"
    finally:
        admin.execute("DROP POLICY guarded ON bank.transactions")


def test_a_connection_limit_of_the_reader_is_503(system: System, admin: Connection[TupleRow]) -> None:
    admin.execute("ALTER ROLE resma_reader CONNECTION LIMIT 0")
    try:
        status, headers, problem = system.call_api("POST", ESTIMATE, {"type": "TRANSACTIONS", "format": "CSV"})
    finally:
        admin.execute("ALTER ROLE resma_reader CONNECTION LIMIT -1")
    assert (status, problem["type"]) == (503, "urn:resma:problem:database-unavailable")
    assert "Retry-After" in headers
    assert estimate(system, format="CSV")["isExact"] is True


def test_a_tenant_counts_once_at_a_time(system: System, postgres: Any) -> None:
    """One of a hundred concurrent requests of a tenant counts. The planner estimates the others."""
    with psycopg.connect(postgres.url) as other:
        other.execute("SELECT pg_advisory_xact_lock(hashtextextended('resma.estimate demo', 0))")
        assert estimate(system, format="CSV")["isExact"] is False
    assert estimate(system, format="CSV")["isExact"] is True


def test_an_estimate_does_not_wait_for_a_locked_table(
    system: System, postgres: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(postgres.url) as other:
        other.execute("LOCK TABLE bank.transactions IN ACCESS EXCLUSIVE MODE")
        status, headers, problem = system.call_api("POST", ESTIMATE, {"type": "TRANSACTIONS", "format": "CSV"})
    assert (status, problem["type"]) == (503, "urn:resma:problem:database-busy")
    assert "Retry-After" in headers
    assert estimate(system, format="CSV")["isExact"] is True


def test_writers_do_not_wait_for_an_estimate(system: System, slow_counting: None, admin: Connection[TupleRow]) -> None:
    """The table can be written to while rows are counted."""
    answers: list[int] = []

    def ask() -> None:
        answers.append(system.call_api("POST", ESTIMATE, {"type": "TRANSACTIONS", "format": "CSV"})[0])

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        counting = OURS + " AND query LIKE 'SELECT count%'"
        eventually("it counts", lambda: admin.execute(counting).fetchone() == (1,))
        admin.execute("SET lock_timeout = '500ms'")
        admin.execute("UPDATE bank.transactions SET amount = amount WHERE transaction_id = 1")
    finally:
        thread.join()
    assert answers == [200]


def test_an_unavailable_source_database_is_503(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_connection(*_: object, **__: object) -> None:
        raise psycopg.OperationalError("no")

    estimate(system, format="CSV")
    monkeypatch.setattr("resma.database.connection.psycopg.connect", no_connection)
    status, _, problem = system.call_api("POST", ESTIMATE, {"type": "TRANSACTIONS", "format": "CSV"})
    assert (status, problem["type"]) == (503, "urn:resma:problem:database-unavailable")


@pytest.mark.parametrize(
    ("filters", "more"),
    [
        ({"account": "a\x00b"}, {}),
        ({"account": "\ud800"}, {}),
        ({"account": "' OR 1 = 1 --"}, {}),
        ({"from": "0001-01-01", "to": "9999-12-31"}, {}),
        ({"from": "0001-01-01"}, {"timeZone": "Pacific/Kiritimati"}),
        ({"to": "9999-12-31"}, {"timeZone": "Etc/GMT+12"}),
        ({"status": ["BOOKED"] * 4}, {}),
        ({"account": "x" * 200}, {"title": "%(tenant_id)s"}),
    ],
)
def test_unusual_requests_have_the_same_result_as_generating(
    system: System, filters: dict[str, Any], more: dict[str, Any]
) -> None:
    """The result is that of the request itself, and never an internal error."""
    request = {"type": "TRANSACTIONS", "format": "CSV", "filters": filters, **more}
    status, _, body = system.call_api("POST", ESTIMATE, request)
    asked, _, _ = system.call_api("POST", "/api/v1/reports/generate", request)
    assert (status, asked) in {(200, 202), (422, 422)}, body
    if status == 200 and "account" in filters:
        assert body["rows"] == 0


def test_an_empty_pdf_has_no_table_of_contents(system: System) -> None:
    nothing: Any = {"format": "PDF", "filters": {"from": "2199-01-01"}}
    expected, report = estimate(system, **nothing), make(system, **nothing)
    assert [file["pages"] for file in expected["files"]] == [file["pages"] for file in report["files"]] == [2]
