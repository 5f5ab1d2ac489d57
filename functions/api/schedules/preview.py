"""Preview of the future runs of an existing or a new schedule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import islice, takewhile

from api.schedules.models import PreviewedRun, PreviewView
from resma.i18n.locales import Weekday
from resma.schedules.periods import Period, days_of
from resma.schedules.times import ScheduleTiming


@dataclass(frozen=True)
class RunPeriod:
    """Period of the runs of a schedule, and the first day of its weeks."""

    period: Period | None
    week_starts_on: Weekday


def preview_runs(
    timing: ScheduleTiming, run_period: RunPeriod, ends_at: datetime | None, after: datetime, count: int
) -> PreviewView:
    """Returns the next runs after a timestamp, at most `count`."""
    period, week_starts_on = run_period.period, run_period.week_starts_on
    zone = timing.zone
    runs = takewhile(lambda run: ends_at is None or run.at <= ends_at, timing.runs_after(after))
    views = []
    for run in islice(runs, count):
        local = run.at.astimezone(zone)
        first, last = (None, None) if period is None else days_of(period, local.date(), week_starts_on)
        run_view = {"at": run.at, "local_time": local, "from": first, "to": last, "note": run.clock_change_detail(zone)}
        views.append(PreviewedRun.model_validate(run_view))
    return PreviewView(runs=views)
