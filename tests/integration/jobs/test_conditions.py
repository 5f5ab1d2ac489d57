"""Conditions of a report (`onlyIf`): a report whose data do not meet them is SKIPPED, before a row is read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from resma.jobs.completed_event import ReportCompleted
from resma.snapshot import cursor
from resma.snapshot.snapshot import Snapshot
from tests.support.crash_injector import WorkerKilledError
from tests.support.cut_reports import Cuts, Reports
from tests.support.embedded_metrics import read_metrics, total_of
from tests.support.system import ROWS, System

JANUARY = {"from": "2024-01-01", "to": "2024-01-31"}
NONE = {"from": "2030-01-01"}


def generate(system: System, only_if: Any, **request: Any) -> Any:
    """Requests a CSV with conditions, generates it, and returns it."""
    report_id = system.request_report(**{"format": "CSV", "filters": JANUARY, "onlyIf": only_if, **request})
    assert system.work_once()
    return system.show(report_id)


def totals_of(system: System) -> dict[str, str]:
    """Returns the totals of January by currency."""
    report = generate(system, None)
    return {total["currency"]: total["amounts"]["amount"] for total in report["totals"]}


@pytest.mark.parametrize(
    ("only_if", "filters", "detail"),
    [
        ({"rows": {"min": 1}}, NONE, "The data have 0 rows, and `onlyIf` has a minimum of 1."),
        ({"rows": {"min": 1, "max": 2999}}, {}, f"The data have {ROWS:,} rows, and `onlyIf` has a maximum of 2,999."),
        ({"rows": {"min": ROWS, "max": ROWS}}, {}, None),
        ({"rows": {"min": 0}}, NONE, None),
        ({"rows": {"max": 0}}, NONE, None),
    ],
)
def test_limits_of_rows(system: System, only_if: Any, filters: Any, detail: str | None) -> None:
    report = generate(system, only_if, filters=filters)
    assert report["onlyIf"] == only_if
    assert report["status"] == ("READY" if detail is None else "SKIPPED")
    assert report["skippedReason"] == (detail and {"code": "rows-out-of-range", "detail": detail})


def test_a_skipped_report_has_no_file_reads_no_row_and_uses_no_quota(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("a row was read")

    monkeypatch.setattr(Snapshot, "batches", refuse)
    admin.execute("DELETE FROM resma.row_counts")
    capsys.readouterr()
    report = generate(system, {"rows": {"min": 100_000}}, formats=["CSV", "PDF"], format=None)
    metrics = read_metrics(capsys.readouterr().out)
    assert total_of(metrics, "ReportsSkipped", Stage="local", ReportType="TRANSACTIONS") == 1
    assert total_of(metrics, "ReportsReady", Stage="local") == total_of(metrics, "ReportsFailed", Stage="local") == 0
    assert (report["status"], report["files"], report["rows"], report["error"]) == ("SKIPPED", None, None, None)
    assert report["progress"]["rowsDone"] == 0
    assert report["progress"]["rowsExpected"] > 0
    assert report["finishedAt"] is not None
    assert system.objects() == system.open_uploads() == []
    assert admin.execute("SELECT count(*) FROM resma.row_counts WHERE rows > 0").fetchone() == (0,)
    path = f"/api/v1/reports/{report['id']}"
    assert system.call_api("GET", f"{path}/download")[2]["type"].endswith("report-has-no-file")
    assert system.call_api("POST", f"{path}/cancel")[2]["type"].endswith("report-finished")
    summary = system.call_api("GET", f"{path}/summary")[2]
    assert (summary["rows"], summary["totals"]) == (report["progress"]["rowsExpected"], report["totals"])
    listed = system.call_api("GET", "/api/v1/reports", query={"status": "SKIPPED"})[2]["items"]
    assert [item["id"] for item in listed] == [report["id"]]


def test_the_event_of_a_skipped_report_has_the_reason(system: System) -> None:
    report = generate(system, {"rows": {"min": 1}}, filters=NONE)
    (event,) = [one["detail"] for one in system.bus_events()]
    assert (event["type"], event["data"]["status"], event["data"]["rows"]) == ("report.skipped", "SKIPPED", None)
    assert event["data"]["skippedReason"] == report["skippedReason"]
    ReportCompleted.model_validate(event)
    (notification,) = system.events()
    assert notification["MessageAttributes"]["event"]["Value"] == "report.skipped"


def test_limits_of_totals(system: System) -> None:
    totals = totals_of(system)
    currency, amount = next(iter(totals.items()))
    within = {"amount": "amount", "currency": currency, "min": amount, "max": amount}
    assert generate(system, {"totals": [within]})["status"] == "READY"
    above = {"amount": "amount", "currency": currency, "min": "100000000000"}
    skipped = generate(system, {"totals": [within, above]})
    detail = f"The total of `amount` is {currency} {amount}, and `onlyIf` has a minimum of 100000000000."
    assert skipped["skippedReason"] == {"code": "total-out-of-range", "detail": detail}


def test_a_condition_without_a_currency_is_met_by_any_currency(system: System) -> None:
    totals = totals_of(system)
    assert len(totals) > 1
    for amount in totals.values():
        only_if = {"totals": [{"amount": "amount", "min": amount, "max": amount}]}
        assert generate(system, only_if)["status"] == "READY"
    reason = generate(system, {"totals": [{"amount": "amount", "min": "100000000000"}]})["skippedReason"]
    assert all(f"{currency} {amount}" in reason["detail"] for currency, amount in totals.items())


@pytest.mark.parametrize(("limit", "status"), [({"min": "0.01"}, "SKIPPED"), ({"max": "0.00"}, "READY")])
def test_a_total_without_rows_is_zero(system: System, limit: Any, status: str) -> None:
    for currency in ({"currency": "BRL"}, {}):
        only_if = {"totals": [{"amount": "amount", **currency, **limit}]}
        assert generate(system, only_if, filters=NONE)["status"] == status


def test_all_conditions_must_be_met(system: System) -> None:
    rows, totals = {"rows": {"min": 1}}, {"totals": [{"amount": "amount", "min": "100000000000"}]}
    assert generate(system, {**rows, "changed": True})["status"] == "READY"
    assert generate(system, {**rows, **totals})["skippedReason"]["code"] == "total-out-of-range"
    again = generate(system, {**rows, "changed": True})
    assert again["skippedReason"]["code"] == "not-changed"


@pytest.fixture
def changed_amount(admin: Connection[TupleRow]) -> Any:
    """Returns a function that changes an amount in January; it is put back after the test."""
    changes: list[Any] = []

    def change() -> None:
        row = admin.execute(
            "UPDATE bank.transactions SET amount = amount + 1 WHERE (tenant_id, transaction_id) = ("
            "SELECT tenant_id, transaction_id FROM bank.transactions WHERE tenant_id = 'demo'"
            " AND booked_at BETWEEN '2024-01-10' AND '2024-01-20' LIMIT 1) RETURNING transaction_id"
        ).fetchone()
        changes.append(row and row[0])

    yield change
    for number in changes:
        admin.execute(
            "UPDATE bank.transactions SET amount = amount - 1 WHERE tenant_id = 'demo' AND transaction_id = %s",
            (number,),
        )


def test_unchanged_data_are_skipped_until_they_change(
    system: System, changed_amount: Callable[[], None], admin: Connection[TupleRow]
) -> None:
    first = generate(system, {"changed": True})
    assert first["status"] == "READY", "there is no earlier report"
    second = generate(system, {"changed": True})
    rows = first["rows"]
    detail = rf"The data have not changed since report {first['id']} of .* UTC: then {rows:,}, now {rows:,} rows, .*"
    assert re.fullmatch(detail, second["skippedReason"]["detail"])
    third = generate(system, {"changed": True})
    assert second["id"] in third["skippedReason"]["detail"], "a SKIPPED report counts as the last one"
    changed_amount()
    assert generate(system, {"changed": True})["status"] == "READY"
    assert generate(system, {"changed": True})["status"] == "SKIPPED"
    admin.execute("UPDATE resma.reports SET status = 'EXPIRED' WHERE status = 'READY'")
    assert generate(system, {"changed": True})["status"] == "SKIPPED", "an EXPIRED report was READY"


def test_changes_are_compared_with_reports_of_the_same_request_only(
    system: System, admin: Connection[TupleRow]
) -> None:
    generate(system, None, filters={**JANUARY, "status": ["BOOKED"]})
    generate(system, None, format="NDJSON")
    assert generate(system, {"changed": True})["status"] == "READY"
    generate(system, None, format="PARQUET")
    skipped = generate(system, {"changed": True}, format="PARQUET")
    assert skipped["status"] == "SKIPPED", "the earlier request had no conditions"
    failed = generate(system, None, format="CSV", title="failed")
    admin.execute(
        "UPDATE resma.reports SET status = 'CANCELLED', files = NULL WHERE report_id = %s", (UUID(failed["id"]),)
    )
    assert generate(system, {"changed": True}, title="failed")["status"] == "READY"


def test_files_for_other_certificates_are_a_change(system: System, admin: Connection[TupleRow]) -> None:
    """A destination may have got its first certificate, which is not a part of the request."""
    generate(system, {"changed": True})
    assert generate(system, {"changed": True})["status"] == "SKIPPED"
    admin.execute("UPDATE resma.reports SET encrypt_for = %s", ([f"crt_{0:032x}"],))
    assert generate(system, {"changed": True})["status"] == "READY"
    assert generate(system, {"changed": True})["status"] == "SKIPPED"


def test_identical_requests_with_other_conditions_are_other_requests(system: System) -> None:
    first = system.request_report(format="CSV", filters=NONE, onlyIf={"rows": {"min": 1}}, deduplicate=True)
    second = system.request_report(format="CSV", filters=NONE, onlyIf={"rows": {"min": 2}}, deduplicate=True)
    assert first != second
    assert first == system.request_report(format="CSV", filters=NONE, onlyIf={"rows": {"min": 1}}, deduplicate=True)


def test_an_attempt_that_continues_does_not_decide_again(
    reports: Reports, cuts: Cuts, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cursor, "BATCH_ROWS", 100)
    cuts.end_invocation = lambda batches: batches == 3
    reports.request_report({"format": "CSV", "onlyIf": {"rows": {"max": ROWS}, "changed": True}})
    decisions: list[Any] = []
    monkeypatch.setattr("worker.attempt.skip_reason", lambda *_: decisions.append(1))
    assert reports.work_to_the_end()[-1] == "READY"
    assert decisions == [1]


def test_an_attempt_after_a_crash_decides_again(
    reports: Reports, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first attempt is killed after it has counted the rows, before it can end the report."""
    reports.request_report({"format": "CSV", "filters": NONE, "onlyIf": {"rows": {"min": 1}}})

    def kill(*_: Any, **__: Any) -> None:
        raise WorkerKilledError

    with monkeypatch.context() as killed:
        killed.setattr("worker.run_job.skip_job", kill)
        with pytest.raises(WorkerKilledError):
            reports.work()
    admin.execute("UPDATE resma.reports SET lease_until = clock_timestamp()")
    assert reports.work() == "SKIPPED"
    assert (reports.row().status, reports.row().attempt) == ("SKIPPED", 2)


