"""A schedule on the whole stack: written by HTTP, started by the scheduler's function, made by the worker.

That EventBridge's rule invokes the function once a minute, test_outbox.py shows.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.support.client import Client, require_one_whole_file
from tests.support.eventually import eventually

DUE = "date_trunc('minute', clock_timestamp())"


def test_the_scheduler_starts_what_is_due(client: Client) -> None:
    schedule = {
        "name": "Every minute",
        "when": "* * * * *",
        "timeZone": "America/Sao_Paulo",
        "period": "last-month",
        "request": {"type": "TRANSACTIONS", "format": "CSV", "filters": {"status": ["BOOKED"]}},
    }
    previewed = client.http("POST", "/api/v1/schedules/preview?count=3", json=schedule)
    assert (previewed.status, len(previewed.json()["runs"])) == (200, 3), previewed.data
    made = client.http("POST", "/api/v1/schedules", json=schedule)
    assert made.status == 201, made.data
    address = made.headers["Location"]
    client.sql(  # not only in the next minute
        f"UPDATE resma.schedules SET next_run_at = {DUE}, due_at = {DUE} WHERE schedule_id = %s", made.json()["id"]
    )
    try:
        client.invoke_function("SchedulerFunction")
        eventually("a run was started", lambda: _runs(client, address) != [])
        paused = client.http("PATCH", address, json={"paused": True}).json()
        assert (paused["status"], paused["nextRunAt"]) == ("PAUSED", None)
        run = _runs(client, address)[-1]
        assert (run["outcome"], run["detail"]) == ("STARTED", None)
        report = client.wait_for_status(run["reportId"], "READY")
        require_one_whole_file(client, report)
        local = datetime.fromisoformat(run["scheduledFor"]).astimezone(ZoneInfo("America/Sao_Paulo"))
        last_day = local.date().replace(day=1) - timedelta(days=1)
        assert report["filters"]["from"] == last_day.replace(day=1).isoformat()
        assert report["filters"]["to"] == last_day.isoformat()
        assert report["timeZone"] == "America/Sao_Paulo"
    finally:
        assert client.http("DELETE", address).status == 204
    assert client.http("GET", address).status == 404


def _runs(client: Client, address: str) -> list[Any]:
    answer = client.http("GET", f"{address}/runs")
    assert answer.status == 200, answer.data
    items: list[Any] = answer.json()["items"]
    return items
