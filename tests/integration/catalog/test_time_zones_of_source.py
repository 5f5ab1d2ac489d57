"""A time zone that this program knows and the database does not: refused where it is asked for, and named."""

from __future__ import annotations

import json
import zoneinfo
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

import api.context
import api.deployment_rules
from tests.support.system import System

OURS_ALONE = "Atlantis/Capital"
GOOD = {"type": "TRANSACTIONS", "format": "CSV"}
ESTIMATE = "/api/v1/reports/estimate"
GENERATE = "/api/v1/reports/generate"
SCHEDULES = "/api/v1/schedules"


@pytest.fixture(autouse=True)
def _newer_list_of_zones(tmp_path: Path) -> Iterator[None]:
    """A zone that was added to the list after the database's copy was made."""
    before = zoneinfo.TZPATH
    zone = tmp_path / OURS_ALONE
    zone.parent.mkdir()
    data = next(path for path in (Path(folder) / "Atlantic" / "Azores" for folder in before) if path.exists())
    zone.write_bytes(data.read_bytes())
    zoneinfo.reset_tzpath([str(tmp_path), *before])
    yield
    zoneinfo.reset_tzpath(before)
    zoneinfo.ZoneInfo.clear_cache()


def refused(system: System, path: str, body: Any, pointer: str = "/timeZone") -> None:
    """Expects 422 with one error, at the time zone."""
    status, _, problem = system.call_api("POST", path, body)
    assert (status, problem["type"]) == (422, "urn:resma:problem:request-invalid"), problem
    (error,) = problem["errors"]
    assert error["pointer"] == pointer
    assert OURS_ALONE in error["detail"]
    assert "database" in error["detail"]


@pytest.mark.parametrize("path", [GENERATE, ESTIMATE])
def test_a_request_is_refused(system: System, admin: Connection[TupleRow], path: str) -> None:
    refused(system, path, {**GOOD, "timeZone": OURS_ALONE})
    assert admin.execute("SELECT count(*) FROM resma.reports").fetchone() == (0,)
    assert system.call_api("POST", path, {**GOOD, "timeZone": "America/Sao_Paulo"})[0] < 300


def test_a_schedule_is_refused(system: System) -> None:
    schedule = {"name": "x", "request": GOOD, "when": "daily"}
    refused(system, SCHEDULES, {**schedule, "timeZone": OURS_ALONE})
    refused(system, f"{SCHEDULES}/preview", {**schedule, "timeZone": OURS_ALONE})
    request = {**GOOD, "timeZone": OURS_ALONE}
    refused(system, SCHEDULES, {**schedule, "request": request}, "/request/timeZone")


def test_a_report_that_comes_another_way_says_what_is_wrong(system: System) -> None:
    """By an event: the intake does not reach the database that reports read."""
    detail = {"tenantId": "demo", "requestId": "r-1", "request": {**GOOD, "timeZone": OURS_ALONE}}
    entry = {"Source": "bank.example", "DetailType": "Report Requested", "Detail": json.dumps(detail)}
    system.bus.put_events(Entries=[entry])  # type: ignore[list-item]
    (record,) = system.receive(system.requests_url)
    assert system.take_in(record)
    report_id = system.bus_events()[0]["detail"]["reportId"]
    assert system.work_once()
    report = system.show(report_id)
    assert (report["status"], report["error"]["code"], report["attempt"]) == ("FAILED", "unknown-time-zone", 1)
    assert OURS_ALONE in report["error"]["detail"]
    assert "another name of the same zone" in report["error"]["detail"]


def test_an_estimate_is_refused_even_if_the_list_is_older(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.context.rules().time_zones, "may_know", lambda _name: True)
    refused(system, ESTIMATE, {**GOOD, "timeZone": OURS_ALONE})


@pytest.mark.parametrize("name", ["Antarctica/FooBar5", "X/Y3"])
def test_what_postgres_takes_for_a_rule_is_no_name(system: System, tmp_path: Path, name: str) -> None:
    """`X/Y3` is three hours west of Greenwich to Postgres, whatever this program's zone of that name says."""
    zone = tmp_path / name
    zone.parent.mkdir()
    zone.write_bytes((tmp_path / OURS_ALONE).read_bytes())
    status, _, problem = system.call_api("POST", GENERATE, {**GOOD, "timeZone": name})
    assert (status, [error["pointer"] for error in problem["errors"]]) == (422, ["/timeZone"])


def test_the_list_is_read_once(system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch) -> None:
    zones = api.context.rules().time_zones
    reads: list[None] = []
    read = zones._read

    def count() -> None:
        reads.append(None)
        read()

    monkeypatch.setattr(zones, "_read", count)
    for _ in range(3):
        assert system.call_api("POST", GENERATE, {**GOOD, "timeZone": "Europe/Lisbon"})[0] == 202
        assert system.call_api("POST", GENERATE, GOOD)[0] == 202
        refused(system, GENERATE, {**GOOD, "timeZone": OURS_ALONE})
    assert len(reads) == 1
    monkeypatch.setattr(api.deployment_rules, "PAUSE_SECONDS", 0)
    refused(system, GENERATE, {**GOOD, "timeZone": OURS_ALONE})
    assert len(reads) == 2, "an unknown name is asked for again after a pause"
    assert system.call_api("POST", GENERATE, {**GOOD, "timeZone": "Europe/Lisbon"})[0] == 202
    assert len(reads) == 2


def test_while_the_source_is_down_nobody_is_refused(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_SECRET_ARN", "arn:aws:secretsmanager:us-east-1:123456789012:secret:nothing")
    assert system.call_api("POST", GENERATE, {**GOOD, "timeZone": OURS_ALONE})[0] == 202
