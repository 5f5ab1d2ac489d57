"""docs/schedules.md: its table of periods and its numbers match the code."""

from __future__ import annotations

import re
from datetime import date
from typing import cast, get_args

from infra.paths import ROOT
from resma.schedules.owners import TOKEN_DAYS
from resma.schedules.periods import Period, days_of
from resma.schedules.schedule_rows import MAX_SCHEDULES
from resma.schedules.times import DEFAULT_AT, WORDS
from scheduler.misfires import LATE
from scheduler.start_due_schedules import HOLD, RUNS_PER_SCHEDULER_RUN

PAGE = (ROOT / "docs" / "schedules.md").read_text(encoding="utf-8")


def test_the_table_of_periods_matches_the_code() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| (\d{4}-\d\d-\d\d) \| (\d{4}-\d\d-\d\d) \|", PAGE, re.MULTILINE)
    assert [name for name, _, _ in rows] == [*get_args(Period)]
    for name, first, last in rows:
        days = days_of(cast("Period", name), date(2024, 5, 15), "monday")
        assert [day.isoformat() for day in days] == [first, last], name


def test_numbers_and_keywords_match_the_code() -> None:
    text = " ".join(PAGE.split())
    assert f"a tenant can have {MAX_SCHEDULES} " in text
    assert f"more than {LATE.seconds // 60} minutes late" in text
    assert f"{RUNS_PER_SCHEDULER_RUN} per scheduler run" in text
    assert f"each minute for {HOLD.seconds // 60} minutes. After that the run is REFUSED" in text
    assert f"After {TOKEN_DAYS} days the schedule is BLOCKED" in text
    assert f"(default {DEFAULT_AT})" in text
    assert all(f"| `{word}` |" in PAGE for word in WORDS)
