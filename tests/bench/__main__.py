"""`make bench`: measures Resma and other libraries (peers) in one run, on the same rows.

QUICK=1 leaves out the slow peers and the 5 million rows. FULL=1 adds 20 million rows, which need 4 GB of disk and some
minutes to create.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from infra.errors import StackError
from infra.paths import ROOT
from tests.bench.api_figures import measure_import, measure_post
from tests.bench.cases import FAST, FORMATS, SLOW
from tests.bench.chart import draw
from tests.bench.demo_figure import measure_demo
from tests.bench.goals import FIVE_MILLION, GROWTH, HALF_A_MILLION, IMPORT, POST, STATEMENTS_PDF, TWENTY_MILLION
from tests.bench.report import as_json, goals_table, table
from tests.bench.results import Result
from tests.bench.rounds import (
    Bench,
    MeasurementFailedError,
    Say,
    combine_copies,
    measure_growth,
    measure_ours,
    measure_peer,
    record_failure,
)
from tests.bench.scaling_figure import measure_scaling
from tests.bench.servers import FOLDER, Aws, Bank, aws_stand_in, object_store, open_bank, postgres_server
from tests.bench.statement_figures import measure_statements

JSON = ROOT / "bench.json"
CHART = ROOT / "docs" / "bench.svg"
QUICK_CHART = FOLDER / "bench.svg"


@dataclass(frozen=True)
class BenchPlan:
    """The extent of a benchmark run."""

    quick: bool
    full: bool

    @property
    def rounds(self) -> int:
        """Number of rounds of Resma on 500 thousand rows."""
        return 8 if self.quick else 10

    @property
    def peer_rounds(self) -> int:
        """Number of rounds of each peer. Few are enough, because their times differ clearly from Resma's."""
        return 1 if self.quick else 3

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """The larger banks, with the number of rounds on each."""
        return [*([] if self.quick else [(FIVE_MILLION, 2)]), *([(TWENTY_MILLION, 1)] if self.full else [])]


@dataclass
class ProgressLog:
    """Prints what is being done, with the time since the start."""

    started: float = field(default_factory=time.monotonic)

    def __call__(self, text: str) -> None:
        """Prints a line."""
        sys.stdout.write(f"[{time.monotonic() - self.started:5.0f} s] {text}\n")
        sys.stdout.flush()


def main() -> int:
    """Runs the benchmark; returns the exit code.

    0: everything was measured, whether goals are met or not. 1: something of Resma was not measured. 130: interrupted.
    """
    plan = BenchPlan(quick=bool(os.environ.get("QUICK")), full=bool(os.environ.get("FULL")))
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    try:
        with alone():
            results = measure(plan, ProgressLog())
    except (StackError, MeasurementFailedError) as error:
        sys.stdout.write(f"failed: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stdout.write("interrupted: all processes that were started have ended\n")
        return 130
    write(plan, results)
    return int(any(result.seconds is None for result in results if result.is_ours))


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Prevents two benchmarks at the same time, which would slow each other down. Raises StackError."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StackError("Another `make bench` is running. Wait until it has ended.") from error
        yield


def measure(plan: BenchPlan, say: Say) -> list[Result]:
    """Measures everything in the plan, in this order."""
    results: list[Result] = []
    with aws_stand_in() as aws, object_store(otherwise=aws) as store:
        say(f"uploads go to {store.name}")
        with postgres_server() as server:
            say(f"the demo bank of {HALF_A_MILLION:,} transactions")
            bank = open_bank(server, HALF_A_MILLION)
            small = Bench(bank, store, say)
            results += measure_half_a_million(small, plan)
            results += measure_api(bank, aws, say)
            results += measure_small_files(say, 3 if plan.quick else 6)
            for rows, rounds in plan.sizes:
                say(f"the demo bank of {rows:,} transactions")
                bench = Bench(open_bank(server, rows), store, say)
                results += measure_formats(bench, rounds)
                if rows == FIVE_MILLION:
                    failed = Result(GROWTH, "SYSTEM", rows)
                    results += record_failure(say, failed, partial(measure_growth, small, bench, rounds + 1))
                results.append(combine_copies(bench))
    results += measure_demo(say, warm_runs=2 if plan.quick else 4)
    return results if plan.quick else results + measure_scaling(say)


def measure_half_a_million(bench: Bench, plan: BenchPlan) -> list[Result]:
    """Measures Resma and the peers on 500 thousand rows."""
    results = measure_formats(bench, plan.rounds)
    results += [measure_peer(bench, peer, plan.peer_rounds) for peer in FAST]
    results += [measure_peer(bench, peer, plan.peer_rounds) for peer in SLOW if peer.in_quick or not plan.quick]
    return [combine_copies(bench), *results]


def measure_formats(bench: Bench, rounds: int) -> list[Result]:
    """Measures Resma in every format."""
    results: list[Result] = []
    for format_ in FORMATS:
        failed = Result(f"resma {format_.lower()}", format_, bench.bank.rows)
        results += record_failure(bench.say, failed, partial(measure_ours, bench, format_, rounds))
    return results


def measure_api(bank: Bank, aws: Aws, say: Say) -> list[Result]:
    """Measures the API function."""
    results = record_failure(say, Result(IMPORT, "SYSTEM", 0), lambda: [measure_import(say)])
    return results + record_failure(say, Result(POST, "SYSTEM", 0), lambda: [measure_post(bank, aws, say)])


def measure_small_files(say: Say, rounds: int) -> list[Result]:
    """Measures statements of one page."""
    failed = Result(STATEMENTS_PDF, "SYSTEM", 0)
    return record_failure(say, failed, partial(measure_statements, say, rounds))


def write(plan: BenchPlan, results: list[Result]) -> None:
    """Prints the table, writes bench.json and draws the chart. A quick run does not change the README's chart."""
    JSON.write_text(as_json(results), encoding="utf-8")
    chart = QUICK_CHART if plan.quick else CHART
    chart.write_text(draw(results), encoding="utf-8")
    sys.stdout.write(table(results) + "\n" + goals_table(results) + "\n")
    sys.stdout.write(f"\nwrote {JSON.relative_to(ROOT)} and {chart.relative_to(ROOT)}\n")


if __name__ == "__main__":
    sys.exit(main())
