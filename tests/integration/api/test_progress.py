"""Stage, queue position and remaining time in the API. Unknown values are null."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from resma.jobs.claim import LEASE_SECONDS
from resma.snapshot import cursor
from resma.snapshot.snapshot import Snapshot
from tests.support.system import ActAs, System
from worker import time_budget

FILTERS = {"from": "2024-01-01", "to": "2024-01-31"}
NULL = {"stage": None, "etaSeconds": None, "queuePosition": None}


@pytest.fixture(autouse=True)
def _gone(admin: Connection[TupleRow]) -> None:
    """Removes reports of earlier tests, which would be in the queue, too."""
    admin.execute("DELETE FROM resma.reports")


def progress(system: System, report_id: UUID) -> dict[str, Any]:
    """Returns stage, queue position and remaining time."""
    shown = system.show(report_id)["progress"]
    return {name: shown[name] for name in NULL}


def set_seconds(admin: Connection[TupleRow], report_id: UUID, seconds: float) -> None:
    """Sets the duration of a READY report."""
    changed = admin.execute(
        "UPDATE resma.reports SET metrics = jsonb_set(metrics, '{seconds,generate}', to_jsonb(%s::float8))"
        " WHERE report_id = %s AND status = 'READY'",
        (seconds, report_id),
    )
    assert changed.rowcount == 1


def test_without_recent_reports_only_the_queue_position_is_known(system: System, as_tenant: ActAs) -> None:
    as_tenant("other")
    system.request_report(format="CSV")
    as_tenant("demo")
    first, second = (system.request_report(format="CSV") for _ in range(2))
    assert progress(system, first) == {"stage": "waiting", "etaSeconds": None, "queuePosition": 0}
    assert progress(system, second) == {"stage": "waiting", "etaSeconds": None, "queuePosition": 1}
    _, _, page = system.call_api("GET", "/api/v1/reports")
    assert [item["progress"]["queuePosition"] for item in page["items"]] == [None, None]
    assert [item["progress"]["stage"] for item in page["items"]] == ["waiting", "waiting"]


def test_the_remaining_time_is_estimated_from_recent_reports(system: System, admin: Connection[TupleRow]) -> None:
    for format_, seconds in (("CSV", 10), ("CSV", 20), ("PDF", 60)):
        report_id = system.request_report(format=format_, filters=FILTERS)
        assert system.work_once()
        assert progress(system, report_id) == NULL
        set_seconds(admin, report_id, seconds)
    first, second, third = (system.request_report(format=f) for f in ("CSV", "PDF", "NDJSON"))
    # 15 s for a CSV, 60 s for a PDF, 30 s for any report: alone in the queue, or after another.
    assert [progress(system, report_id)["etaSeconds"] for report_id in (first, second, third)] == [15, 90, 90]
    admin.execute(
        "UPDATE resma.reports SET status = 'GENERATING', lease_until = clock_timestamp() + interval '10 s'"
        " WHERE report_id = %s",
        (first,),
    )
    assert progress(system, second) == {"stage": "waiting", "etaSeconds": 60, "queuePosition": 0}
    assert progress(system, third) == {"stage": "waiting", "etaSeconds": 60, "queuePosition": 1}


def test_queue_positions_are_in_the_order_of_requests(system: System) -> None:
    ids = [system.request_report(format="CSV") for _ in range(3)]
    assert [progress(system, report_id)["queuePosition"] for report_id in ids] == [0, 1, 2]


@pytest.mark.parametrize(
    "change",
    [
        "attempt = 1, error_code = 'database-busy'",  # the time of the next attempt is unknown
        "created_at = clock_timestamp() - interval '5 minutes'",  # no worker is busy, so the wait is unexplained
    ],
)
def test_an_unexplained_wait_has_no_estimate(system: System, admin: Connection[TupleRow], change: str) -> None:
    system.request_report(format="CSV", filters=FILTERS)
    assert system.work_once()
    waiting = system.request_report(format="CSV", filters=FILTERS)
    assert progress(system, waiting)["etaSeconds"] is not None
    admin.execute(f"UPDATE resma.reports SET {change} WHERE status = 'PENDING'".encode())
    assert progress(system, waiting) == {"stage": "waiting", "etaSeconds": None, "queuePosition": 0}


@pytest.mark.parametrize(
    ("seconds", "before", "done", "expected", "stage", "eta"),
    [
        (10, 0, 1_000, 4_000, "writing", 30),
        (10, 900, 1_000, 1_100, "writing", 10),  # rows of earlier attempts do not count for the speed of this one
        (10, 1_000, 1_000, 4_000, "writing", None),
        (0, 0, 0, 4_000, "writing", None),
        (10, 0, 4_000, 4_000, "publishing", 0),
        (1, 0, 0, 0, "publishing", None),
    ],
)
def test_the_remaining_time_depends_on_the_speed_of_this_attempt(
    system: System,
    admin: Connection[TupleRow],
    seconds: int,
    before: int,
    done: int,
    expected: int,
    stage: str,
    eta: float | None,
) -> None:
    report_id = system.request_report(format="CSV")
    # Measured at the last lease renewal, five seconds ago.
    admin.execute(
        "UPDATE resma.reports SET status = 'GENERATING', attempt = 3, rows_done = %s, rows_expected = %s,"
        " lease_until = clock_timestamp() + make_interval(secs => %s - 5),"
        " writing_since = clock_timestamp() - make_interval(secs => 5 + %s), written_before = %s",
        (done, expected, LEASE_SECONDS, seconds, before),
    )
    shown = progress(system, report_id)
    assert (shown["stage"], shown["queuePosition"]) == (stage, None)
    assert shown["etaSeconds"] == (eta if eta is None else pytest.approx(eta, abs=0.2))
    _, _, page = system.call_api("GET", "/api/v1/reports")
    assert page["items"][0]["progress"]["stage"] == stage
    admin.execute("UPDATE resma.reports SET lease_until = clock_timestamp() - interval '1 s'")
    assert progress(system, report_id) == {"stage": "waiting", "etaSeconds": None, "queuePosition": None}


def test_stages_of_a_report_that_is_continued(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stages are read while the worker runs. The second attempt counts again and continues."""
    monkeypatch.setattr(cursor, "BATCH_ROWS", 100)
    report_id = system.request_report(format="CSV")
    seen: list[tuple[str, int | None, int | None]] = []

    def look() -> None:
        (row,) = admin.execute("SELECT rows_done, written_before FROM resma.reports").fetchall()
        seen.append((progress(system, report_id)["stage"], *row))

    def is_time_up(_: object) -> bool:
        look()
        return len(seen) == 4

    def looking_first(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            look()
            return real(*given)

        return call

    for name in ("summarize", "resume_from"):
        monkeypatch.setattr(Snapshot, name, looking_first(getattr(Snapshot, name)))
    monkeypatch.setattr(time_budget.TimeBudget, "is_time_up", is_time_up)
    look()
    assert not system.work_once(), "its message comes again"
    (row,) = admin.execute("SELECT status, checkpoint ->> 'rows' FROM resma.reports").fetchall()
    rows = int(row[1])
    assert (row[0], rows > 0) == ("PENDING", True)
    assert progress(system, report_id) == {"stage": "waiting", "etaSeconds": None, "queuePosition": 0}
    assert system.work_once()
    assert progress(system, report_id) == NULL
    assert seen[:6] == [
        ("waiting", 0, None),
        ("counting", 0, None),
        ("writing", 0, 0),
        ("writing", 0, 0),
        ("counting", rows, None),
        ("writing", rows, rows),
    ]


@pytest.mark.parametrize("status", ["READY", "FAILED", "CANCELLED", "EXPIRED"])
def test_a_report_that_has_ended_has_no_stage_and_no_remaining_time(
    system: System, admin: Connection[TupleRow], status: str
) -> None:
    report_id = system.request_report(format="CSV", filters=FILTERS)
    assert system.work_once()
    admin.execute("UPDATE resma.reports SET status = %s", (status,))
    assert progress(system, report_id) == NULL
