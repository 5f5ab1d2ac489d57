"""Rounds: COPY, then what is compared with it, then COPY again. What slows the machine down slows both."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from infra.paths import FUNCTIONS, ROOT, TEMPLATE
from infra.template import read_template
from tests.bench.cases import COPY, Peer
from tests.bench.goals import GROWTH
from tests.bench.measure import DATABASE_URL, Answer, Order
from tests.bench.results import Group, Result, Run, combine
from tests.bench.servers import Aws, Bank

Say = Callable[[str], None]


class MeasurementFailedError(Exception):
    """A child process did not answer; its own error is above this one."""


@dataclass(frozen=True)
class Bench:
    """Where measurements run: on these rows, uploading to this store."""

    bank: Bank
    store: Aws
    say: Say
    copies: list[Run] = field(default_factory=list)
    """Every COPY of every round so far."""

    def measure(self, order: Order) -> Answer:
        """Runs one measurement in a process of its own. Raises MeasurementFailedError."""
        found = run_child("tests.bench.measure", asdict(order), self._environment)
        run = Run(**found["run"]) if found["run"] else None
        return Answer(run, found["summary_seconds"], found["missing"])

    @property
    def _environment(self) -> dict[str, str]:
        return {**self.store.environment, **worker_heap(), DATABASE_URL: self.bank.reader_url}


def worker_heap() -> dict[str, str]:
    """glibc's variables as template.yaml sets them for the worker."""
    variables = read_template(TEMPLATE)["Resources"]["WorkerFunction"]["Properties"]["Environment"]["Variables"]
    return {name: value for name, value in variables.items() if name.startswith("MALLOC_")}


def run_child(module: str, argument: dict[str, Any], environment: dict[str, str]) -> dict[str, Any]:
    """Runs `python -m module '{...}'` and returns the JSON that it prints. Raises MeasurementFailedError."""
    child = subprocess.run(
        [sys.executable, "-m", module, json.dumps(argument)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(FUNCTIONS), "POWERTOOLS_LOG_LEVEL": "CRITICAL", **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=False,
    )
    if child.returncode != 0:
        raise MeasurementFailedError(f"{module} {argument} ended with {child.returncode}")
    answer: dict[str, Any] = json.loads(child.stdout.splitlines()[-1])
    return answer


def note_failure(say: Say, failed: Result, take: Callable[[], list[Result]]) -> list[Result]:
    """What `take` returns; where it fails, `failed` with a note, so that the rest is measured all the same."""
    try:
        return take()
    except MeasurementFailedError as error:
        say(f"{failed.name} has failed: {error}")
        return [replace(failed, note="failed, see above")]


def measure_ours(bench: Bench, format_: Group, rounds: int) -> list[Result]:
    """Resma in one format, discarded and uploaded; with PDF also the time that the summary before it took."""
    name = f"resma {format_.lower()}"
    copies, runs, uploads, summaries = [], [], [], []
    for number in range(rounds):
        bench.say(f"{name}, {bench.bank.rows:,} rows: round {number + 1} of {rounds}")
        copies.append(_measure_copy(bench))
        answer = bench.measure(Order(name))
        runs.append(_run_of(answer))
        summaries.append(Run(runs[-1].rows, answer.summary_seconds or 0.0, runs[-1].peak_rss_mb))
        uploads.append(_run_of(bench.measure(Order(name, to_s3=True))))
    rows = bench.bank.rows
    whole = min(run.seconds + summary.seconds for run, summary in zip(runs, summaries, strict=True))
    note = f"{whole:.2f} s with the summary, {whole / min(copy.seconds for copy in copies):.2f} x"
    results = [
        combine(name, format_, runs, copies, rows, note=note),
        combine(f"{name} to s3", format_, uploads, copies, rows, note=bench.store.name),
    ]
    if format_ == "PDF":
        results.append(
            combine("resma summary", "SYSTEM", summaries, copies, rows, note="before the rows, whatever the format")
        )
    return results


def measure_growth(small: Bench, large: Bench, rounds: int) -> list[Result]:
    """PDF of the larger bank between two of the smaller one's: what slows the machine down slows both."""
    found: dict[int, tuple[list[Run], list[Run]]] = {bench.bank.rows: ([], []) for bench in (small, large)}
    for number in range(rounds):
        large.say(f"resma pdf, {large.bank.rows:,} rows beside {small.bank.rows:,}: round {number + 1} of {rounds}")
        for bench in (small, large, small):
            copies, runs = found[bench.bank.rows]
            copies.append(_measure_copy(bench))
            runs.append(_run_of(bench.measure(Order("resma pdf"))))
    return [
        combine(GROWTH, "SYSTEM", runs, copies, rows, note="PDF, in rounds of both sizes")
        for rows, (copies, runs) in found.items()
    ]


def measure_peer(bench: Bench, peer: Peer, rounds: int) -> Result:
    """A peer; what it lacks is in the result's note.

    Raises MeasurementFailedError where it writes fewer rows than asked.
    """
    copies, runs = [], []
    size = f"{peer.rows:,} of " if peer.rows else ""
    for number in range(rounds):
        bench.say(f"{peer.name}, {size}{bench.bank.rows:,} rows: round {number + 1} of {rounds}")
        copies.append(_measure_copy(bench))
        answer = bench.measure(Order(peer.name))
        if answer.run is None:
            bench.say(f"{peer.name} {answer.missing}")
            return Result(peer.name, peer.group, bench.bank.rows, note=answer.missing)
        if answer.run.rows != (peer.rows or bench.bank.rows):  # what writes fewer would look quick
            raise MeasurementFailedError(f"{peer.name} wrote {answer.run.rows:,} rows")
        runs.append(answer.run)
    return combine(peer.name, peer.group, runs, copies, bench.bank.rows)


def sum_up_copies(bench: Bench) -> Result:
    """COPY's own row: of all rounds on this bank."""
    return combine(COPY.name, COPY.group, bench.copies, bench.copies, bench.bank.rows)


def _measure_copy(bench: Bench) -> Run:
    run = _run_of(bench.measure(Order(COPY.name)))
    bench.copies.append(run)
    return run


def _run_of(answer: Answer) -> Run:
    if answer.run is None:
        raise MeasurementFailedError(answer.missing)
    return answer.run
