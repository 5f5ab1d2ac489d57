"""The summary of a report, available before its file: rows, totals and charts of the same snapshot as the file."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

import worker.app
from resma.catalog import find_report_type
from resma.errors import DatabaseBusyError, LeaseLostError
from resma.jobs.claim import claim_job, record_summary
from resma.snapshot import cursor
from resma.snapshot.snapshot import Snapshot, open_snapshot
from tests.support.system import ActAs, System
from worker import time_budget

LATE = "DELETE FROM bank.transactions WHERE description = 'late'"


def summary(system: System, report_id: UUID | str) -> tuple[int, dict[str, str], Any]:
    return system.call_api("GET", f"/api/v1/reports/{report_id}/summary")


def book(admin: Connection[TupleRow], booked_at: str, number: int) -> None:
    """Inserts one more transaction with that timestamp."""
    admin.execute(
        "INSERT INTO bank.transactions VALUES ('demo', %s, 'x', %s, 'FEE', 'BOOKED', 'late', NULL, 'BRL', -1)",
        (10**9 + number, booked_at),
    )


@pytest.fixture(autouse=True)
def _delete_late_transactions(admin: Connection[TupleRow]) -> Iterator[None]:
    yield
    admin.execute(LATE)


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[int], bool]], None]:
    """Calls a function after each batch of a hundred rows. If it returns True, the attempt ends early."""
    monkeypatch.setattr(cursor, "BATCH_ROWS", 100)
    batches = iter(range(1, 1000))

    def hook(look: Callable[[int], bool]) -> None:
        monkeypatch.setattr(time_budget.TimeBudget, "is_time_up", lambda _: look(next(batches)))

    return hook


def test_charts_are_shown_in_a_language_other_than_the_reports(system: System) -> None:
    report_id = system.request_report(format="CSV", locale="pt-BR", filters={"from": "2024-01-01", "to": "2024-06-30"})
    assert system.work_once()
    stored = summary(system, report_id)[2]["charts"]
    _, _, english = system.call_api("GET", f"/api/v1/reports/{report_id}/summary", query={"locale": "en-US"})
    assert [chart["title"] for chart in english["charts"]] == [
        "Net amount by month, all statuses",
        "Transactions by type",
        "Transactions by status",
    ]
    assert english["charts"][0]["labels"] == stored[0]["labels"]
    assert "CARD" in stored[1]["labels"]
    assert "Card" in english["charts"][1]["labels"]
    assert [series["name"] for series in english["charts"][1]["series"]] == ["Transactions by type"]
    for chart, before in zip(english["charts"], stored, strict=True):
        assert [series["values"] for series in chart["series"]] == [series["values"] for series in before["series"]]
    assert system.call_api("GET", f"/api/v1/reports/{report_id}/summary", query={"locale": "xx"})[0] == 422


def test_the_summary_is_the_sum_of_the_rows_in_the_file(system: System) -> None:
    report_id = system.request_report(format="CSV", locale="pt-BR", filters={"from": "2024-01-01", "to": "2024-06-30"})
    assert system.work_once()
    status, _, found = summary(system, report_id)
    assert status == 200
    assert found.keys() == {"asOf", "rows", "totals", "totalsOmitted", "next", "balance", "controlTotals", "charts"}
    report = system.show(report_id)
    assert [found[name] for name in ("asOf", "rows", "totals", "balance")] == [
        report[name] for name in ("asOf", "rows", "totals", "balance")
    ]
    rows = list(csv.DictReader(io.StringIO(system.content(report_id).decode())))
    assert found["rows"] == len(rows)
    time, bars, share = found["charts"]
    assert time.keys() == {"title", "kind", "unit", "labels", "series", "seriesOmitted"}
    assert (time["title"], time["kind"], time["unit"]) == (
        "Valor líquido por mês, todas as situações",
        "time",
        "amount",
    )
    assert time["labels"] == [f"2024-0{month}" for month in range(1, 7)]
    for series in time["series"]:
        by_month: Counter[str] = Counter()
        for row in rows:
            if row["currency"] == series["name"]:
                by_month[row["booked_at"][:7]] += Decimal(row["amount"])  # type: ignore[assignment]
        assert [Decimal(value) for value in series["values"]] == [by_month[label] for label in time["labels"]]
    for chart, column in ((bars, "type"), (share, "status")):
        (series,) = chart["series"]
        assert dict(zip(chart["labels"], map(int, series["values"]), strict=True)) == Counter(
            row[column] for row in rows
        )


def test_the_summary_exists_before_the_first_row(
    system: System, between: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    report_id = system.request_report(format="CSV")
    seen: list[tuple[int, Any]] = []

    def look(*_: object) -> bool:
        status, headers, body = summary(system, report_id)
        seen.append((status, body.get("type") or body["rows"]))
        assert ("Retry-After" in headers) == (status == 409)
        return False

    counting = Snapshot.summarize

    def summarize(*given: Any) -> Any:
        look()
        return counting(*given)

    look()
    between(look)
    monkeypatch.setattr(Snapshot, "summarize", summarize)
    assert system.work_once()
    rows = system.show(report_id)["rows"]
    not_yet = (409, "urn:resma:problem:summary-not-ready")
    assert seen[:3] == [not_yet, not_yet, (200, rows)]
    assert set(seen[2:]) == {(200, rows)}


def test_a_continued_report_keeps_the_summary_of_its_first_snapshot(
    system: System, between: Callable[..., None], admin: Connection[TupleRow]
) -> None:
    report_id = system.request_report(format="CSV")
    between(lambda batch: batch == 3)
    assert not system.work_once()
    first = summary(system, report_id)
    assert first[0] == 200
    book(admin, "2199-01-01", 1)  # later than the watermark
    assert system.work_once()
    report = system.show(report_id)
    assert (report["status"], report["metrics"]["snapshots"]) == ("READY", 2)
    assert summary(system, report_id)[2] == first[2]


def test_a_restarted_report_has_the_summary_of_the_new_snapshot(
    system: System, between: Callable[..., None], admin: Connection[TupleRow]
) -> None:
    """The first summary is deleted with the checkpoint."""
    report_id = system.request_report(format="CSV")
    between(lambda batch: batch == 3)
    assert not system.work_once()
    before = summary(system, report_id)[2]
    book(admin, "2024-01-01", 1)
    (record,) = system.receive()
    assert not system.work(record)
    assert system.show(report_id)["error"]["code"] == "source-changed"
    assert summary(system, report_id)[0] == 409
    assert system.work(record)
    after = summary(system, report_id)[2]
    assert after["rows"] == before["rows"] + 1 == system.show(report_id)["rows"]
    assert after["charts"] != before["charts"]


def test_an_attempt_without_a_checkpoint_computes_a_new_summary(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then the report has no summary, although an earlier attempt had one."""
    report_id = system.request_report(format="CSV")
    (record,) = system.receive()
    real = Snapshot.batches
    monkeypatch.setattr(Snapshot, "batches", _raise)
    assert not system.work(record)
    assert summary(system, report_id)[0] == 409, "its files will hold another snapshot"
    book(admin, "2024-01-01", 1)
    statuses = []
    counting = Snapshot.summarize

    def summarize(*given: Any) -> Any:
        statuses.append(summary(system, report_id)[0])
        return counting(*given)

    monkeypatch.setattr(Snapshot, "summarize", summarize)
    monkeypatch.setattr(Snapshot, "batches", real)
    assert system.work(record)
    assert statuses == [409]
    assert summary(system, report_id)[2]["rows"] == system.show(report_id)["rows"]


