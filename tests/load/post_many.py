"""Requests many small reports at once, and waits until all of them have ended."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import urllib3

from tests.support.client import GENERATE, Backlog, Client

A_DAY = {"type": "TRANSACTIONS", "format": "CSV", "filters": {"from": "2024-03-01", "to": "2024-03-01"}}

UNAVAILABLE = urllib3.Retry(
    connect=False,
    read=False,
    redirect=False,
    other=False,
    status=9,
    status_forcelist={502, 503, 504},
    allowed_methods={"POST"},
    backoff_factor=1,
    raise_on_status=False,
)
"""When a caller sends its request again, always with the same Idempotency-Key: only if the API is unavailable."""

MAX_IDLE_SECONDS = 120.0
"""Time without a change of the queue after which a report counts as lost, however busy the machine is."""


@dataclass(frozen=True)
class LoadResult:
    """The results. `ids` are the reports of the answers 202, `ready` those that were READY at the end.

    `repeated` is the number of answers 502, 503 and 504, after which the caller sent its request again.
    """

    ids: Sequence[str]
    ready: frozenset[str]
    refused: Sequence[str]
    repeated: int
    p50_milliseconds: int
    p99_milliseconds: int
    drained_seconds: float
    backlog: Backlog

    @property
    def lost(self) -> int:
        """Number of accepted reports that are not READY, including requests that got the same id."""
        return len(self.ids) - len(self.ready.intersection(self.ids))

    @property
    def is_valid(self) -> bool:
        """Whether each request was accepted, each report is READY, and the queue is empty."""
        return not self.lost and not self.refused and self.backlog == Backlog(0, 0)

    @property
    def summary(self) -> dict[str, Any]:
        """The figures, for programs."""
        return {
            "posts": len(self.ids) + len(self.refused),
            "accepted": len(self.ids),
            "repeated": self.repeated,
            "lost": self.lost,
            "p50_ms": self.p50_milliseconds,
            "p99_ms": self.p99_milliseconds,
            "drained_s": self.drained_seconds,
            "queue": self.backlog.waiting + self.backlog.in_flight,
        }


class _Answer(NamedTuple):
    """The last answer to a request, after `repeated` ones that the API is unavailable. `response` is for people."""

    seconds: float
    repeated: int
    report_id: str | None
    response: str


def post_many(client: Client, posts: int, at_once: int, then: Callable[[], object] = lambda: None) -> LoadResult:
    """Sends the requests, `at_once` at a time, calls `then`, and waits until none of the reports is in progress.

    As documented for callers, a request is sent again if the API is unavailable.
    """
    http = urllib3.PoolManager(
        maxsize=at_once, block=True, retries=UNAVAILABLE, timeout=urllib3.Timeout(connect=10, read=60)
    )
    url = client.stack.up.api_url + GENERATE

    def post(_number: int) -> _Answer:
        began = time.monotonic()
        try:
            answer = http.request("POST", url, json=A_DAY, headers={"Idempotency-Key": str(uuid.uuid4())})
        except urllib3.exceptions.HTTPError as error:
            return _Answer(time.monotonic() - began, 0, None, type(error).__name__)
        repeated = len(answer.retries.history) if answer.retries else 0
        report_id = str(answer.json()["id"]) if answer.status == 202 else None
        return _Answer(time.monotonic() - began, repeated, report_id, f"{answer.status} {answer.data[:200]!r}")

    started = time.monotonic()
    with ThreadPoolExecutor(at_once, thread_name_prefix="caller") as callers:
        answers = list(callers.map(post, range(posts)))
    then()
    http.clear()
    backlog = _await_drained(client)
    seconds = sorted(answer.seconds for answer in answers)
    ids = [answer.report_id for answer in answers if answer.report_id]
    ready = client.sql("SELECT report_id::text FROM resma.reports WHERE status = 'READY'")
    return LoadResult(
        ids=ids,
        ready=frozenset(row[0] for row in ready),
        refused=[answer.response for answer in answers if answer.report_id is None],
        repeated=sum(answer.repeated for answer in answers),
        p50_milliseconds=round(seconds[len(seconds) // 2] * 1000),
        p99_milliseconds=round(seconds[len(seconds) * 99 // 100] * 1000),
        drained_seconds=round(time.monotonic() - started, 1),
        backlog=backlog,
    )


def _await_drained(client: Client) -> Backlog:
    """Waits until nothing is in progress, or nothing has changed for MAX_IDLE_SECONDS. Returns the backlog."""
    before, changed_at = None, time.monotonic()
    while True:
        (in_progress,) = client.sql("SELECT count(*) FROM resma.reports WHERE status IN ('PENDING', 'GENERATING')")[0]
        backlog = client.backlog()
        if (in_progress, backlog) != before:
            before, changed_at = (in_progress, backlog), time.monotonic()
        is_drained = not in_progress and backlog == Backlog(0, 0)
        if is_drained or time.monotonic() - changed_at > MAX_IDLE_SECONDS:
            return backlog
        time.sleep(0.5)
