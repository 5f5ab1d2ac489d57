"""Estimates: right where they can be known, near where they can't, and no burden to anybody."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, get_args
from uuid import UUID

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from resma.catalog import load_catalog
from resma.snapshot import row_estimate
from resma.writers import Format
from tests.support.bad_requests import BAD
from tests.support.eventually import eventually
from tests.support.system import ActAs, System

ESTIMATE = "/api/v1/reports/estimate"
FORMATS = list(get_args(Format))
OURS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'resma-api-estimate'"


@pytest.fixture(autouse=True)
def _fresh(admin: Connection[TupleRow]) -> None:
    """Reports that earlier tests have left would be history, and count against the day's rows."""
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
    """The report itself, READY."""
    report_id: UUID = system.request_report(**request)
    assert system.work_once()
    return system.show(report_id)


@pytest.fixture
def account(admin: Connection[TupleRow]) -> str:
    """The busiest one."""
    rows = admin.execute("SELECT account_id FROM bank.transactions GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1")
    return str(rows.fetchall()[0][0])


# ---------------------------------------------------------------- what the database can't do is no error of ours


@pytest.mark.parametrize("type_", sorted(load_catalog()))
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Etc/GMT+12"])
def test_no_filter_and_no_zone_makes_an_error_of_ours(system: System, account: str, type_: str, zone: str) -> None:
    filters: dict[str, Any] = {"account": account} if type_ == "ACCOUNT_STATEMENT" else {}
    for first, last in [("0001-01-01", "0001-01-01"), ("0001-01-01", "9999-12-31"), ("9999-12-31", "9999-12-31")]:
        body = {"type": type_, "format": "CSV", "timeZone": zone, "filters": {**filters, "from": first, "to": last}}
        status, _, problem = system.call_api("POST", ESTIMATE, body)
        assert status in {200, 422}, problem
        assert status == 200 or problem["type"] == "urn:resma:problem:query-invalid"


# ---------------------------------------------------------------- is it right?


@pytest.mark.parametrize("type_", sorted(load_catalog()))
def test_after_one_report_the_estimate_of_the_next_is_near(system: System, account: str, type_: str) -> None:
    """The first is of a year, the next of two: rows to the last one, bytes and pages within a factor of two."""
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
def test_without_history_what_was_measured_once_is_near_too(system: System, more: dict[str, Any]) -> None:
    expected = estimate(system, **more)
    assert "first-of-format" in codes(expected)
    report = make(system, **more)
    (guess,), (file,) = expected["files"], report["files"]
    assert expected["rows"] == report["rows"]
    assert file["bytes"] / 2 <= guess["bytes"] <= file["bytes"] * 2, (guess, file)
    assert guess["pages"] == file["pages"]
    assert 0 < expected["seconds"] < 1


def test_where_cells_wrap_pages_go_by_reports_on_the_same_paper(system: System, admin: Connection[TupleRow]) -> None:
    """An audit trail upright and across: what one says of lines is not the other's."""
    orientations = ("portrait", "landscape")
    requests = [{"format": "PDF", "options": {"pdf": {"orientation": each}}} for each in orientations]
    made = [make(system, type="AUDIT_TRAIL", **request) for request in requests]
    for request, report in zip(requests, made, strict=True):
        (guess,), (file,) = estimate(system, "AUDIT_TRAIL", **request)["files"], report["files"]
        assert file["pages"] * 0.8 <= guess["pages"] <= file["pages"] * 1.25


def test_time_goes_by_what_reports_of_the_same_formats_took(system: System, admin: Connection[TupleRow]) -> None:
    before = estimate(system, format="CSV")["seconds"]
    make(system, format="CSV", filters={"to": "2024-12-31"})
    admin.execute(
        "UPDATE resma.reports SET rows_expected = 1000000, rows_done = 1000000,"
        " metrics = jsonb_set(metrics, '{seconds,generate}', '1000')"
    )
    # A millisecond a row, as the one report says; what was measured once holds the line at its beginning.
    assert 2 < estimate(system, format="CSV")["seconds"] < 6
    assert estimate(system, format="NDJSON")["seconds"] == before
    admin.execute("UPDATE resma.reports SET continuations = 1")  # its seconds are those of the last go
    assert estimate(system, format="CSV")["seconds"] == before


def test_the_queue_is_that_of_the_tenant(system: System, admin: Connection[TupleRow], as_tenant: ActAs) -> None:
    as_tenant("other")
    system.request_report(format="CSV")
    as_tenant("demo")
    assert estimate(system, format="CSV")["queue"] == {"ahead": 0, "seconds": 0}
    system.request_report(format="CSV")
    assert estimate(system, format="CSV")["queue"] == {"ahead": 1, "seconds": None}


def test_tenants_see_their_own_rows_and_history(system: System, as_tenant: ActAs) -> None:
    make(system, format="CSV")
    as_tenant("other")
    expected = estimate(system, format="CSV")
    assert (expected["rows"], expected["isExact"]) == (0, True)
    assert codes(expected) == ["no-rows", "first-of-format"]


# ---------------------------------------------------------------- what it refuses, and what it says


