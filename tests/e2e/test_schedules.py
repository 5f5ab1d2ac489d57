"""A schedule on the whole stack: written by HTTP, started by the tick that EventBridge sends, made by the worker."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.e2e.client import Client, require_one_whole_file
from tests.e2e.eventually import eventually

TICK_SECONDS = 60
"""EventBridge's tick comes once a minute."""

DUE = "date_trunc('minute', clock_timestamp())"


def test_the_tick_starts_what_is_due(client: Client) -> None:
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
    client.sql(f"UPDATE resma.schedules SET next_run_at = {DUE}, due_at = {DUE}")  # not only in the next minute
    try:
        eventually("a run was started", lambda: _runs(client, address) != [], 2 * TICK_SECONDS)
        paused = client.http("PATCH", address, json={"paused": True}).json()
        assert (paused["status"], paused["nextRunAt"]) == ("PAUSED", None)
        run = _runs(client, address)[-1]
        assert (run["outcome"], run["detail"]) == ("STARTED", None)
        report = client.await_status(run["reportId"], "READY")
        require_one_whole_file(client, report)
        local = datetime.fromisoformat(previewed.json()["runs"][0]["localTime"])
        assert report["filters"]["to"] < local.date().isoformat()
        assert report["timeZone"] == "America/Sao_Paulo"
    finally:
        assert client.http("DELETE", address).status == 204
    assert client.http("GET", address).status == 404


def _runs(client: Client, address: str) -> list[Any]:
    answer = client.http("GET", f"{address}/runs")
    assert answer.status == 200, answer.data
    items: list[Any] = answer.json()["items"]
    return items
