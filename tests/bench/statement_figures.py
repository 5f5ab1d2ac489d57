"""Measures small files: statements of one page, each with its own writer, in a process of its own.

Usage of the child process: python -m tests.bench.statement_figures '{"format_": "PDF", "rounds": 3}'.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass
from statistics import median

from tests.bench.goals import STATEMENTS, STATEMENTS_CSV, STATEMENTS_PDF
from tests.bench.results import Result
from tests.bench.rounds import Say, run_child
from tests.bench.statements import statements, write_all
from tests.support.worker_heap import worker_heap
from worker.peak_memory import peak_rss_mb, reset_peak

_WARMING = 20


@dataclass(frozen=True, slots=True)
class StatementRounds:
    """What the child process measures."""

    format_: str
    rounds: int


def measure_statements(say: Say, rounds: int) -> list[Result]:
    """Measures PDF and CSV. Without database and store: the time is that of the writer and of the SHA-256."""
    results = []
    for name, format_ in ((STATEMENTS_PDF, "PDF"), (STATEMENTS_CSV, "CSV")):
        say(f"{STATEMENTS:,} statements of one page, {format_}")
        answer = run_child("tests.bench.statement_figures", asdict(StatementRounds(format_, rounds)), worker_heap())
        seconds, size = answer["seconds"], answer["bytes"] / STATEMENTS
        comment = f"{STATEMENTS:,} files, {STATEMENTS / min(seconds):,.0f} per second, {size:,.0f} bytes each"
        results.append(
            Result(
                name,
                "SYSTEM",
                0,
                min(seconds),
                median(seconds),
                answer["peak_rss_mb"],
                bytes_per_file=size,
                comment=comment,
            )
        )
    return results


def _measure(request: StatementRounds) -> dict[str, object]:
    files = list(statements(STATEMENTS))
    write_all(request.format_, files[:_WARMING])
    reset_peak()
    seconds, size = [], 0
    for _ in range(request.rounds):
        started = time.perf_counter()
        size = write_all(request.format_, files)
        seconds.append(time.perf_counter() - started)
    return {"seconds": seconds, "bytes": size, "peak_rss_mb": peak_rss_mb()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_measure(StatementRounds(**json.loads(sys.argv[1])))) + "\n")
