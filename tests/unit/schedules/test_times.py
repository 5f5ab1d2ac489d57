"""Times of runs: a year of each kind, compared minute by minute, and days of clock changes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import holidays
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.paths import ROOT
from resma.request_errors import RequestInvalidError
from resma.schedules.times import ScheduleTiming, earliest_utc, first_business_day, read_timing
from tests.support.eventually import PATIENCE_SECONDS
from tests.support.walk_minutes import by_croniter, expected, on_days, until, walk, year_of

# If clocks move forward, the local times between the two are skipped; if they move back, these times occur twice.
PLACES = {
    # At midnight, so that one day starts at 01:00, and another has its last hour twice.
    "America/Sao_Paulo": (2018, "00:30", "23:30"),
    "Europe/Lisbon": (2024, "01:30", "01:30"),
    "America/New_York": (2025, "02:30", "01:30"),
}
WORDS = {"daily": "* * *", "weekly": "* * 1", "monthly": "1 * *"}
EXPRESSIONS = [
    "*/30 * * * *",
    "0 * * * *",
    "*/7 0-3,23 * * *",
    "30 0-3,23 * * 0",
    "15,45 23 * * 6,0",
    "0 */5 * * *",
    "0 6 L * *",
    "30 1 1-7 * *",
    "10 0 13 * 5",
    "0 0 */2 * 1",
    "30 0 4 11 *",
    "0 9 29 2 *",
    "20 3 * * FRI#2",
    "20 3 * * L5",
]


def timestamps(timing: ScheduleTiming, begin: datetime, end: datetime) -> list[datetime]:
    """Returns the times of the runs from `begin` on, inclusive."""
    return until((run.at for run in timing.runs_after(begin - timedelta(microseconds=1))), end)


def is_first_business_day(day: date, calendar: str | None) -> bool:
    """Checks each day of its month."""
    free = holidays.country_holidays(calendar, years=day.year) if calendar else {}
    month = (day.replace(day=number) for number in range(1, day.day + 1))
    business = [other for other in month if other.isoweekday() < 6 and other not in free]
    return business == [day]


# ---------------------------------------------------------------- a year, minute by minute


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_runs_of_an_expression_in_one_year(place: str, expression: str) -> None:
    begin, end = year_of(PLACES[place][0])
    # The last Friday is 5L for cronsim and L5 for croniter.
    timing = read_timing(expression.replace("L5", "5L"), None, place, None)
    wanted = expected(place, begin, end, by_croniter(expression))
    assert timestamps(timing, begin, end) == wanted
    assert wanted or expression == "0 9 29 2 *"


@pytest.mark.slow
def test_runs_of_every_minute_in_one_year() -> None:
    begin, end = year_of(2018)
    found = timestamps(read_timing("* * * * *", None, "America/Sao_Paulo", None), begin, end)
    assert found == expected("America/Sao_Paulo", begin, end, by_croniter("* * * * *"))
    assert len(found) == 365 * 1440 - 60, "less the hour that occurs twice; skipped minutes run with the next one"


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("which", [1, 2])
def test_runs_of_a_keyword_in_one_year(place: str, word: str, which: int) -> None:
    year, at = PLACES[place][0], str(PLACES[place][which])
    begin, end = year_of(year)
    matches = by_croniter(f"{int(at[3:])} {int(at[:2])} {WORDS[word]}")
    found = timestamps(read_timing(word, at, place, None), begin, end)
    assert found == expected(place, begin, end, matches)
    assert len(found) in {"daily": (365, 366), "weekly": (52, 53), "monthly": (12,)}[word]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("calendar", [None, "BR", "PT", "US"])
def test_first_business_days_in_one_year(place: str, calendar: str | None) -> None:
    year, at, _ = PLACES[place]
    begin, end = year_of(year)
    matches = on_days(at, lambda day: is_first_business_day(day, calendar))
    found = timestamps(read_timing("first-business-day", at, place, calendar), begin, end)
    assert found == expected(place, begin, end, matches)
    assert len(found) == 12


@pytest.mark.parametrize(
    ("place", "begin"),
    [
        ("Australia/Lord_Howe", datetime(2024, 10, 4, tzinfo=UTC)),  # by half an hour
        ("Pacific/Apia", datetime(2011, 12, 28, tzinfo=UTC)),  # by a whole day
        ("Africa/Casablanca", datetime(2024, 3, 8, tzinfo=UTC)),
        ("Asia/Kathmandu", datetime(1985, 12, 30, tzinfo=UTC)),  # by a quarter of an hour, permanently
        ("America/Caracas", datetime(2016, 4, 29, tzinfo=UTC)),
        ("Antarctica/Troll", datetime(2024, 10, 25, tzinfo=UTC)),  # by two hours
    ],
)
@pytest.mark.parametrize("expression", ["* * * * *", "*/25 * * * *", "30 2 * * *", "0 12 * * *"])
def test_unusual_clock_changes(place: str, begin: datetime, expression: str) -> None:
    end = begin + timedelta(days=6)
    wanted = expected(place, begin, end, by_croniter(expression))
    assert timestamps(read_timing(expression, None, place, None), begin, end) == wanted


def test_the_minute_by_minute_model_finds_clock_changes() -> None:
    """Otherwise the tests above would prove little."""
    for place, (year, _, _) in PLACES.items():
        walked = walk(place, *year_of(year))
        assert len(walked) == 1440 * (365 + (year % 4 == 0))
        left_out = [len(fresh) - 1 for _, fresh in walked if len(fresh) > 1]
        again = sum(1 for _, fresh in walked if not fresh)
        assert (left_out, again) == ([60], 60), place


# ---------------------------------------------------------------- any expression


def _field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    # Two different numbers, because croniter treats the day of the week 0-0 as all days.
    pair = st.lists(number, min_size=2, max_size=2, unique=True)
    one = st.one_of(
        number.map(str),
        pair.map(lambda of: f"{min(of)}-{max(of)}"),
        st.integers(1, high).map(lambda step: f"*/{step}"),
        st.tuples(pair, st.integers(1, 9)).map(lambda of: f"{min(of[0])}-{max(of[0])}/{of[1]}"),
    )
    return st.one_of(st.just("*"), one, st.lists(number.map(str), min_size=2, max_size=4).map(",".join))


ANY_EXPRESSION = st.tuples(_field(0, 59), _field(0, 23), _field(1, 31), _field(1, 12), _field(0, 6)).map(" ".join)
SET_CLOCKS = st.sampled_from(
    [
        ("America/Sao_Paulo", datetime(2018, 2, 17, tzinfo=UTC)),
        ("America/Sao_Paulo", datetime(2018, 11, 3, tzinfo=UTC)),
        ("Europe/Lisbon", datetime(2024, 3, 30, tzinfo=UTC)),
        ("Europe/Lisbon", datetime(2024, 10, 26, tzinfo=UTC)),
        ("America/New_York", datetime(2025, 3, 8, tzinfo=UTC)),
        ("America/New_York", datetime(2025, 11, 1, tzinfo=UTC)),
        ("Pacific/Apia", datetime(2011, 12, 29, tzinfo=UTC)),
        ("UTC", datetime(2023, 12, 31, tzinfo=UTC)),
    ]
)


def _timing(expression: str, place: str) -> ScheduleTiming | None:
    try:
        return read_timing(expression, None, place, None)
    except RequestInvalidError:  # for example 30 February
        return None


@settings(max_examples=250, deadline=None)
@given(ANY_EXPRESSION, SET_CLOCKS)
def test_any_expression_around_days_on_which_clocks_are_set(expression: str, when: tuple[str, datetime]) -> None:
    place, begin = when
    end = begin + timedelta(days=2)
    wanted = expected(place, begin, end, by_croniter(expression))
    timing = _timing(expression, place)
    assert (timestamps(timing, begin, end) if timing else []) == wanted


@settings(max_examples=150, deadline=None)
@given(ANY_EXPRESSION, SET_CLOCKS, st.integers(0, 3000))
def test_runs_follow_one_another(expression: str, when: tuple[str, datetime], minutes: int) -> None:
    place, begin = when
    if (timing := _timing(expression, place)) is None:
        return
    after = begin + timedelta(minutes=minutes, seconds=1)
    runs = [run.at for run in islice(timing.runs_after(after), 5)]
    assert after < runs[0]
    assert sorted(set(runs)) == runs
    # Each run follows from the previous one, and `last_run` finds it.
    assert [next(timing.runs_after(run)).at for run in runs[:-1]] == runs[1:]
    for earlier, later in pairwise(runs):
        assert timing.last_run(runs[0], later - timedelta(seconds=1)) == earlier
        assert timing.last_run(runs[0], later) == later


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="0123456789*/,-#LWSUNMONJAN ?@x\u00b2\t", max_size=24))
def test_any_string_is_valid_or_refused(text: str) -> None:
    timing = _timing(text, "UTC")
    assert timing is None or next(timing.runs_after(datetime(2024, 1, 1, tzinfo=UTC))).at.year < 2080


# ---------------------------------------------------------------- descriptions


def test_the_preview_describes_clock_changes() -> None:
    zone = ZoneInfo("America/New_York")
    runs = read_timing("30 1,2 9 3 *", None, zone.key, None).runs_after(datetime(2025, 1, 1, tzinfo=UTC))
    assert [run.clock_change_detail(zone) for run in islice(runs, 2)] == [
        None,
        "The run is later, because 02:30 does not exist on that day.",
    ]
    runs = read_timing("*/30 1-3 9 3 *", None, zone.key, None).runs_after(datetime(2025, 1, 1, tzinfo=UTC))
    first = list(islice(runs, 4))
    assert [run.at.astimezone(zone).strftime("%H:%M") for run in first] == ["01:00", "01:30", "03:00", "03:30"]
    assert [run.clock_change_detail(zone) for run in first] == [None] * 4, "03:00 exists on that day"
    (run,) = islice(read_timing("30 1 2 11 *", None, zone.key, None).runs_after(datetime(2025, 1, 1, tzinfo=UTC)), 1)
    assert run.clock_change_detail(zone) == "01:30 occurs twice on that day. The run is at the first occurrence."
    assert run.at == datetime(2025, 11, 2, 5, 30, tzinfo=UTC)


def test_a_time_that_does_not_exist_is_the_next_that_does() -> None:
    samoa = ZoneInfo("Pacific/Apia")
    assert earliest_utc(datetime.fromisoformat("2011-12-30T06:00"), samoa) == datetime(2011, 12, 30, 10, 0, tzinfo=UTC)
    assert earliest_utc(datetime.fromisoformat("2011-12-31T00:00"), samoa) == datetime(2011, 12, 30, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("month", "calendar", "day"),
    [
        (date(2024, 9, 1), None, date(2024, 9, 2)),  # a Sunday
        (date(2024, 6, 1), None, date(2024, 6, 3)),  # a Saturday
        (date(2024, 1, 1), None, date(2024, 1, 1)),
        (date(2024, 1, 1), "BR", date(2024, 1, 2)),
        (date(2026, 1, 1), "JP", date(2026, 1, 2)),
        (date(2027, 5, 1), "BR", date(2027, 5, 3)),
        (date(2025, 9, 1), "US", date(2025, 9, 2)),  # Labor Day
        (date(2028, 1, 1), "NZ", date(2028, 1, 5)),  # New Year's days, observed on Monday and Tuesday
    ],
)
def test_first_business_days(month: date, calendar: str | None, day: date) -> None:
    assert first_business_day(month, calendar) == day


def test_leap_days_and_year_ends() -> None:
    leap = read_timing("0 0 29 2 *", None, "UTC", None)
    years = [run.at.year for run in islice(leap.runs_after(datetime(2092, 1, 1, tzinfo=UTC)), 3)]
    assert years == [2092, 2096, 2104], "2100 is not a leap year"
    last_day = read_timing("0 0 L * *", None, "UTC", None)
    days = [run.at.day for run in islice(last_day.runs_after(datetime(2024, 1, 1, tzinfo=UTC)), 13)]
    assert days == [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31]
    auckland = read_timing("daily", "00:00", "Pacific/Auckland", None)
    (new_year,) = islice(auckland.runs_after(datetime(2024, 12, 30, 11, 0, tzinfo=UTC)), 1)
    assert new_year.at == datetime(2024, 12, 31, 11, 0, tzinfo=UTC)


def test_the_last_run_is_found_fast_after_years() -> None:
    """The last run of a schedule with a run per minute is found after ten years without iterating over all runs."""
    calls = 0

    class Counted(ScheduleTiming):
        def _local_times(self, after: datetime) -> Iterator[datetime]:
            nonlocal calls
            for local in super()._local_times(after):
                calls += 1
                yield local

    timing = Counted("* * * * *", None, "America/Sao_Paulo")
    until_ = datetime(2024, 6, 1, 12, 0, 30, tzinfo=UTC)
    assert timing.last_run(datetime(2014, 6, 1, tzinfo=UTC), until_) == until_.replace(second=0)
    assert calls < 200


def test_holidays_are_not_loaded_without_a_calendar() -> None:
    code = (
        "import sys; from resma.schedules.times import read_timing; from datetime import datetime, UTC;"
        "next(read_timing('first-business-day', None, 'UTC', None).runs_after(datetime.now(UTC)));"
        "assert 'holidays' not in sys.modules;"
        "next(read_timing('first-business-day', None, 'UTC', 'BR').runs_after(datetime.now(UTC)));"
        "assert 'holidays' in sys.modules"
    )
    subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT / "functions")}, check=True, timeout=PATIENCE_SECONDS
    )
