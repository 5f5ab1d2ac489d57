"""Follows a report until it has ended: with a progress bar on a terminal, and lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from time import sleep
from typing import TYPE_CHECKING, Any

from resma_cli.amounts import count, duration
from resma_cli.api_client import Api, Json, path_of
from resma_cli.output import Output, clean

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

ENDED = frozenset({"READY", "FAILED", "CANCELLED", "EXPIRED"})
POLL_SECONDS = (0.2, 2.0)
"""At first, and after a while."""
LINE_SECONDS = 10


Show = Callable[[Mapping[str, Any]], None]
"""Shows how far a report is."""


def follow(api: Api, output: Output, report: Json) -> Json:
    """Shows progress until the report has ended; returns it as it is then. Raises CommandFailedError."""
    pause, longest = POLL_SECONDS
    with show_reports(output) as show:
        while True:
            show(report)
            if report["status"] in ENDED:
                return report
            sleep(pause)
            pause = min(pause * 1.1, longest)
            report = api.get(path_of("reports", str(report["id"])))


@contextmanager
def show_reports(output: Output) -> Iterator[Show]:
    """Yields what shows a report each time that it was fetched: a bar, lines, or nothing where `output` is quiet."""
    if output.is_quiet:
        yield lambda _now: None
    elif not output.notes.is_terminal:
        yield _line_teller(output)
    else:
        with _bar(output) as progress:
            task = progress.add_task("", total=None, rows=count(0, "row"), said="")
            yield lambda now: _move(progress, task, now)


@dataclass(frozen=True)
class OutputProgress:
    """Shows the progress of a command of the stack as notes, as `infra.local.progress.Progress` has it."""

    output: Output

    def say(self, text: str) -> None:
        """Shows a line."""
        self.output.note(text)

    def follow_report(self) -> AbstractContextManager[Show]:
        """Returns a context manager of what shows how far a report is."""
        return show_reports(self.output)


def _bar(output: Output) -> Progress:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415  # for terminals alone

    return Progress(
        TextColumn("{task.description:<10}"),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[rows]}"),
        TextColumn("{task.fields[said]}", markup=False),
        TimeElapsedColumn(),
        console=output.notes,
    )


def _move(progress: Progress, task: TaskID, report: Mapping[str, Any]) -> None:
    done, expected = report["progress"]["rowsDone"], report["progress"]["rowsExpected"]
    rate = progress.tasks[task].finished_speed or progress.tasks[task].speed
    said = say_progress(report, rate)
    progress.update(
        task,
        description=report["status"],
        completed=done,
        total=expected,
        rows=count(done, "row"),
        said=clean(said).plain,
    )


def say_progress(report: Mapping[str, Any], rows_per_second: float | None = None) -> str:
    """Queue position, stage, rows per second and time left, as far as they are known."""
    progress, said = report["progress"], []
    if (ahead := progress.get("queuePosition")) is not None:
        said.append("next in the queue" if ahead == 0 else f"{ahead:,} ahead in the queue")
    if waiting := report.get("waitingFor"):
        said.append(f"waiting for the {waiting['dependency'].replace('-', ' ')}, which is unavailable")
    elif stage := progress.get("stage"):
        said.append(str(stage))
    if report["status"] == "READY":
        rows_per_second = (report.get("metrics") or {}).get("rowsPerSecond")
    if rows_per_second:
        said.append(f"{rows_per_second:,.0f} rows/s")
    if (eta := progress.get("etaSeconds")) is not None and report["status"] not in ENDED:
        said.append(f"ETA {duration(eta)}")
    if report["attempt"] - report.get("continuations", 0) > 1:
        said.append(f"attempt {report['attempt']}")
    return ", ".join(said)


def _line_teller(output: Output) -> Show:
    told_status, told_at = "", 0.0

    def tell(report: Mapping[str, Any]) -> None:
        nonlocal told_status, told_at
        if report["status"] == told_status and time.monotonic() - told_at < LINE_SECONDS:
            return
        told_status, told_at = report["status"], time.monotonic()
        expected = report["progress"]["rowsExpected"]
        total = expected if expected is not None else report["progress"]["rowsDone"]
        done = f"{report['progress']['rowsDone']:,} of " if expected is not None else ""
        said = say_progress(report)
        output.note(f"{told_status}: {done}{count(total, 'row')}" + (f", {said}" if said else ""))

    return tell
