"""Measures how long reports take to recover after their worker died or froze, and after an outage."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from resma.jobs.claim import MAX_ATTEMPTS
from tests.chaos.outage_injection import InjectedOutage
from tests.support.client import Client

POLL_SECONDS = 0.1


@dataclass(frozen=True)
class RecoveredOutage:
    """An outage, the number of reports in progress when it ended, and the seconds from its end until they were done."""

    outage: InjectedOutage
    reports: int
    median_seconds: float
    worst_seconds: float


def recovery_of_outages(client: Client, outages: Sequence[InjectedOutage]) -> list[RecoveredOutage]:
    """Returns the recovery of the reports that were in progress when each outage ended.

    A report is done when it has ended and its event is published. The time of other outages is included.
    """
    return [_recovery_of(client, outage) for outage in sorted(outages, key=lambda outage: outage.began)]


def _recovery_of(client: Client, outage: InjectedOutage) -> RecoveredOutage:
    rows = client.sql(
        "SELECT extract(epoch FROM done_at)::float8 - %s FROM ("
        "  SELECT r.created_at, greatest(r.finished_at, e.published_at, e.published_to_bus_at) AS done_at"
        "  FROM resma.reports r LEFT JOIN resma.events e USING (tenant_id, report_id)) AS reports"
        " WHERE created_at < to_timestamp(%s) AND done_at > to_timestamp(%s)",
        outage.ended, outage.ended, outage.ended,
    )  # fmt: skip
    seconds = [float(row[0]) for row in rows]
    median = round(statistics.median(seconds), 1) if seconds else 0.0
    return RecoveredOutage(outage, len(seconds), median, round(max(seconds, default=0.0), 1))


def attempts_used_by_outages(client: Client, outages: Sequence[InjectedOutage]) -> int:
    """Returns the number of attempts, besides their last, of the reports that were requested after the first outage.

    Only outages can have caused them, because all other faults are over by then.
    """
    if not outages:
        return 0
    began = min(outage.began for outage in outages)
    rows = client.sql(
        "SELECT coalesce(sum(%s - (attempts_allowed - attempt) - 1), 0)::int FROM resma.reports"
        " WHERE created_at >= to_timestamp(%s)",
        MAX_ATTEMPTS, began,
    )  # fmt: skip
    return int(rows[0][0])


@dataclass(frozen=True)
class _Watched:
    report_id: str
    attempt: int
    since: float
    only_if_expired: bool


class Recovery:
    """Watches jobs whose worker was killed or frozen, until a later attempt has started or the job has ended."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._watched: list[_Watched] = []
        self._expired: set[str] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self.seconds: list[tuple[float, str]] = []
        self._thread = threading.Thread(target=self._run, name="recovery", daemon=True)
        self._thread.start()

    def watch(self, running: Sequence[tuple[str, int]], *, only_if_expired: bool = False) -> None:
        """Starts to watch reports, given with the attempt that was running.

        With `only_if_expired`, only reports count whose lease expires: if not all workers were frozen, these are the
        reports of those that were.
        """
        now = time.monotonic()
        with self._lock:
            self._watched += [_Watched(report_id, attempt, now, only_if_expired) for report_id, attempt in running]

    def close(self) -> None:
        """Stops watching."""
        self._stop.set()
        self._thread.join()

    @property
    def median_seconds(self) -> float:
        """Median seconds until a job recovered; 0 if none was affected."""
        return round(statistics.median(seconds for seconds, _ in self.seconds), 1) if self.seconds else 0.0

    @property
    def worst_seconds(self) -> float:
        """Maximum seconds until a job recovered; 0 if none was affected."""
        return round(max((seconds for seconds, _ in self.seconds), default=0.0), 1)

    def _run(self) -> None:
        while not self._stop.wait(POLL_SECONDS):
            with self._lock:
                watched = list(self._watched)
            if not watched:
                continue
            try:
                rows = self._client.sql(
                    "SELECT report_id::text, attempt, status,"
                    " coalesce(status = 'GENERATING' AND lease_until < clock_timestamp(), false)"
                    " FROM resma.reports WHERE report_id = ANY(%s::uuid[])",
                    [item.report_id for item in watched],
                )
            except psycopg.Error:  # another fault makes the database unavailable
                continue
            self._check({row[0]: row[1:] for row in rows}, watched)

    def _check(self, rows: dict[str, tuple[int, str, bool]], watched: list[_Watched]) -> None:
        for item in watched:
            attempt, status, is_expired = rows[item.report_id]
            if is_expired and attempt == item.attempt:
                self._expired.add(item.report_id)
            if attempt == item.attempt and status in {"GENERATING", "PENDING"}:
                continue
            is_affected = item.report_id in self._expired if item.only_if_expired else True
            # A report that the same attempt made READY was not affected.
            if is_affected and not (attempt == item.attempt and status == "READY"):
                self.seconds.append((time.monotonic() - item.since, item.report_id))
            with self._lock:
                self._watched.remove(item)