def test_a_skipped_report_is_swept_deleted_and_retried_without_conditions(
    system: System, admin: Connection[TupleRow]
) -> None:
    report = generate(system, {"rows": {"min": 1}}, filters=NONE)
    path = f"/api/v1/reports/{report['id']}"
    status, _, retried = system.call_api("POST", f"{path}/retry")
    assert (status, retried["onlyIf"], retried["filters"]) == (202, None, NONE)
    assert system.work_once()
    assert system.show(UUID(retried["id"]))["status"] == "READY"
    admin.execute("UPDATE resma.reports SET finished_at = finished_at - interval '1 minute'")
    assert system.run_scheduler()["swept"] == 2
    assert admin.execute(
        "SELECT swept_at IS NOT NULL FROM resma.reports WHERE report_id = %s", (UUID(report["id"]),)
    ).fetchone() == (True,)
    assert system.call_api("DELETE", path)[0] == 200
    assert system.call_api("GET", path)[0] == 410


def test_all_errors_of_conditions_are_returned_at_once(system: System) -> None:
    body = {
        "type": "ACCOUNT_STATEMENT",
        "format": "CSV",
        "filters": {"account": "x"},
        "onlyIf": {
            "rows": {"min": 5, "max": 4},
            "totals": [
                {"amount": "nothing", "currency": "BRL"},
                {"amount": "amount", "min": "1.01", "max": "1.00"},
            ],
        },
    }
    status, _, problem = system.call_api("POST", "/api/v1/reports/generate", body)
    found = {error["pointer"]: error["detail"] for error in problem["errors"] if "/onlyIf" in error["pointer"]}
    assert status == 422
    assert found == {
        "/onlyIf/rows/max": "It must be at least `min`, which is 5.",
        "/onlyIf/totals/0/amount": "Unknown total. The totals of this report type are: amount.",
        "/onlyIf/totals/0": "It must have `min`, `max` or both.",
        "/onlyIf/totals/1/max": "It must be at least `min`, which is 1.01.",
    }


