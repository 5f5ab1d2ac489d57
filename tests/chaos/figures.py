"""Prints the progress and the results of a chaos run."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.chaos.recovery import RecoveredOutage
from tests.chaos.run import ChaosResult
from tests.chaos.verify import FAILURES

MAX_LISTED = 20
"""Maximum number of failures of a kind that are printed."""


class ProgressLine:
    """A line of the terminal that shows the progress of a run."""

    def __init__(self, console: Console, reports: int) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed} of {task.total} accepted"),
            TextColumn("{task.fields[ended]}"), TimeElapsedColumn(), console=console,
        )  # fmt: skip
        self._task = self._progress.add_task("reports", total=reports, ended="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def report_step(self, text: str) -> None:
        """Prints that a step is done."""
        self._progress.console.print(text)

    def show(self, accepted: int, ended: dict[str, int], faults: int) -> None:
        """Shows the present counts."""
        statuses = ", ".join(f"{count} {status}" for status, count in sorted(ended.items()))
        self._progress.update(self._task, completed=accepted, ended=f"{statuses}; {faults} faults")


def _outage_table(recovered: Sequence[RecoveredOutage]) -> Table:
    table = Table(
        "outage of", "mode", "seconds", "tries", "waiting", "reports", "done, median", "done, worst",
        title="outages: connections tried, reports waiting, reports in progress at its end, their seconds until done",
        title_justify="left",
    )  # fmt: skip
    for recovery in recovered:
        outage = recovery.outage
        tries = "-" if outage.mode == "no-connections" else str(outage.connections)
        table.add_row(
            outage.dependency, outage.mode, f"{outage.ended - outage.began:.0f}", tries, str(outage.waiting),
            str(recovery.reports), f"{recovery.median_seconds}", f"{recovery.worst_seconds}",
        )  # fmt: skip
    return table


def print_figures(console: Console, outcome: ChaosResult) -> None:
    """Prints a table of figures, and the failures if there are any."""
    verdict, workload, recovery = outcome.verdict, outcome.workload, outcome.injectors.recovery
    table = Table("figure", "", title=f"chaos, seed {outcome.plan.seed}", title_justify="left")
    for status, count in sorted(verdict.ends.items()):
        table.add_row(f"reports {status}", str(count))
    for attempt, count in sorted(verdict.attempts.items()):
        table.add_row(f"ended in attempt {attempt}", str(count))
    for kind, count in sorted(outcome.injectors.faults.counts().items()):
        table.add_row(f"fault: {kind}", str(count))
    table.add_row("requests retried by callers", str(workload.retries))
    table.add_row("duplicate messages sent", str(outcome.injectors.faults.duplicates))
    table.add_row("webhooks accepted twice under one id", str(verdict.duplicate_webhooks))
    delivered = verdict.delivered
    table.add_row("deliveries to destinations DELIVERED", str(delivered.deliveries))
    table.add_row("files at destinations", str(delivered.files))
    for code, count in sorted(delivered.errors.items()):
        table.add_row(f"delivery attempts: {code}", str(count))
    table.add_row("seconds to deliver, median", f"{delivered.median_seconds}")
    table.add_row("seconds to deliver, worst", f"{delivered.worst_seconds}")
    table.add_row("jobs continued by another worker", str(len(recovery.seconds)))
    table.add_row("seconds to recover, median", f"{recovery.median_seconds}")
    table.add_row("seconds to recover, worst", f"{recovery.worst_seconds}")
    console.print(table)
    if outcome.recovered:
        console.print(_outage_table(outcome.recovered))
        console.print(f"attempts that outages used up: {outcome.attempts_used_by_outages}")
    for name in FAILURES:
        failures: list[str] = getattr(verdict, name)
        for failure in failures[:MAX_LISTED]:
            console.print(f"[red]{name}[/]: {failure}", highlight=False)
        if len(failures) > MAX_LISTED:
            console.print(f"[red]{name}[/]: and {len(failures) - MAX_LISTED} more")
    if not verdict.is_valid:
        console.print(
            f"The functions' logs are in {outcome.folder / 'logs'}, those of Postgres and LocalStack beside it."
        )