def _raise(*_: object, **__: object) -> None:
    raise DatabaseBusyError("not now")


def test_a_worker_that_lost_its_lease_changes_no_summary(system: System, admin: Connection[TupleRow]) -> None:
    report_id = system.request_report(format="CSV", filters={"from": "2024-01-01", "to": "2024-01-31"})
    resources = worker.app._resources()
    with resources.system.transaction("demo") as connection:
        late = claim_job(connection, "demo", report_id)
    assert late is not None
    with open_snapshot(resources.source.connect(), find_report_type(late.type), "demo", {}) as snapshot:
        found = snapshot.summarize()
    admin.execute("UPDATE resma.reports SET lease_until = clock_timestamp() - interval '1 s'")
    assert system.work_once()
    before = summary(system, report_id)[2]
    with pytest.raises(LeaseLostError), resources.system.transaction("demo") as connection:
        record_summary(connection, late, found)
    assert summary(system, report_id)[2] == before
    assert before["rows"] < found.rows


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ("status = 'FAILED'", 200),
        ("status = 'CANCELLED'", 200),
        ("status = 'FAILED', charts = NULL", 409),
        ("status = 'CANCELLED', charts = NULL, as_of = NULL, rows_expected = NULL", 409),
    ],
)
def test_a_failed_or_cancelled_report_keeps_its_summary(
    system: System, admin: Connection[TupleRow], change: str, status: int
) -> None:
    report_id = system.request_report(format="CSV", filters={"from": "2024-12-01"})
    assert system.work_once()
    admin.execute(f"UPDATE resma.reports SET {change}".encode())
    got, headers, body = summary(system, report_id)
    assert got == status, body
    if status == 409:
        assert (body["type"], "Retry-After" in headers) == ("urn:resma:problem:report-has-no-summary", False)


