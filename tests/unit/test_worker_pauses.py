"""How long things rest before they are tried again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from resma.job import LEASE_SECONDS, MAX_ATTEMPTS
from webhook.connect_checked import CONNECT_SECONDS, RESOLVE_SECONDS
from webhook.deliveries import BACKOFF, CLAIM_SECONDS, pause_after
from webhook.post_signed import DRAIN_SECONDS, TOTAL_SECONDS
from worker.app import backoff_seconds
from worker.heartbeat import VISIBILITY_SECONDS


@pytest.mark.parametrize(("receives", "least"), [(1, 5), (2, 10)])
def test_attempts_rest_exponentially(receives: int, least: float) -> None:
    assert least <= backoff_seconds(receives) <= least * 1.2


def test_the_last_attempt_moves_on_at_once() -> None:
    assert backoff_seconds(MAX_ATTEMPTS) == 0
    assert backoff_seconds(MAX_ATTEMPTS + 1) == 0


def test_a_message_stays_hidden_longer_than_a_lease() -> None:
    assert VISIBILITY_SECONDS > LEASE_SECONDS


def test_webhooks_are_tried_for_three_days() -> None:
    assert timedelta(days=2.9) < sum(BACKOFF, timedelta()) < timedelta(days=4)
    assert BACKOFF[0] <= pause_after(1) <= BACKOFF[0] * 1.2
    assert pause_after(100) >= BACKOFF[-1]


def test_an_attempt_ends_before_another_takes_it_for_orphaned() -> None:
    """With twice its time left for what comes before and after it."""
    assert 3 * TOTAL_SECONDS <= CLAIM_SECONDS
    assert RESOLVE_SECONDS + CONNECT_SECONDS + DRAIN_SECONDS < TOTAL_SECONDS
