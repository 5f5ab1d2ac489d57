"""A time zone that Python knows and the database does not is rejected in the request, with its name."""

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
    """Adds a zone to Python's list, as if it were newer than the database's list."""
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
def test_a_request_is_rejected(system: System, admin: Connection[TupleRow], path: str) -> None:
    refused(system, path, {**GOOD, "timeZone": OURS_ALONE})
    assert admin.execute("SELECT count(*) FROM resma.reports").fetchone() == (0,)
    assert system.call_api("POST", path, {**GOOD, "timeZone": "America/Sao_Paulo"})[0] < 300


def test_a_schedule_is_rejected(system: System) -> None:
    schedule = {"name": "x", "request": GOOD, "when": "daily"}
    refused(system, SCHEDULES, {**schedule, "timeZone": OURS_ALONE})
    refused(system, f"{SCHEDULES}/preview", {**schedule, "timeZone": OURS_ALONE})
    request = {**GOOD, "timeZone": OURS_ALONE}
    refused(system, SCHEDULES, {**schedule, "request": request}, "/request/timeZone")


def test_a_report_requested_by_an_event_fails_with_the_zones_name(system: System) -> None:
    """The intake function cannot check the zone, because it has no access to the source database."""
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


def test_an_estimate_is_rejected_even_if_the_cached_list_has_the_zone(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.context.rules().time_zones, "may_know", lambda _name: True)
    refused(system, ESTIMATE, {**GOOD, "timeZone": OURS_ALONE})


@pytest.mark.parametrize("name", ["Antarctica/FooBar5", "X/Y3"])
def test_a_name_that_postgres_reads_as_a_posix_rule_is_rejected(system: System, tmp_path: Path, name: str) -> None:
    """For Postgres, `X/Y3` is a POSIX rule: three hours west of Greenwich, even if Python has a zone of that name."""
    zone = tmp_path / name
    zone.parent.mkdir()
    zone.write_bytes((tmp_path / OURS_ALONE).read_bytes())
    status, _, problem = system.call_api("POST", GENERATE, {**GOOD, "timeZone": name})
    assert (status, [error["pointer"] for error in problem["errors"]]) == (422, ["/timeZone"])


def test_the_list_is_cached(system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert len(reads) == 2, "the list is read again for an unknown name after a pause"
    assert system.call_api("POST", GENERATE, {**GOOD, "timeZone": "Europe/Lisbon"})[0] == 202
    assert len(reads) == 2


def test_while_the_source_is_unavailable_no_request_is_rejected(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_SECRET_ARN", "arn:aws:secretsmanager:us-east-1:123456789012:secret:nothing")
    assert system.call_api("POST", GENERATE, {**GOOD, "timeZone": OURS_ALONE})[0] == 202