def test_the_summary_is_deleted_with_the_files(system: System, admin: Connection[TupleRow]) -> None:
    report_id = system.request_report(format="CSV", filters={"from": "2024-12-01"})
    assert system.work_once()
    assert summary(system, report_id)[0] == 200
    admin.execute("UPDATE resma.reports SET expires_at = clock_timestamp() - interval '1s'")
    assert system.run_scheduler()["expired"] == 1
    assert admin.execute("SELECT status, charts FROM resma.reports").fetchone() == ("EXPIRED", None)
    status, headers, body = summary(system, report_id)
    assert (status, body["type"]) == (409, "urn:resma:problem:report-has-no-summary")
    assert ("EXPIRED" in body["detail"], "Retry-After" in headers) == (True, False)


def test_a_report_from_before_charts_were_stored_has_no_charts(system: System, admin: Connection[TupleRow]) -> None:
    report_id = system.request_report(format="CSV", filters={"from": "2024-12-01"})
    assert system.work_once()
    admin.execute("UPDATE resma.reports SET charts = NULL")
    status, _, found = summary(system, report_id)
    assert (status, found["charts"], found["rows"]) == (200, [], system.show(report_id)["rows"])


def test_an_empty_report_has_a_summary(system: System) -> None:
    report_id = system.request_report(format="CSV", filters={"from": "2199-01-01"})
    assert system.work_once()
    status, _, found = summary(system, report_id)
    assert (status, found["rows"], found["totals"]) == (200, 0, [])
    assert [(chart["labels"], chart["series"]) for chart in found["charts"]] == [([], [])] * 3


def test_the_summary_requires_the_tenant_and_the_scope(system: System, as_tenant: ActAs, new_report_id: UUID) -> None:
    report_id = system.request_report(format="CSV", filters={"from": "2024-12-01"})
    assert system.work_once()
    assert summary(system, new_report_id)[0] == 404
    assert summary(system, "nope")[0] == 404
    as_tenant("demo", frozenset({"reports:write"}))
    assert summary(system, report_id)[0] == 403
    as_tenant("other")
    assert summary(system, report_id)[0] == 404


def test_a_chart_by_a_personal_column_requires_personal_read(
    system: System, as_tenant: ActAs, admin: Connection[TupleRow]
) -> None:
    """The catalog rejects such a chart, but a column may have become personal after the report was generated."""
    report_id = system.request_report(format="CSV", filters={"from": "2024-12-01"})
    assert system.work_once()
    admin.execute("UPDATE resma.reports SET personal_columns = '{type}'")

    def kinds(*scopes: Any) -> list[str]:
        as_tenant("demo", frozenset({"reports:read", *scopes}))
        return [chart["kind"] for chart in summary(system, report_id)[2]["charts"]]

    assert kinds() == ["time", "share"]
    assert kinds("personal:read") == ["time", "bars", "share"]
    admin.execute("UPDATE resma.reports SET personal_filters = '{counterparty}'")
    assert kinds() == []
    assert kinds("personal:read") == ["time", "bars", "share"]
    admin.execute("UPDATE resma.reports SET personal_filters = NULL")
    admin.execute("UPDATE resma.reports SET personal_columns = NULL")
    admin.execute(
        "UPDATE resma.reports SET charts = jsonb_set(charts, '{1,by}', '\"counterparty\"')"  # now personal
    )
    assert kinds() == ["time", "share"]
