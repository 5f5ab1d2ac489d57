"""The child process: makes one measurement, and prints its result as one line of JSON.

Usage: python -m tests.bench.measure '{"name": "resma csv", ...}'. A run over fewer rows, before the clock is started,
loads lazy imports.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict, dataclass, replace
from importlib import import_module

from tests.bench.cases import Peer, find_peer
from tests.bench.results import Measurement
from tests.bench.sink import Sink
from tests.bench.source import open_source
from worker.peak_memory import peak_rss_mb, reset_peak

DATABASE_URL = "RESMA_BENCH_DATABASE_URL"
"""Environment variable with the database's URL. It is not an argument, because all users can read those."""

_WARMING_ROWS = 50


@dataclass(frozen=True, slots=True)
class MeasurementRequest:
    """What to measure."""

    name: str
    """Name of a peer, or `resma` and a format."""
    to_s3: bool = False
    encrypted: bool = False
    """Whether a PDF has a password."""


@dataclass(frozen=True, slots=True)
class MeasurementResult:
    """The result of a measurement. `missing` says why it cannot run here; only Resma has `summary_seconds`."""

    run: Measurement | None = None
    summary_seconds: float | None = None
    missing: str = ""


def measure(request: MeasurementRequest, url: str) -> MeasurementResult:
    """Runs a case over fewer rows to warm up, then resets clock and peak memory, and runs it over all rows."""
    if request.name.startswith("resma "):
        return _measure_engine(request, url)
    return _measure_peer(find_peer(request.name), url)


def _measure_engine(request: MeasurementRequest, url: str) -> MeasurementResult:
    from tests.bench.engine import EngineOptions, generate

    format_ = request.name.removeprefix("resma ").upper()
    options = EngineOptions(url, to_s3=request.to_s3, encrypted=request.encrypted)
    generate(format_, Sink(), replace(options, one_month=True))
    reset_peak()
    made = generate(format_, Sink(), options)
    return MeasurementResult(Measurement(made.rows, made.seconds, peak_rss_mb()), made.summary_seconds)


def _measure_peer(peer: Peer, url: str) -> MeasurementResult:
    try:
        write = import_module(peer.module).write
    except (ImportError, OSError) as error:  # OSError: a shared library is missing
        return MeasurementResult(missing=peer.needs or f"cannot be imported: {error}")
    warming = open_source(url, _WARMING_ROWS)
    write(warming, Sink())
    warming.connection.close()
    source = open_source(url, peer.rows)
    reset_peak()
    started = time.perf_counter()
    rows = write(source, Sink())
    return MeasurementResult(Measurement(rows, time.perf_counter() - started, peak_rss_mb()))


if __name__ == "__main__":
    sys.stdout.write(
        json.dumps(asdict(measure(MeasurementRequest(**json.loads(sys.argv[1])), os.environ[DATABASE_URL]))) + "\n"
    )
