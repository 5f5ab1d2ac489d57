"""The header Retry-After of a webhook receiver: seconds, a date, or an invalid value."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resma.retry_pauses import BACKOFF
from webhook.attempts import Delivery, _pause
from webhook.post_signed import MAX_RETRY_AFTER_SECONDS, AttemptResult, read_retry_after

NOW = datetime(2026, 11, 30, 6, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("600", 600),
        (" 600 ", 600),
        ("0", 0),
        ("99999999999999999999", MAX_RETRY_AFTER_SECONDS),
        ("604800", MAX_RETRY_AFTER_SECONDS),
        ("Mon, 30 Nov 2026 06:10:00 GMT", 600),
        ("Mon, 30 Nov 2026 05:00:00 GMT", 0),
        ("Monday, 30-Nov-26 06:10:00 GMT", 600),
        ("Mon Nov 30 06:10:00 2026", 600),
        ("Sun, 30 Nov 2036 06:10:00 GMT", MAX_RETRY_AFTER_SECONDS),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("٣٠", None),
        ("Mon, 99 Nov 2026 06:10:00 GMT", None),
    ],
)
def test_valid_values_are_parsed_and_others_are_ignored(text: str, seconds: int | None) -> None:
    assert read_retry_after(text, NOW) == seconds


@given(st.text(max_size=60))
def test_no_value_raises_an_error(text: str) -> None:
    seconds = read_retry_after(text, NOW)
    assert seconds is None or 0 <= seconds <= MAX_RETRY_AFTER_SECONDS


@given(st.integers(0, MAX_RETRY_AFTER_SECONDS))
def test_a_date_is_equivalent_to_seconds(seconds: int) -> None:
    at = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert read_retry_after(at, NOW) == read_retry_after(str(seconds), NOW) == seconds


@pytest.mark.parametrize("attempts", range(1, len(BACKOFF) + 1))
@pytest.mark.parametrize("wait", [None, 0, 600, MAX_RETRY_AFTER_SECONDS])
def test_a_pause_is_at_least_the_backoff_and_retry_after(attempts: int, wait: int | None) -> None:
    delivery = Delivery("demo", "evt_1", "callback", UUID(int=1), "https://x.example", attempts, 0, 1, False)
    pause = _pause(delivery, AttemptResult(503, None, 1, wait))
    assert pause >= max(BACKOFF[attempts - 1], timedelta(seconds=wait or 0))
    assert pause <= 1.2 * max(BACKOFF[attempts - 1], timedelta(seconds=wait or 0))
