"""Size limits of events, lists, webhooks and summaries, and events that a destination refuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from botocore.exceptions import ClientError
from psycopg import Connection
from psycopg.rows import TupleRow

import scheduler.app
import worker.app
from resma.events.destinations import MAX_EVENT_BYTES
from resma.jobs.claim import MAX_SHOWN_TOTALS
from tests.support.embedded_metrics import Measured, read_metrics, total_of
from tests.support.http_receivers import receiver, status
from tests.support.system import ActAs, System

CURRENCIES = 6000
HOSTILE = {"from": "2190-01-01", "to": "2190-12-31"}
NONE = {"from": "2030-01-01", "to": "2030-01-02"}
ALL_FORMATS = ["CSV", "NDJSON", "XLSX", "PDF", "PARQUET"]
LAMBDA_RESPONSE_BYTES = 6 * 1024 * 1024


@pytest.fixture
def measured(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[Measured]]:
    """Returns a function for the metrics since its last call."""
    return lambda: read_metrics(capsys.readouterr().out)


@pytest.fixture
def hostile(admin: Connection[TupleRow]) -> Iterator[Callable[[str], None]]:
    """Inserts 6,000 transactions with different currencies, whose names are padded with a character."""

    def book(character: str) -> None:
        admin.execute(
            "INSERT INTO bank.transactions SELECT 'demo', 2 * 10^9 + i, 'x', '2190-06-01', 'FEE', 'BOOKED', 'hostile',"
            " NULL, rpad(i || ' ', 200, %s), i + 0.25 FROM generate_series(1, %s) AS i",
            (character, CURRENCIES),
        )

    yield book
    admin.execute("DELETE FROM bank.transactions WHERE description = 'hostile'")


def all_totals(system: System, report_id: UUID) -> list[dict[str, Any]]:
    """Returns the totals of all pages of a report's summary."""
    totals: list[dict[str, Any]] = []
    query: dict[str, str] | None = {"limit": "1000"}
    while query is not None:
        status_code, _, page = system.call_api("GET", f"/api/v1/reports/{report_id}/summary", query=query)
        assert status_code == 200, page
        assert page["totalsOmitted"] == 0
        totals += page["totals"]
        following = page["next"]
        query = dict(part.split("=") for part in following.split("?")[1].split("&")) if following else None
    return totals


@pytest.mark.parametrize("character", ["\x01", '"', "😀", "x"])
def test_six_thousand_currencies(
    system: System, hostile: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, character: str
) -> None:
    monkeypatch.setenv("WEBHOOK_ALLOW_LOOPBACK", "true")
    hostile(character)
    with receiver(status(204)) as server:
        report_id = system.request_report(formats=ALL_FORMATS, filters=HOSTILE, callbackUrl=server.url)
        assert system.work_once()
        report = system.show(report_id)
        assert report["status"] == "READY", report["error"]
        (envelope,) = system.events()
        (on_bus,) = system.bus_events()
        system.deliver(envelope)
        (request,) = server.requests
    assert len(envelope["Message"].encode()) < MAX_EVENT_BYTES / 2
    assert len(json.dumps(on_bus).encode()) < MAX_EVENT_BYTES
    assert len(request.body) < MAX_EVENT_BYTES
    for data in (json.loads(envelope["Message"])["data"], on_bus["detail"]["data"], json.loads(request.body)["data"]):
        assert (len(data["totals"]), data["totalsOmitted"]) == (MAX_SHOWN_TOTALS, CURRENCIES - MAX_SHOWN_TOTALS)
        assert data["rows"] == CURRENCIES
    assert (len(report["totals"]), report["totalsOmitted"]) == (MAX_SHOWN_TOTALS, CURRENCIES - MAX_SHOWN_TOTALS)
    totals = all_totals(system, report_id)
    assert sorted(int(total["currency"].split(" ")[0]) for total in totals) == list(range(1, CURRENCIES + 1))
    assert all(total["amounts"]["amount"] == f"{total['currency'].split(' ')[0]}.25" for total in totals)


def test_pages_of_reports_fit_into_a_response(system: System, admin: Connection[TupleRow]) -> None:
    """With rows of the maximum size the list has more pages, and each report is on one of them."""
    wanted = {str(system.request_report(format="CSV", filters=NONE)) for _ in range(9)}
    # The maximum size of a request: its body may have 256 kB.
    admin.execute("UPDATE resma.reports SET filters = jsonb_build_object('account', repeat(chr(233), 250000))")
    admin.execute(
        "INSERT INTO resma.reports"
        " SELECT (jsonb_populate_record(r, jsonb_build_object('report_id', gen_random_uuid()))).*"
        " FROM resma.reports AS r, generate_series(1, 9)"
    )
    found: list[str] = []
    query: dict[str, str] | None = {"limit": "200"}
    while query is not None:
        code, _, page = system.call_api("GET", "/api/v1/reports", query=query)
        assert code == 200
        assert len(json.dumps(json.dumps(page))) < LAMBDA_RESPONSE_BYTES
        assert len(page["items"]) < 90, "they do not all fit into one response"
        found += [report["id"] for report in page["items"]]
        following = page["next"]
        query = dict(part.split("=") for part in following.split("?")[1].split("&")) if following else None
    assert len(found) == len(set(found)) == 90
    assert wanted <= set(found)


