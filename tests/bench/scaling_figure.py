"""Measures a split report by one and by four workers whose source answers slowly, on the embedded stack.

A proxy limits the bytes per second of each connection to the source database, so that a worker mostly waits for rows,
as it does for a database in production. The workers share the two cores of the machine.
"""

from __future__ import annotations

import time
from typing import Any

import psycopg
import urllib3

from infra.demo.load_demo_bank import load_demo_bank
from infra.errors import StackError
from infra.local.demo import make_demo_key
from infra.local.stack import Options, Stack
from tests.bench.goals import SPLIT_BY_FOUR, SPLIT_BY_ONE, SPLIT_KEYS
from tests.bench.results import Result
from tests.bench.rounds import Say
from tests.support.fault_proxy import FaultProxy

ROWS_PER_KEY = 400
"""Average number of transactions of an account: with these, the report has about 24 shards of equal cost."""

BYTES_PER_SECOND = 200_000
"""Limit of each connection to the source: about three files per second."""

_WARM_UP = {"from": "2024-01-01", "to": "2024-03-31"}
_ALL = {"from": "2024-01-01"}
_MAX_SECONDS = 900
_POLL_SECONDS = 0.5


def measure_scaling(say: Say) -> list[Result]:
    """Generates the report by one worker, and by four. If a stack does not start, the result's comment says so."""
    results = []
    for name, workers in ((SPLIT_BY_ONE, 1), (SPLIT_BY_FOUR, 4)):
        try:
            metrics = _generate(say, workers)
        except StackError as error:
            say(f"split report: {error}")
            results.append(Result(name, "SYSTEM", SPLIT_KEYS, comment="failed, see above"))
            continue
        seconds = float(metrics["seconds"]["generate"])
        comment = f"{metrics['filesPerSecond']} CSV files per second, {metrics['workers']} workers"
        results.append(Result(name, "SYSTEM", SPLIT_KEYS, seconds, seconds, metrics["peakRssMb"], comment=comment))
    return results


def _generate(say: Say, workers: int) -> dict[str, Any]:
    """Returns the metrics of the report. Raises StackError."""
    proxies: list[FaultProxy] = []

    def before_source(port: int) -> int:
        proxies.append(FaultProxy(port))
        return proxies[0].port

    in_flight = {"ShardsInFlightPerReport": str(workers), "ShardsInFlightPerTenant": str(workers)}
    options = Options(front_door_port=None, source_port=before_source, parameters=in_flight)
    try:
        with Stack("bench/stack", options, say) as stack:
            url = stack.up.database_url
            load_demo_bank(url, SPLIT_KEYS * ROWS_PER_KEY, SPLIT_KEYS)
            api = _Api(stack.up.api_url, make_demo_key(url), url)
            api.generate(_WARM_UP)
            say(f"split report: {SPLIT_KEYS:,} files by up to {workers} workers")
            with proxies[0].slowed(BYTES_PER_SECOND):
                return api.generate(_ALL)
    finally:
        for proxy in proxies:
            proxy.close()


class _Api:
    """Requests split reports, and waits until they are READY."""

    def __init__(self, url: str, key: str, database_url: str) -> None:
        self._url = f"{url}/api/v1/reports"
        self._database_url = database_url
        self._http = urllib3.PoolManager(
            retries=False, timeout=urllib3.Timeout(connect=5, read=60), headers={"Authorization": f"Bearer {key}"}
        )

    def generate(self, filters: dict[str, str]) -> dict[str, Any]:
        """Returns the metrics of a report. Raises StackError if it does not become READY."""
        body = {"type": "ACCOUNT_STATEMENT", "format": "CSV", "splitBy": ["account"], "filters": filters}
        answer = self._http.request("POST", f"{self._url}/generate", json=body)
        if answer.status != 202:
            raise StackError(f"the API answered {answer.status}: {answer.data[:300]!r}")
        report_id, deadline = answer.json()["id"], time.monotonic() + _MAX_SECONDS
        while (view := self._http.request("GET", f"{self._url}/{report_id}").json())["status"] != "READY":
            if view["status"] not in {"PENDING", "GENERATING"} or time.monotonic() > deadline:
                raise StackError(f"report {report_id} is {view['status']}: {view['error']}")
            time.sleep(_POLL_SECONDS)
        with psycopg.connect(self._database_url) as connection:
            row = connection.execute("SELECT metrics FROM resma.reports WHERE report_id = %s", (report_id,)).fetchone()
        assert row is not None
        metrics: dict[str, Any] = row[0]
        return metrics
