"""Follows a report until it has ended, with a progress bar on a terminal and with lines otherwise."""

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

ENDED = frozenset({"READY", "FAILED", "CANCELLED", "EXPIRED", "SKIPPED"})
POLL_SECONDS = (0.2, 2.0)
"""Pause between two requests: at first, and at most."""
LINE_SECONDS = 10
"""Pause between two lines while the status does not change."""


Show = Callable[[Mapping[str, Any]], None]
"""Shows how far a report is."""


def follow(api: Api, output: Output, report: Json) -> Json:
    """Shows progress until the report has ended. Returns the ended report. Raises CommandFailedError."""
    pause, max_pause = POLL_SECONDS
    with show_reports(output) as show:
        while True:
            show(report)
            if report["status"] in ENDED:
                return report
            sleep(pause)
            pause = min(pause * 1.1, max_pause)
            report = api.get(path_of("reports", str(report["id"])))


@contextmanager
def show_reports(output: Output) -> Iterator[Show]:
    """Yields what shows a report each time that it was fetched: a bar, lines, or nothing where `output` is quiet."""
    if output.is_quiet:
        yield lambda _now: None
    elif not output.messages.is_terminal:
        yield _line_printer(output)
    else:
        with _bar(output) as progress:
            task = progress.add_task("", total=None, counts="", details="")
            yield lambda now: _move(progress, task, now)


@dataclass(frozen=True)
class OutputProgress:
    """Shows the progress of a command of the stack as messages. Implements `infra.local.progress.Progress`."""

    output: Output

    def say(self, text: str) -> None:
        """Shows a line."""
        self.output.print_message(text)

    def follow_report(self) -> AbstractContextManager[Show]:
        """Returns a context manager of what shows how far a report is."""
        return show_reports(self.output)


def _bar(output: Output) -> Progress:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415  # only needed on terminals

    return Progress(
        TextColumn("{task.description:<10}"),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[counts]}"),
        TextColumn("{task.fields[details]}", markup=False),
        TimeElapsedColumn(),
        console=output.messages,
    )


def _move(progress: Progress, task: TaskID, report: Mapping[str, Any]) -> None:
    done, expected = report["progress"]["rowsDone"], report["progress"]["rowsExpected"]
    rate = progress.tasks[task].finished_speed or progress.tasks[task].speed
    details = describe_progress(report, rate)
    progress.update(
        task,
        description=report["status"],
        completed=done,
        total=expected,
        counts=", ".join(filter(None, (_files(report), count(done, "row")))),
        details=clean(details).plain,
    )


def _files(report: Mapping[str, Any]) -> str:
    """Returns the number of files of a split report that are stored, and of all; otherwise an empty string."""
    if (split := report.get("split")) is None:
        return ""
    formats = len(report["formats"])
    done, keys, failed = split["files"], split["keys"], split["filesFailed"]
    shown = count(done, "file") if keys is None else f"{done:,} of {count(keys * formats, 'file')}"
    return f"{shown}, {failed:,} failed" if failed else shown


def describe_progress(report: Mapping[str, Any], rows_per_second: float | None = None) -> str:
    """Returns the queue position, stage, rows per second and remaining time, as far as they are known."""
    progress, parts = report["progress"], []
    if (ahead := progress.get("queuePosition")) is not None:
        parts.append("next in the queue" if ahead == 0 else f"{ahead:,} ahead in the queue")
    if waiting := report.get("waitingFor"):
        parts.append(f"waiting for the {waiting['dependency'].replace('-', ' ')}, which is unavailable")
    elif stage := progress.get("stage"):
        parts.append(str(stage))
    if report["status"] == "READY":
        rows_per_second = (report.get("metrics") or {}).get("rowsPerSecond")
    if rows_per_second:
        parts.append(f"{rows_per_second:,.0f} rows/s")
    if (eta := progress.get("etaSeconds")) is not None and report["status"] not in ENDED:
        parts.append(f"ETA {duration(eta)}")
    if report["attempt"] - report.get("continuations", 0) > 1:
        parts.append(f"attempt {report['attempt']}")
    return ", ".join(parts)


def _line_printer(output: Output) -> Show:
    last_status, last_time = "", 0.0

    def print_line(report: Mapping[str, Any]) -> None:
        nonlocal last_status, last_time
        if report["status"] == last_status and time.monotonic() - last_time < LINE_SECONDS:
            return
        last_status, last_time = report["status"], time.monotonic()
        expected = report["progress"]["rowsExpected"]
        total = expected if expected is not None else report["progress"]["rowsDone"]
        done = f"{report['progress']['rowsDone']:,} of " if expected is not None else ""
        counts = f"{done}{count(total, 'row')}"
        output.print_message(
            f"{last_status}: {', '.join(filter(None, (_files(report), counts, describe_progress(report))))}"
        )

    return print_line


ShowFiles = Callable[[int, int], None]
"""Shows the number of files that are done, and their bytes."""


@contextmanager
def show_files(output: Output, total: int | None) -> Iterator[ShowFiles]:
    """Yields what shows how many of `total` files are done: a bar, lines, or nothing where `output` is quiet."""
    if output.is_quiet:
        yield lambda _files, _bytes: None
    elif not output.messages.is_terminal:
        yield _file_line_printer(output, total)
    else:
        with _bar(output) as progress:
            task = progress.add_task("files", total=total, counts="", details="")

            def move(files: int, size: int) -> None:
                details = f"{size / 1_000_000:,.1f} MB"
                progress.update(task, completed=files, counts=_of_total(files, total), details=details)

            yield move


def _file_line_printer(output: Output, total: int | None) -> ShowFiles:
    last_time = time.monotonic()

    def print_line(files: int, size: int) -> None:
        nonlocal last_time
        if time.monotonic() - last_time >= LINE_SECONDS:
            last_time = time.monotonic()
            output.print_message(f"{_of_total(files, total)}, {count(size, 'byte')}")

    return print_line


def _of_total(files: int, total: int | None) -> str:
    return count(files, "file") if total is None else f"{files:,} of {count(total, 'file')}"
