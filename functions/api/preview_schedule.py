"""What a schedule will do: of one that is there, and of one that is not there yet."""

from __future__ import annotations

from datetime import datetime
from itertools import islice, takewhile

from api.models_schedules import PreviewedRun, PreviewView
from resma.schedule_periods import Period, days_of
from resma.schedule_times import Timing


def preview_runs(
    timing: Timing, period: Period | None, ends_at: datetime | None, after: datetime, count: int
) -> PreviewView:
    """Returns the next runs after a moment, at most `count`."""
    zone = timing.zone
    runs = takewhile(lambda run: ends_at is None or run.at <= ends_at, timing.runs_after(after))
    shown = []
    for run in islice(runs, count):
        local = run.at.astimezone(zone)
        first, last = (None, None) if period is None else days_of(period, local.date())
        run_view = {"at": run.at, "local_time": local, "from": first, "to": last, "note": run.note(zone)}
        shown.append(PreviewedRun.model_validate(run_view))
    return PreviewView(runs=shown)