def test_an_amount_of_any_length_is_shown_short(system: System, admin: Connection[TupleRow]) -> None:
    admin.execute(
        "INSERT INTO bank.transactions VALUES ('demo', 2 * 10^9, 'x', '2190-06-01', 'FEE', 'BOOKED', 'hostile', NULL,"
        " 'BRL', ('1' || repeat('0', 100000) || '.25')::numeric)"
    )
    try:
        report_id = system.request_report(format="CSV", filters=HOSTILE)
        assert system.work_once()
        (total,) = system.show(report_id)["totals"]
        assert total["amounts"]["amount"] == "1.000000000000000000000000000000000000000E+100000"
        assert b"1" + b"0" * 100_000 + b".25" in system.content(report_id)
    finally:
        admin.execute("DELETE FROM bank.transactions WHERE description = 'hostile'")


# ---------------------------------------------------------------- events that are refused


def _refuse(code: str) -> Callable[..., Any]:
    def refuse(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "Publish")

    return refuse


def _make_unsent(system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch) -> UUID:
    """Generates a READY report whose event was not sent, old enough for a scheduler run to send it."""
    announcer = worker.app._resources().announcer
    report_id = system.request_report(format="CSV", filters=NONE)
    with monkeypatch.context() as away:
        away.setattr(announcer.topic.sns, "publish", _refuse("InternalError"))
        away.setattr(announcer.bus.events, "put_events", _refuse("InternalException"))
        assert system.work_once()
    admin.execute("UPDATE resma.events SET created_at = created_at - interval '6 seconds'")
    return report_id


def _failures(admin: Connection[TupleRow]) -> list[tuple[Any, ...]]:
    return admin.execute(
        "SELECT destination, attempts, error_code, abandoned_at IS NOT NULL FROM resma.event_failures ORDER BY 1"
    ).fetchall()


def test_an_event_that_is_invalid_is_abandoned_at_once_and_the_other_destination_has_it(
    system: System,
    admin: Connection[TupleRow],
    measured: Callable[[], list[Measured]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    report_id = _make_unsent(system, admin, monkeypatch)
    measured()
    calls = 0

    def too_long(**_: Any) -> Any:
        nonlocal calls
        calls += 1
        return _refuse("InvalidParameter")()

    with monkeypatch.context() as refused:
        refused.setattr(scheduler.app._resources().topic.sns, "publish", too_long)
        done = [system.run_scheduler() for _ in range(3)]
    assert calls == 1, "it is not repeated"
    assert [(each["published"], each["put"]) for each in done] == [(0, 1), (0, 0), (0, 0)]
    assert _failures(admin) == [("topic", 1, "InvalidParameter", True)]
    found = measured()
    assert total_of(found, "EventsAbandoned", Stage="local") == 1, "the alarm fires once"
    assert total_of(found, "AbandonedEvents", Stage="local") == 3, "one in each of three runs"
    assert len(system.bus_events()) == 1
    # As docs/operate.md says, an operator can have it sent again after fixing the cause.
    admin.execute("DELETE FROM resma.event_failures WHERE abandoned_at IS NOT NULL")
    assert system.run_scheduler()["published"] == 1
    (envelope,) = system.events()
    assert json.loads(envelope["Message"])["data"]["reportId"] == str(report_id)


def test_an_event_that_is_too_large_never_leaves(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No report has such an event. If a row were too large, nothing would be sent to either destination."""
    _make_unsent(system, admin, monkeypatch)
    admin.execute(
        "UPDATE resma.reports SET totals = (SELECT jsonb_agg(repeat('x', 1000)) FROM generate_series(1, 300))"
    )
    assert (system.run_scheduler()["published"], system.events(), system.bus_events()) == (0, [], [])
    assert _failures(admin) == [("bus", 1, "EventTooLargeError", True), ("topic", 1, "EventTooLargeError", True)]


def test_an_event_that_is_refused_for_another_reason_is_sent_again_after_a_pause(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    _make_unsent(system, admin, monkeypatch)
    with monkeypatch.context() as refused:
        refused.setattr(scheduler.app._resources().topic.sns, "publish", _refuse("NotFound"))
        for attempt in (1, 2, 3):
            assert system.run_scheduler()["published"] == 0
            assert system.run_scheduler()["published"] == 0, "not before the pause is over"
            assert _failures(admin) == [("topic", attempt, "NotFound", False)]
            ((pause,),) = admin.execute(
                "SELECT extract(epoch FROM next_attempt_at - failed_at)::float8 FROM resma.event_failures"
            ).fetchall()
            assert 60 * 2 ** (attempt - 1) <= pause < 60 * 2**attempt
            admin.execute("UPDATE resma.event_failures SET next_attempt_at = clock_timestamp()")
    assert system.run_scheduler()["published"] == 1
    assert _failures(admin) == []


def test_an_event_that_is_refused_for_three_days_is_abandoned(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    _make_unsent(system, admin, monkeypatch)
    with monkeypatch.context() as refused:
        refused.setattr(scheduler.app._resources().topic.sns, "publish", _refuse("NotFound"))
        assert system.run_scheduler()["published"] == 0
        admin.execute("UPDATE resma.events SET created_at = created_at - interval '73 hours'")
        admin.execute("UPDATE resma.event_failures SET next_attempt_at = clock_timestamp()")
        assert system.run_scheduler()["published"] == 0
    assert _failures(admin) == [("topic", 2, "NotFound", True)]


def test_tenants_cannot_see_event_failures(as_tenant: ActAs, system: System, admin: Connection[TupleRow]) -> None:
    """Only the scheduler's role can read the table."""
    for login, may in (("resma_app", False), ("resma_reader", False), ("resma_system", True)):
        row = admin.execute("SELECT has_table_privilege(%s, 'resma.event_failures', 'SELECT')", (login,)).fetchone()
        assert row == (may,), login
