"""Measures in rounds: COPY and then the case that is compared with it, so that load on the machine slows both."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from infra.paths import FUNCTIONS, ROOT
from tests.bench.cases import COPY, Peer
from tests.bench.goals import GROWTH
from tests.bench.measure import DATABASE_URL, MeasurementRequest, MeasurementResult
from tests.bench.results import Group, Measurement, Result, combine
from tests.bench.servers import Aws, Bank
from tests.support.worker_heap import worker_heap

Say = Callable[[str], None]


class MeasurementFailedError(Exception):
    """A child process has failed. Its own error is printed above."""


@dataclass(frozen=True)
class Bench:
    """The bank to read and the store to upload to."""

    bank: Bank
    store: Aws
    say: Say
    copies: list[Measurement] = field(default_factory=list)
    """The measurements of COPY in all rounds so far."""

    def measure(self, request: MeasurementRequest) -> MeasurementResult:
        """Makes one measurement in a process of its own. Raises MeasurementFailedError."""
        result = run_child("tests.bench.measure", asdict(request), self._environment)
        run = Measurement(**result["run"]) if result["run"] else None
        return MeasurementResult(run, result["summary_seconds"], result["missing"])

    @property
    def _environment(self) -> dict[str, str]:
        return {**self.store.environment, **worker_heap(), DATABASE_URL: self.bank.reader_url}


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
        raise MeasurementFailedError(f"`{module} {argument}` ended with exit code {child.returncode}.")
    answer: dict[str, Any] = json.loads(child.stdout.splitlines()[-1])
    return answer


def record_failure(say: Say, failed: Result, take: Callable[[], list[Result]]) -> list[Result]:
    """Returns the result of `take`; if it fails, `failed` with a comment, so that the rest is still measured."""
    try:
        return take()
    except MeasurementFailedError as error:
        say(f"{failed.name} has failed: {error}")
        return [replace(failed, comment="failed, see above")]


def measure_ours(bench: Bench, format_: Group, rounds: int) -> list[Result]:
    """Measures Resma in one format, with the file discarded and uploaded; with PDF also encrypted, and the
    summary's time.
    """
    name = f"resma {format_.lower()}"
    copies, runs, uploads, summaries, encrypted = [], [], [], [], []
    for number in range(rounds):
        bench.say(f"{name}, {bench.bank.rows:,} rows: round {number + 1} of {rounds}")
        copies.append(_measure_copy(bench))
        answer = bench.measure(MeasurementRequest(name))
        runs.append(_run_of(answer))
        summaries.append(Measurement(runs[-1].rows, answer.summary_seconds or 0.0, runs[-1].peak_rss_mb))
        uploads.append(_run_of(bench.measure(MeasurementRequest(name, to_s3=True))))
        if format_ == "PDF":
            encrypted.append(_run_of(bench.measure(MeasurementRequest(name, encrypted=True))))
    rows = bench.bank.rows
    whole = min(run.seconds + summary.seconds for run, summary in zip(runs, summaries, strict=True))
    comment = f"{whole:.2f} s with the summary, {whole / min(copy.seconds for copy in copies):.2f} x"
    results = [
        combine(name, format_, runs, copies, rows, comment=comment),
        combine(f"{name} to s3", format_, uploads, copies, rows, comment=bench.store.name),
    ]
    if format_ == "PDF":
        results.append(combine(f"{name} encrypted", "SYSTEM", encrypted, copies, rows, comment="with a password"))
        results.append(
            combine("resma summary", "SYSTEM", summaries, copies, rows, comment="before the rows, for each format")
        )
    return results


def measure_growth(small: Bench, large: Bench, rounds: int) -> list[Result]:
    """Measures PDF on the larger bank between two measurements on the smaller, so that load slows both."""
    by_rows: dict[int, tuple[list[Measurement], list[Measurement]]] = {b.bank.rows: ([], []) for b in (small, large)}
    for number in range(rounds):
        large.say(f"resma pdf, {large.bank.rows:,} rows beside {small.bank.rows:,}: round {number + 1} of {rounds}")
        for bench in (small, large, small):
            copies, runs = by_rows[bench.bank.rows]
            copies.append(_measure_copy(bench))
            runs.append(_run_of(bench.measure(MeasurementRequest("resma pdf"))))
    return [
        combine(GROWTH, "SYSTEM", runs, copies, rows, comment="PDF, in rounds of both sizes")
        for rows, (copies, runs) in by_rows.items()
    ]


def measure_peer(bench: Bench, peer: Peer, rounds: int) -> Result:
    """Measures a peer. If it cannot run, the result's comment says what it needs.

    Raises MeasurementFailedError if it writes fewer rows than requested.
    """
    copies, runs = [], []
    size = f"{peer.rows:,} of " if peer.rows else ""
    for number in range(rounds):
        bench.say(f"{peer.name}, {size}{bench.bank.rows:,} rows: round {number + 1} of {rounds}")
        copies.append(_measure_copy(bench))
        answer = bench.measure(MeasurementRequest(peer.name))
        if answer.run is None:
            bench.say(f"{peer.name} {answer.missing}")
            return Result(peer.name, peer.group, bench.bank.rows, comment=answer.missing)
        if answer.run.rows != (peer.rows or bench.bank.rows):  # fewer rows would look faster
            raise MeasurementFailedError(f"{peer.name} wrote {answer.run.rows:,} rows.")
        runs.append(answer.run)
    return combine(peer.name, peer.group, runs, copies, bench.bank.rows)


def combine_copies(bench: Bench) -> Result:
    """Returns the result of COPY over all rounds on this bank."""
    return combine(COPY.name, COPY.group, bench.copies, bench.copies, bench.bank.rows)


def _measure_copy(bench: Bench) -> Measurement:
    run = _run_of(bench.measure(MeasurementRequest(COPY.name)))
    bench.copies.append(run)
    return run


def _run_of(answer: MeasurementResult) -> Measurement:
    if answer.run is None:
        raise MeasurementFailedError(answer.missing)
    return answer.run
