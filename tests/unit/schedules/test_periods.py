"""Relative periods: leap years, ends of years, and no gaps between consecutive periods."""

from __future__ import annotations

from datetime import date, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resma.i18n.locales import Weekday
from resma.schedules.periods import Period, days_of

DAYS = st.dates(date(1970, 1, 10), date(2199, 12, 1))


@pytest.mark.parametrize(
    ("period", "day", "first", "last"),
    [
        ("today", "2024-02-29", "2024-02-29", "2024-02-29"),
        ("yesterday", "2024-03-01", "2024-02-29", "2024-02-29"),
        ("yesterday", "2025-03-01", "2025-02-28", "2025-02-28"),
        ("yesterday", "2025-01-01", "2024-12-31", "2024-12-31"),
        ("this-week", "2025-01-01", "2024-12-30", "2025-01-01"),
        ("this-week", "2024-12-30", "2024-12-30", "2024-12-30"),
        ("last-week", "2025-01-05", "2024-12-23", "2024-12-29"),
        ("last-week", "2025-01-06", "2024-12-30", "2025-01-05"),
        ("this-month", "2024-02-29", "2024-02-01", "2024-02-29"),
        ("last-month", "2024-03-31", "2024-02-01", "2024-02-29"),
        ("last-month", "2025-03-01", "2025-02-01", "2025-02-28"),
        ("last-month", "2025-01-15", "2024-12-01", "2024-12-31"),
        ("last-quarter", "2024-01-01", "2023-10-01", "2023-12-31"),
        ("last-quarter", "2024-04-01", "2024-01-01", "2024-03-31"),
        ("last-quarter", "2024-06-30", "2024-01-01", "2024-03-31"),
        ("last-quarter", "2024-12-31", "2024-07-01", "2024-09-30"),
        ("last-year", "2025-01-01", "2024-01-01", "2024-12-31"),
        ("last-year", "2024-02-29", "2023-01-01", "2023-12-31"),
        ("last-7-days", "2024-03-05", "2024-02-27", "2024-03-04"),
        ("last-30-days", "2024-03-30", "2024-02-29", "2024-03-29"),
    ],
)
def test_days_of_periods(period: Period, day: str, first: str, last: str) -> None:
    assert days_of(period, date.fromisoformat(day), "monday") == (date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize(
    ("week_starts_on", "day", "first", "last"),
    [
        # Wednesday, Saturday, Sunday and Monday: which week is the last one depends on its first day.
        ("monday", "2024-05-15", "2024-05-06", "2024-05-12"),
        ("sunday", "2024-05-15", "2024-05-05", "2024-05-11"),
        ("saturday", "2024-05-15", "2024-05-04", "2024-05-10"),
        ("saturday", "2024-05-18", "2024-05-11", "2024-05-17"),
        ("sunday", "2024-05-18", "2024-05-05", "2024-05-11"),
        ("sunday", "2024-05-19", "2024-05-12", "2024-05-18"),
        ("monday", "2024-05-19", "2024-05-06", "2024-05-12"),
        ("monday", "2024-05-20", "2024-05-13", "2024-05-19"),
    ],
)
def test_weeks_start_on_the_given_day(week_starts_on: Weekday, day: str, first: str, last: str) -> None:
    today = date.fromisoformat(day)
    assert days_of("last-week", today, week_starts_on) == (date.fromisoformat(first), date.fromisoformat(last))
    assert days_of("this-week", today, week_starts_on) == (date.fromisoformat(last) + timedelta(days=1), today)


@given(st.sampled_from(get_args(Period)), DAYS, st.sampled_from(get_args(Weekday)))
def test_every_period_of_every_day_is_in_order(period: Period, day: date, week_starts_on: Weekday) -> None:
    first, last = days_of(period, day, week_starts_on)
    assert first <= last <= day


@given(
    st.sampled_from(["last-week", "last-month", "last-quarter", "last-year"]), DAYS, st.sampled_from(get_args(Weekday))
)
def test_periods_join_without_a_gap(period: Period, day: date, week_starts_on: Weekday) -> None:
    """On the day after its end, it is the last period; and the period before ends on the day before its start."""
    first, last = days_of(period, day, week_starts_on)
    assert days_of(period, last + timedelta(days=1), week_starts_on) == (first, last)
    assert days_of(period, first, week_starts_on)[1] == first - timedelta(days=1)