@pytest.mark.parametrize(
    ("only_if", "pointer"),
    [
        ({}, "/onlyIf"),
        ({"changed": False}, "/onlyIf"),
        ({"rows": {}}, "/onlyIf/rows"),
        ({"rows": {"min": -1}}, "/onlyIf/rows/min"),
        ({"rows": {"min": True}}, "/onlyIf/rows/min"),
        ({"totals": []}, "/onlyIf/totals"),
        ({"totals": [{"amount": "amount", "min": 1.5}]}, "/onlyIf/totals/0/min"),
        ({"totals": [{"amount": "amount", "min": "1e5"}]}, "/onlyIf/totals/0/min"),
        ({"changed": "yes"}, "/onlyIf/changed"),
        ({"column": {}}, "/onlyIf/column"),
    ],
)
def test_invalid_conditions_are_rejected(system: System, only_if: Any, pointer: str) -> None:
    body = {"type": "TRANSACTIONS", "format": "CSV", "onlyIf": only_if}
    status, _, problem = system.call_api("POST", "/api/v1/reports/generate", body)
    assert (status, [error["pointer"] for error in problem["errors"]]) == (422, [pointer])


def test_a_report_type_without_totals_has_no_conditions_on_totals(system: System) -> None:
    body = {"type": "AUDIT_TRAIL", "format": "CSV", "onlyIf": {"totals": [{"amount": "amount", "min": "1"}]}}
    status, _, problem = system.call_api("POST", "/api/v1/reports/generate", body)
    assert (status, [error["pointer"] for error in problem["errors"]]) == (422, ["/onlyIf/totals"])


def test_an_event_may_request_conditions(system: System, admin: Connection[TupleRow]) -> None:
    request = {"type": "TRANSACTIONS", "format": "CSV", "filters": NONE, "onlyIf": {"rows": {"min": 1}}}
    detail = {"tenantId": "demo", "request": request}

    system.bus.put_events(Entries=[{"Source": "core", "DetailType": "Report Requested", "Detail": json.dumps(detail)}])
    (record,) = system.receive(system.requests_url)
    assert system.take_in(record)
    assert system.work_once()
    assert admin.execute("SELECT status, skipped_code FROM resma.reports").fetchone() == (
        "SKIPPED",
        "rows-out-of-range",
    )
