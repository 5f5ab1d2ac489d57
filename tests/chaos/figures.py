"""How a run goes, and what it came to, for people."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.chaos.recovery import RecoveredOutage
from tests.chaos.run import Outcome

LISTED = 20


class Ticker:
    """A line that shows how it goes."""

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

    def say(self, text: str) -> None:
        """A step is done."""
        self._progress.console.print(text)

    def show(self, accepted: int, ended: dict[str, int], faults: int) -> None:
        """Shows the counts of this moment."""
        statuses = ", ".join(f"{count} {status}" for status, count in sorted(ended.items()))
        self._progress.update(self._task, completed=accepted, ended=f"{statuses}; {faults} faults")


def _outage_table(recovered: Sequence[RecoveredOutage]) -> Table:
    table = Table(
        "outage of", "mode", "seconds", "tries", "waiting", "reports", "done, median", "done, worst",
        title="outages: connections tried, reports that waited, those under way at its end, and their seconds after it",
        title_justify="left",
    )  # fmt: skip
    for each in recovered:
        outage = each.outage
        tried = "-" if outage.mode == "no-connections" else str(outage.connections)
        table.add_row(
            outage.dependency, outage.mode, f"{outage.ended - outage.began:.0f}", tried, str(outage.waiting),
            str(each.reports), f"{each.median_seconds}", f"{each.worst_seconds}",
        )  # fmt: skip
    return table


def print_figures(console: Console, outcome: Outcome) -> None:
    """Prints a table of figures, and what is wrong, if anything is."""
    verdict, workload, recovery = outcome.verdict, outcome.workload, outcome.injectors.recovery
    table = Table("figure", "", title=f"chaos, seed {outcome.plan.seed}", title_justify="left")
    for status, count in sorted(verdict.ends.items()):
        table.add_row(f"reports {status}", str(count))
    for attempt, count in sorted(verdict.attempts.items()):
        table.add_row(f"ended in attempt {attempt}", str(count))
    for kind, count in sorted(outcome.injectors.faults.counts().items()):
        table.add_row(f"fault: {kind}", str(count))
    table.add_row("requests sent again by callers", str(workload.asked_again))
    table.add_row("duplicate messages seen and absorbed", str(outcome.injectors.faults.duplicates))
    table.add_row("webhooks taken twice under one id", str(verdict.webhooks_twice))
    table.add_row("workers' jobs taken over", str(len(recovery.seconds)))
    table.add_row("seconds to recover, median", f"{recovery.median_seconds}")
    table.add_row("seconds to recover, worst", f"{recovery.worst_seconds}")
    console.print(table)
    if outcome.recovered:
        console.print(_outage_table(outcome.recovered))
        console.print(f"attempts that outages used up: {outcome.attempts_used_by_outages}")
    for name in ("lost", "doubled", "stuck", "open_uploads", "webhooks_missing"):
        wrong: list[str] = getattr(verdict, name)
        for sentence in wrong[:LISTED]:
            console.print(f"[red]{name}[/]: {sentence}", highlight=False)
        if len(wrong) > LISTED:
            console.print(f"[red]{name}[/]: and {len(wrong) - LISTED} more")
    if not verdict.is_valid:
        console.print(f"the functions' logs are in {outcome.folder / 'logs'}, Postgres' and LocalStack's beside it")
