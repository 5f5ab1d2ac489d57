"""Schedules in the API: valid and invalid requests, pointers of errors, and owners."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from infra.paths import ROOT
from resma.schedules.schedule_rows import MAX_SCHEDULES
from tests.support.system import System

SCHEDULES = "/api/v1/schedules"
REQUEST = {"type": "TRANSACTIONS", "format": "CSV"}
STATEMENT = {
    "name": "Monthly statement",
    "request": {**REQUEST, "filters": {"status": ["BOOKED"]}},
    "when": "monthly",
    "at": "07:30",
    "timeZone": "America/Sao_Paulo",
    "period": "last-month",
}


@pytest.fixture(autouse=True)
def _remove_keys(admin: Connection[TupleRow]) -> Iterator[None]:
    yield
    admin.execute("DELETE FROM resma.api_keys")


def make(system: System, **said: Any) -> Any:
    """Creates a schedule and returns it."""
    status, headers, body = system.call_api("POST", SCHEDULES, {**STATEMENT, **said})
    assert status == 201, body
    assert headers["Location"] == f"https://reports.example{SCHEDULES}/{body['id']}"
    return body


def change(system: System, schedule: Any, **said: Any) -> Any:
    """Changes the schedule and returns it."""
    status, _, body = system.call_api("PATCH", f"{SCHEDULES}/{schedule['id']}", said)
    assert status == 200, body
    return body


def show(system: System, schedule: Any) -> Any:
    """Returns the schedule."""
    status, _, body = system.call_api("GET", f"{SCHEDULES}/{schedule['id']}")
    assert status == 200, body
    return body


def pointers(problem: Any) -> list[str]:
    """Returns the pointers of the validation errors of a problem."""
    return [error["pointer"] for error in problem.get("errors", [])]


# ---------------------------------------------------------------- creating and reading


def test_a_schedule_is_shown_as_it_was_created(system: System) -> None:
    before = datetime.now(UTC)
    made = make(system)
    assert {name: made[name] for name in STATEMENT} == STATEMENT
    assert (made["status"], made["statusDetail"], made["paused"]) == ("ACTIVE", None, False)
    assert (made["misfirePolicy"], made["endsAt"], made["calendar"]) == ("run-once", None, None)
    assert (made["owner"], made["lastRun"]) == ("loopback", None)
    run = datetime.fromisoformat(made["nextRunAt"])
    assert (run.day, run.hour, run.minute) == (1, 10, 30), "07:30 in São Paulo"
    assert before < run < datetime.now(UTC) + timedelta(days=32)
    assert show(system, made) == made
    assert system.call_api("GET", SCHEDULES)[2] == {"items": [made], "next": None}


def test_pages_of_schedules(system: System) -> None:
    made = [make(system, name=f"no. {number}")["id"] for number in range(5)]
    found, query = [], {"limit": "2"}
    while True:
        status, _, page = system.call_api("GET", SCHEDULES, query=query)
        assert status == 200
        found += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        query = dict(part.split("=") for part in page["next"].split("?")[1].split("&"))
    assert found == made[::-1]


@pytest.mark.parametrize("cursor", ["x", "1.2", "9" * 40, "-1"])
def test_invalid_cursors_are_rejected(system: System, cursor: str) -> None:
    schedule = make(system)
    for path in (SCHEDULES, f"{SCHEDULES}/{schedule['id']}/runs"):
        status, _, problem = system.call_api("GET", path, query={"cursor": cursor})
        assert (status, pointers(problem)) == (422, ["/cursor"])


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"when": "hourly"}, "/when"),
        ({"when": "0 6 * *"}, "/when"),
        ({"when": "0 0 6 * * *"}, "/when"),
        ({"when": "61 6 * * *"}, "/when"),
        ({"when": "0 0 30 2 *"}, "/when"),
        ({"when": "0 0 31 4,6,9,11 *"}, "/when"),
        ({"when": "0 6 * * *"}, "/at"),
        ({"when": "é 6 * * *"}, "/when"),
        ({"at": "24:00"}, "/at"),
        ({"at": "6:00"}, "/at"),
        ({"timeZone": "São Paulo"}, "/timeZone"),
        ({"timeZone": "localtime"}, "/timeZone"),
        ({"timeZone": "../../etc/passwd"}, "/timeZone"),
        ({"calendar": "BR"}, "/calendar"),
        ({"when": "first-business-day", "calendar": "ZZ"}, "/calendar"),
        ({"when": "first-business-day", "calendar": "br"}, "/calendar"),
        ({"period": "next-month"}, "/period"),
        ({"misfirePolicy": "never"}, "/misfirePolicy"),
        ({"endsAt": "2020-01-01T00:00:00Z"}, "/endsAt"),
        ({"endsAt": "2125-01-01"}, "/endsAt"),
        ({"endsAt": "2125-01-01T00:00:00"}, "/endsAt"),
        ({"endsAt": "9999-12-31T23:59:59-14:00"}, "/endsAt"),
        ({"endsAt": "0001-01-01T00:00:00+14:00"}, "/endsAt"),
        ({"endsAt": 4102444800}, "/endsAt"),
        ({"paused": "no"}, "/paused"),
        ({"name": ""}, "/name"),
        ({"name": "a\x00b"}, "/name"),
        ({"name": "x" * 101}, "/name"),
        ({"name": "\ud800"}, "/name"),
        ({"cron": "0 6 * * *"}, "/cron"),
        ({"request": {**REQUEST, "type": "NOTHING"}}, "/request/type"),
        ({"request": {"type": "TRANSACTIONS"}}, "/request/formats"),
        ({"request": {**REQUEST, "deduplicate": True}}, "/request/deduplicate"),
        ({"request": {**REQUEST, "color": "red"}}, "/request/color"),
        ({"request": {**REQUEST, "columns": ["nothing"]}}, "/request/columns/0"),
        ({"request": {**REQUEST, "filters": {"nothing": 1}}}, "/request/filters/nothing"),
        ({"request": {**REQUEST, "filters": {"from": "2024-01-01"}}}, "/request/filters/from"),
        ({"request": {**REQUEST, "timeZone": "Mars"}}, "/request/timeZone"),
        ({"request": {**REQUEST, "callbackUrl": "https://10.0.0.1/hook"}}, "/request/callbackUrl"),
        ({"request": None}, "/request"),
    ],
)
def test_errors_have_a_pointer(system: System, admin: Connection[TupleRow], said: dict[str, Any], pointer: str) -> None:
    status, _, problem = system.call_api("POST", SCHEDULES, {**STATEMENT, **said})
    assert (status, problem["type"]) == (422, "urn:resma:problem:request-invalid"), problem
    assert pointer in pointers(problem)
    assert admin.execute("SELECT count(*) FROM resma.schedules").fetchone() == (0,)
    schedule = make(system)
    status, _, problem = system.call_api("PATCH", f"{SCHEDULES}/{schedule['id']}", {**STATEMENT, **said})
    assert (status, pointer in pointers(problem)) == (422, True), problem
    assert show(system, schedule) == schedule
    status, _, problem = system.call_api("POST", f"{SCHEDULES}/preview", {**STATEMENT, **said})
    if said == {"request": None}:
        assert status == 200
    else:
        assert (status, pointer in pointers(problem)) == (422, True), problem


def test_a_period_that_conflicts_with_the_existing_request_is_rejected(system: System) -> None:
    filled = {**REQUEST, "filters": {"from": "2024-01-01", "to": "2024-01-31"}}
    schedule = make(system, request=filled, period=None)
    path = f"{SCHEDULES}/{schedule['id']}"
    status, _, problem = system.call_api("PATCH", path, {"period": "last-month"})
    assert (status, pointers(problem)) == (422, ["/period", "/period"]), problem
    assert [error["detail"].split()[0] for error in problem["errors"]] == [
        "/request/filters/from",
        "/request/filters/to",
    ]
    status, _, problem = system.call_api("PATCH", path, {"period": "last-month", "request": filled})
    assert (status, pointers(problem)) == (422, ["/request/filters/from", "/request/filters/to"]), problem
    assert show(system, schedule) == schedule


def test_the_number_of_schedules_per_tenant_is_limited(system: System, admin: Connection[TupleRow]) -> None:
    first = make(system)
    admin.execute(
        "INSERT INTO resma.schedules SELECT (jsonb_populate_record(s, jsonb_build_object('schedule_id',"
        " 'sch_' || lpad(to_hex(n), 32, '0')))).* FROM resma.schedules AS s, generate_series(2, %s) AS n",
        (MAX_SCHEDULES,),
    )
    status, _, problem = system.call_api("POST", SCHEDULES, STATEMENT)
    assert (status, problem["type"]) == (409, "urn:resma:problem:too-many-schedules")
    assert system.call_api("DELETE", f"{SCHEDULES}/{first['id']}")[0] == 204
    make(system)


def test_a_deleted_schedule_is_not_found(system: System) -> None:
    schedule = make(system)
    path = f"{SCHEDULES}/{schedule['id']}"
    assert system.call_api("DELETE", path)[0] == 204
    for method, address in [("DELETE", path), ("GET", path), ("GET", f"{path}/runs"), ("GET", f"{path}/preview")]:
        status, _, problem = system.call_api(method, address)
        assert (status, problem["type"]) == (404, "urn:resma:problem:schedule-not-found")
    assert system.call_api("PATCH", path, {"paused": True})[0] == 404
    assert system.call_api("GET", f"{SCHEDULES}/preview")[0] == 405, "it takes POST"


# ---------------------------------------------------------------- weeks


@pytest.mark.parametrize(
    ("locale", "week_starts_on", "weekday"),
    [
        (None, None, 6),
        ("en-US", None, 6),
        ("pt-BR", None, 6),
        ("en-GB", None, 0),
        ("de-DE", None, 0),
        ("de-DE", "saturday", 5),
        ("en-US", "monday", 0),
    ],
)
def test_weeks_start_on_the_day_of_the_schedule_or_the_locale(
    system: System, locale: str | None, week_starts_on: str | None, weekday: int
) -> None:
    request = REQUEST if locale is None else {**REQUEST, "locale": locale}
    said = {"name": "Weekly", "request": request, "when": "daily", "period": "last-week"}
    said |= {} if week_starts_on is None else {"weekStartsOn": week_starts_on}
    schedule = make(system, **said)
    assert schedule["weekStartsOn"] == week_starts_on
    as_made = {**said, "at": STATEMENT["at"], "timeZone": STATEMENT["timeZone"]}
    before = system.call_api("POST", f"{SCHEDULES}/preview", as_made)[2]
    runs = system.call_api("GET", f"{SCHEDULES}/{schedule['id']}/preview")[2]["runs"]
    assert [(run["from"], run["to"]) for run in before["runs"]] == [(run["from"], run["to"]) for run in runs]
    for run in runs:
        first, last = date.fromisoformat(run["from"]), date.fromisoformat(run["to"])
        assert (first.weekday(), last - first) == (weekday, timedelta(days=6))
    other = change(system, schedule, weekStartsOn="sunday")
    assert other["weekStartsOn"] == "sunday"
    assert change(system, schedule, name="As it was")["weekStartsOn"] == "sunday", "what is left out stays"
    assert change(system, schedule, weekStartsOn=None)["weekStartsOn"] is None


# ---------------------------------------------------------------- changes


def test_a_patch_keeps_omitted_properties(system: System) -> None:
    schedule = make(system)
    assert change(system, schedule, name="Another") == {**schedule, "name": "Another"}
    replaced = change(system, schedule, request=REQUEST)
    assert (replaced["request"], replaced["period"]) == (REQUEST, "last-month")
    assert change(system, schedule, period=None)["period"] is None


def test_a_word_can_be_changed_to_a_cron_expression_and_back(system: System) -> None:
    schedule = make(system, when="first-business-day", calendar="BR")
    by_cron = change(system, schedule, when="15 8 * * 1-5")
    assert (by_cron["when"], by_cron["at"], by_cron["calendar"]) == ("15 8 * * 1-5", None, None)
    assert change(system, schedule, when="daily")["at"] == "06:00"
    assert change(system, schedule, at="09:00")["at"] == "09:00"


def test_pausing_and_resuming(system: System) -> None:
    schedule = make(system)
    paused = change(system, schedule, paused=True)
    assert (paused["status"], paused["paused"], paused["nextRunAt"]) == ("PAUSED", True, None)
    assert change(system, schedule, paused=True) == paused
    assert change(system, schedule, name="While it is paused")["status"] == "PAUSED"
    resumed = change(system, schedule, paused=False, name=schedule["name"])
    assert resumed == schedule
    assert make(system, paused=True)["status"] == "PAUSED"


def test_a_schedule_that_has_ended_runs_again_with_a_later_end(system: System, admin: Connection[TupleRow]) -> None:
    schedule = make(system, endsAt="2150-01-01T00:00:00+00:00")
    admin.execute(
        "UPDATE resma.schedules SET status = 'ENDED', next_run_at = NULL, due_at = NULL, ends_at = '2020-01-01'"
    )
    assert change(system, schedule, name="It has ended")["status"] == "ENDED"
    assert change(system, schedule, paused=False)["status"] == "ENDED"
    status, _, problem = system.call_api("PATCH", f"{SCHEDULES}/{schedule['id']}", {"endsAt": "2021-01-01T00:00:00Z"})
    assert (status, pointers(problem)) == (422, ["/endsAt"])
    assert change(system, schedule, endsAt=None)["status"] == "ACTIVE"


# ---------------------------------------------------------------- owners


def test_changing_a_schedule_changes_its_owner_but_pausing_does_not(system: System) -> None:
    first, second = (system.make_key("schedules:manage", "reports:write") for _ in "12")
    schedule = system.call_with(first, "POST", SCHEDULES, STATEMENT)[2]
    path, owner = f"{SCHEDULES}/{schedule['id']}", f"key:{first.split('_')[1]}"
    assert (schedule["owner"], bool(schedule["ownerName"])) == (owner, owner.startswith("key:"))
    for paused in (True, False):
        assert system.call_with(second, "PATCH", path, {"paused": paused})[2]["owner"] == owner
    assert system.call_with(second, "PATCH", path, {})[2]["owner"] == f"key:{second.split('_')[1]}"
    assert change(system, schedule, name="Mine")["owner"] == "loopback"


def test_callers_cannot_schedule_what_they_cannot_request(system: System) -> None:
    manager = system.make_key("schedules:manage")
    status, _, problem = system.call_with(manager, "POST", SCHEDULES, STATEMENT)
    assert (status, problem["type"]) == (403, "urn:resma:problem:scope-missing")
    schedule = make(system)
    path = f"{SCHEDULES}/{schedule['id']}"
    assert system.call_with(manager, "PATCH", path, {"name": "x"})[0] == 403
    assert system.call_with(manager, "PATCH", path, {"paused": True})[0] == 200, "pausing takes nothing"
    writer = system.make_key("schedules:manage", "reports:write")
    audit = {"type": "AUDIT_TRAIL", "format": "CSV", "filters": {"ip_address": "198.51.100.7"}}
    status, _, problem = system.call_with(writer, "POST", SCHEDULES, {**STATEMENT, "request": audit})
    assert status in {403, 422}, problem
    assert pointers(problem) == ["/request/filters/ip_address"]


def test_tenants_see_only_their_own_schedules(system: System, admin: Connection[TupleRow]) -> None:
    schedule = make(system)
    admin.execute("INSERT INTO resma.tenants VALUES ('other', 'Other Bank') ON CONFLICT DO NOTHING")
    other = system.make_key("schedules:manage", "reports:write", tenant="other")
    path = f"{SCHEDULES}/{schedule['id']}"
    for method, address in [("GET", path), ("DELETE", path), ("GET", f"{path}/runs"), ("GET", f"{path}/preview")]:
        assert system.call_with(other, method, address)[0] == 404
    assert system.call_with(other, "PATCH", path, {"paused": True})[0] == 404
    assert system.call_with(other, "GET", SCHEDULES)[2]["items"] == []
    assert show(system, schedule) == schedule
    admin.execute("DELETE FROM resma.api_keys")
    admin.execute("DELETE FROM resma.request_buckets WHERE tenant_id = 'other'")
    admin.execute("DELETE FROM resma.tenants WHERE tenant_id = 'other'")


# ---------------------------------------------------------------- previews


def test_a_preview_matches_the_runs_of_the_schedule(system: System) -> None:
    schedule = make(system)
    saved = system.call_api("GET", f"{SCHEDULES}/{schedule['id']}/preview")[2]
    unsaved = {name: STATEMENT[name] for name in ("when", "at", "timeZone", "period")}
    assert system.call_api("POST", f"{SCHEDULES}/preview", unsaved)[2] == saved
    assert len(saved["runs"]) == 10
    first = saved["runs"][0]
    assert first["at"] == schedule["nextRunAt"]
    assert first["localTime"].endswith("-01T07:30:00-03:00")
    assert (first["from"][-2:], first["to"] < first["localTime"]) == ("01", True)
    status, _, fifty = system.call_api("GET", f"{SCHEDULES}/{schedule['id']}/preview", query={"count": "50"})
    assert (status, len(fifty["runs"])) == (200, 50)
    assert system.call_api("GET", f"{SCHEDULES}/{schedule['id']}/preview", query={"count": "51"})[0] == 422


def test_a_preview_shows_clock_changes(system: System) -> None:
    said = {"when": "30 2 8-14 3 0", "timeZone": "America/New_York"}
    runs = system.call_api("POST", f"{SCHEDULES}/preview", said, query={"count": "50"})[2]["runs"]
    (first, *_) = [run for run in runs if run["note"]]
    assert first["note"] == "The run is later, because 02:30 does not exist on that day."
    assert first["localTime"].endswith("T03:00:00-04:00")
    assert (first["from"], first["to"]) == (None, None)


def test_a_preview_ends_with_the_schedule(system: System) -> None:
    now = datetime.now(UTC)
    half_a_day_later = f"{now + timedelta(hours=12):%H:%M}"
    schedule = {"when": "daily", "at": half_a_day_later, "endsAt": (now + timedelta(days=3)).isoformat()}
    runs = system.call_api("POST", f"{SCHEDULES}/preview", schedule)[2]["runs"]
    assert len(runs) == 3


def test_run_now_requests_the_report_as_the_caller(system: System) -> None:
    schedule = make(system)
    path = f"{SCHEDULES}/{schedule['id']}"
    headers = {"Idempotency-Key": "now"}
    status, answered, report = system.call_api("POST", f"{path}/run", headers=headers)
    assert status == 202
    assert answered["Location"] == report["links"]["self"]
    run = system.call_api("POST", f"{SCHEDULES}/preview", {**STATEMENT, "when": "0 0 * * *", "at": None})[2]["runs"][0]
    assert (report["filters"]["status"], report["timeZone"]) == (["BOOKED"], "America/Sao_Paulo")
    assert report["filters"]["from"][8:] == "01"
    assert report["filters"]["to"] < run["localTime"][:10]
    assert system.call_api("POST", f"{path}/run", headers=headers)[2]["id"] == report["id"]
    (recorded,) = system.call_api("GET", f"{path}/runs")[2]["items"]
    assert (recorded["reportId"], recorded["outcome"], recorded["trigger"]) == (report["id"], "STARTED", "manual")
    assert (recorded["startedBy"], report["requestedBy"]) == ("loopback", "loopback")
    assert show(system, schedule) == {**schedule, "lastRun": recorded}, "the next run does not change"
    key = system.make_key("schedules:manage", "reports:read")
    assert system.call_with(key, "POST", f"{path}/run")[0] == 403


def test_run_now_sends_no_personal_data_to_a_callback_of_an_owner_without_the_scope(system: System) -> None:
    key = system.make_key("schedules:manage", "reports:write", "reports:read")
    body = {**STATEMENT, "request": {**REQUEST, "callbackUrl": "https://hooks.example.com/resma"}}
    status, _, schedule = system.call_with(key, "POST", SCHEDULES, body)
    assert status == 201
    report = system.call_api("POST", f"{SCHEDULES}/{schedule['id']}/run")[2]
    assert report["maskedColumns"] == ["description", "counterparty"]


def test_the_requests_in_the_guide_are_accepted(system: System) -> None:
    page = (ROOT / "docs" / "schedules.md").read_text(encoding="utf-8")
    bodies = [json.loads(body) for body in re.findall(r"^ {4}curl .* -d '(.*)'$", page, re.MULTILINE)]
    written, previewed, backfilled = bodies
    schedule = make(system, **{"at": None, "calendar": None, **written})
    assert schedule["name"] == "Monthly statement"
    status, _, backfill = system.call_api("POST", f"{SCHEDULES}/{schedule['id']}/backfill", backfilled)
    assert (status, [run["outcome"] for run in backfill["runs"]]) == (200, ["NOT_STARTED"] * 3)
    runs = system.call_api("POST", f"{SCHEDULES}/preview", previewed, query={"count": "50"})[2]["runs"]
    assert any(run["note"] for run in runs), "as the page says"
