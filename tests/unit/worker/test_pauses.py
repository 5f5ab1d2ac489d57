"""Pauses before retries, and the relations between timeouts."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from resma.catalog.model import Limits
from resma.jobs.claim import LEASE_SECONDS, MAX_ATTEMPTS
from resma.jobs.outcome import UNNOTICED_LEASE_SECONDS
from resma.network.connect import CONNECT_SECONDS, RESOLVE_SECONDS
from resma.retry_pauses import BACKOFF, pause_after
from scheduler.requeue_orphaned_jobs import LOOK_AGAIN_SECONDS, ORPHANED_SECONDS
from webhook.attempts import CLAIM_SECONDS
from webhook.post_signed import DRAIN_SECONDS, TOTAL_SECONDS
from worker.database_retry import MAX_RETRY_SECONDS
from worker.heartbeat import VISIBILITY_SECONDS
from worker.postpone import MAX_PAUSE_SECONDS, SAME_OUTAGE_SECONDS, StartFailures, retry_seconds


@pytest.mark.parametrize(
    ("attempt", "allowed", "min_seconds"),
    [(1, MAX_ATTEMPTS, 5), (2, MAX_ATTEMPTS, 10), (5, 5 + MAX_ATTEMPTS - 1, 5), (6, 6 + MAX_ATTEMPTS - 2, 10)],
    ids=["first", "second", "first after four that do not count", "second after four that do not count"],
)
def test_the_pause_between_attempts_doubles(attempt: int, allowed: int, min_seconds: float) -> None:
    assert min_seconds <= retry_seconds(attempt, allowed) <= min_seconds * 1.2


class _FakeTime:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000_000.0
        monkeypatch.setattr(time, "time", lambda: self.now)

    def advance(self, seconds: float) -> None:
        self.now += seconds


def test_jobs_that_cannot_be_started_pause_for_as_long_as_the_outage_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, failures = _FakeTime(monkeypatch), StartFailures()
    for passed, min_seconds in ((0, 5), (3, 5), (17, 20), (60, 80), (200, 150), (290, 150)):
        clock.advance(passed)
        assert min_seconds <= failures.record() <= min_seconds * 1.25


def test_the_first_outage_does_not_lengthen_the_pauses_of_the_second(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, failures = _FakeTime(monkeypatch), StartFailures()
    for _ in range(100):
        clock.advance(100)
        failures.record()
    failures.clear()
    assert failures.record() <= 5 * 1.25
    clock.advance(SAME_OUTAGE_SECONDS)  # as for a process that was frozen at the end of the first outage
    assert failures.record() <= 5 * 1.25


def test_all_jobs_are_tried_again_within_the_same_outage() -> None:
    """Otherwise a process would treat the next failure as the first of another outage."""
    assert MAX_PAUSE_SECONDS * 1.25 < SAME_OUTAGE_SECONDS


def test_a_message_stays_hidden_for_longer_than_a_lease() -> None:
    assert VISIBILITY_SECONDS > LEASE_SECONDS


def test_a_worker_that_lost_the_database_is_not_treated_as_one_that_died() -> None:
    """It waits until its lease is old enough, and its snapshot stays open during that time."""
    assert MAX_RETRY_SECONDS > LEASE_SECONDS + UNNOTICED_LEASE_SECONDS
    assert Limits().idle_timeout_seconds >= MAX_RETRY_SECONDS + 20  # connections take time, too


def test_a_worker_that_died_is_found_before_an_outage_is_assumed() -> None:
    """The scheduler runs once a minute, has a task before this one, and checks the lease twice."""
    function_seconds = 50
    assert ORPHANED_SECONDS + 60 + function_seconds / 2 + LOOK_AGAIN_SECONDS < UNNOTICED_LEASE_SECONDS


def test_webhooks_are_retried_for_three_days() -> None:
    assert timedelta(days=2.9) < sum(BACKOFF, timedelta()) < timedelta(days=4)
    assert BACKOFF[0] <= pause_after(1) <= BACKOFF[0] * 1.2
    assert pause_after(100) >= BACKOFF[-1]


def test_a_webhook_attempt_ends_before_it_counts_as_orphaned() -> None:
    """Twice its time is left for the steps before and after it."""
    assert 3 * TOTAL_SECONDS <= CLAIM_SECONDS
    assert RESOLVE_SECONDS + CONNECT_SECONDS + DRAIN_SECONDS < TOTAL_SECONDS
