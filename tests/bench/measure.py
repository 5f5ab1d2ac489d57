"""The child process: measures one thing once, and prints what it found as one line of JSON.

Usage: python -m tests.bench.measure '{"name": "resma csv", ...}'. What is loaded late is loaded before the clock
starts, by a run over fewer rows.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from importlib import import_module

from tests.bench.cases import Peer, find_peer
from tests.bench.results import Run
from tests.bench.sink import Sink
from tests.bench.source import open_source
from worker.peak_memory import peak_rss_mb, reset_peak

DATABASE_URL = "RESMA_BENCH_DATABASE_URL"
"""Environment variable: a process' arguments are everybody's to read."""

_WARMING_ROWS = 50


@dataclass(frozen=True, slots=True)
class Order:
    """What to measure."""

    name: str
    """A peer's, or `resma` and a format."""
    to_s3: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it. `missing` says why it can't run here; `summary_seconds` are ours only."""

    run: Run | None = None
    summary_seconds: float | None = None
    missing: str = ""


def measure(order: Order, url: str) -> Answer:
    """Runs it over fewer rows, then over all that are asked for with the clock and the memory's mark set anew."""
    if order.name.startswith("resma "):
        return _measure_engine(order, url)
    return _measure_peer(find_peer(order.name), url)


def _measure_engine(order: Order, url: str) -> Answer:
    from tests.bench.engine import EngineOptions, generate

    format_ = order.name.removeprefix("resma ").upper()
    generate(format_, Sink(), EngineOptions(url, one_month=True, to_s3=order.to_s3))
    reset_peak()
    made = generate(format_, Sink(), EngineOptions(url, to_s3=order.to_s3))
    return Answer(Run(made.rows, made.seconds, peak_rss_mb()), made.summary_seconds)


def _measure_peer(peer: Peer, url: str) -> Answer:
    try:
        write = import_module(peer.module).write
    except (ImportError, OSError) as error:  # a library that Python's own needs is not there
        return Answer(missing=peer.needs or f"can't be imported: {error}")
    warming = open_source(url, _WARMING_ROWS)
    write(warming, Sink())
    warming.connection.close()
    source = open_source(url, peer.rows)
    reset_peak()
    started = time.perf_counter()
    rows = write(source, Sink())
    return Answer(Run(rows, time.perf_counter() - started, peak_rss_mb()))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(measure(Order(**json.loads(sys.argv[1])), os.environ[DATABASE_URL]))) + "\n")