@pytest.mark.parametrize(("body", "status", "code", "pointer"), BAD)
def test_it_refuses_what_asking_refuses(system: System, body: Any, status: int, code: str, pointer: str | None) -> None:
    got, _, problem = system.call_api("POST", ESTIMATE, body)
    asked, _, same = system.call_api("POST", "/api/v1/reports/generate", body)
    assert (got, problem["type"]) == (status, f"urn:resma:problem:{code}") == (asked, same["type"])
    assert problem.get("errors") == same.get("errors")


def test_rights_are_those_of_asking(system: System, as_tenant: ActAs) -> None:
    as_tenant("demo", frozenset({"reports:read"}))
    assert system.call_api("POST", ESTIMATE, {"type": "TRANSACTIONS", "format": "CSV"})[0] == 403
    as_tenant("demo", frozenset({"reports:write"}))
    expected = estimate(system, format="CSV", columns=["id", "counterparty"])
    text = "Masked for you, as you lack personal:read: counterparty."
    assert {"code": "masked", "detail": text, "values": {"columns": ["counterparty"]}} in expected["warnings"]
    assert "masked" not in codes(estimate(system, format="CSV", columns=["id"]))


def test_nothing_is_left_behind(system: System, admin: Connection[TupleRow]) -> None:
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
        "It has more rows than are left of your 100 a day (100)"
        in estimate(system, format="CSV")["warnings"][0]["detail"]
    )
    quotas("rows_per_day = 10000000")
    make(system, format="CSV")
    quotas("rows_per_day = 100")
    assert "Today's reports have used up your 100 rows a day" in estimate(system, format="CSV")["warnings"][0]["detail"]


def test_a_warning_names_the_limit_of_concurrent_reports(system: System, quotas: Any) -> None:
    system.request_report(format="CSV")
    quotas("live_reports = 1")
    assert "1 report is waiting or under way" in estimate(system, format="CSV")["warnings"][0]["detail"]
    assert system.call_api("POST", "/api/v1/reports/generate", {"type": "TRANSACTIONS", "format": "CSV"})[0] == 429


# ---------------------------------------------------------------- no burden


@pytest.fixture
def slow_counting(admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A table that takes a minute to look through; planning takes no time."""
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


def test_what_takes_long_to_count_is_guessed(system: System, slow_counting: None, admin: Connection[TupleRow]) -> None:
    admin.execute("ANALYZE bank.transactions")
    expected = estimate(system, format="CSV", filters={"from": "2024-01-01"})
    assert expected["isExact"] is False
    assert expected["rows"] > 0
    assert "planner's guess" in expected["warnings"][0]["detail"]
    eventually("no connection is kept", lambda: admin.execute(OURS).fetchone() == (0,))


def test_it_counts_as_a_reader_of_one_tenant_for_a_moment(system: System, admin: Connection[TupleRow]) -> None:
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


def test_a_limit_of_the_readers_connections_is_said(system: System, admin: Connection[TupleRow]) -> None:
    admin.execute("ALTER ROLE resma_reader CONNECTION LIMIT 0")
    try:
        status, headers, problem = system.call_api("POST", ESTIMATE, {"type": "TRANSACTIONS", "format": "CSV"})
    finally:
        admin.execute("ALTER ROLE resma_reader CONNECTION LIMIT -1")
    assert (status, problem["type"]) == (503, "urn:resma:problem:database-unavailable")
    assert "Retry-After" in headers
    assert estimate(system, format="CSV")["isExact"] is True


def test_one_count_a_tenant_at_a_time(system: System, postgres: Any) -> None:
    """A tenant that asks a hundred times at once makes the database count once, and guess the others."""
    with psycopg.connect(postgres.url) as other:
        other.execute("SELECT pg_advisory_xact_lock(hashtextextended('resma.estimate demo', 0))")
        assert estimate(system, format="CSV")["isExact"] is False
    assert estimate(system, format="CSV")["isExact"] is True


def test_a_table_that_is_locked_is_not_waited_for(
    system: System, postgres: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(postgres.url) as other:
        other.execute("LOCK TABLE bank.transactions IN ACCESS EXCLUSIVE MODE")
        status, headers, problem = system.call_api("POST", ESTIMATE, {"type": "TRANSACTIONS", "format": "CSV"})
    assert (status, problem["type"]) == (503, "urn:resma:problem:database-busy")
    assert "Retry-After" in headers
    assert estimate(system, format="CSV")["isExact"] is True


def test_no_writer_waits_for_an_estimate(system: System, slow_counting: None, admin: Connection[TupleRow]) -> None:
    """While it counts, its table can be written to."""
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


def test_the_source_away_is_said(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_odd_requests_are_refused_or_answered(system: System, filters: dict[str, Any], more: dict[str, Any]) -> None:
    """And as asking for them is: with no fault of ours."""
    request = {"type": "TRANSACTIONS", "format": "CSV", "filters": filters, **more}
    status, _, body = system.call_api("POST", ESTIMATE, request)
    asked, _, _ = system.call_api("POST", "/api/v1/reports/generate", request)
    assert (status, asked) in {(200, 202), (422, 422)}, body
    if status == 200 and "account" in filters:
        assert body["rows"] == 0


def test_an_empty_pdf_has_no_contents(system: System) -> None:
    nothing: Any = {"format": "PDF", "filters": {"from": "2199-01-01"}}
    expected, report = estimate(system, **nothing), make(system, **nothing)
    assert [file["pages"] for file in expected["files"]] == [file["pages"] for file in report["files"]] == [2]
