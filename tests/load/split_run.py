"""`make split-run`: a split report of the demo bank's account statements. KEYS=1000, FORMAT=PDF, WORKERS=2, ZIP=1.

It runs on a stack of its own, with MinIO if it is on the PATH or in .resma/bin, otherwise with the emulator. It prints
files per second, the workers' peak memory and the cost, verifies all files with tests/support/verify_split.py, and
compares their sums with the database. The last line is one JSON object. The exit code is 1 if a file is wrong.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from infra.demo.load_demo_bank import load_demo_bank
from infra.deploy.cloudformation import AwsEndpoint
from infra.local.stack import Options
from infra.paths import STATE
from tests.load.watch_workers import WorkerUsage, WorkerWatch
from tests.support.client import Client, lift_quotas
from tests.support.downloaded_split import HEADINGS, download_split, statement_problems
from tests.support.local_stack import running_stack
from tests.support.minio import MINIO, minio_server
from tests.support.verify_split import verify

ROWS_PER_KEY = 40
"""Average number of transactions of an account in two years. The first account has a hundredth of all."""

PERIOD = {"from": "2025-07-01", "to": "2025-12-31"}
"""A quarter of the bank's two years: statements of about ten transactions, on one page."""

MAX_SECONDS = 3600


@dataclass(frozen=True)
class SplitRunOptions:
    """The options of the environment."""

    keys: int
    format: str
    workers: int
    zip: bool

    @classmethod
    def from_environment(cls) -> SplitRunOptions:
        """Reads the options."""
        return cls(
            keys=int(os.environ.get("KEYS") or 1000),
            format=os.environ.get("FORMAT") or "PDF",
            workers=int(os.environ.get("WORKERS") or 2),
            zip=os.environ.get("ZIP", "") not in {"", "0"},
        )


def main() -> int:
    """Makes the run with the options of the environment; returns the exit code."""
    options = SplitRunOptions.from_environment()
    with _client(os.environ.get("RESMA_LOAD_NAME", "split-run"), options) as client:
        _say(f"creating the demo bank of {options.keys:,} accounts")
        load_demo_bank(client.stack.up.database_url, options.keys * ROWS_PER_KEY, options.keys)
        lift_quotas(client.stack.up.database_url)
        view, metrics, usage = _generate(client, options)
        problems = _verify(client, view) if view["status"] == "READY" else [f"{view['status']}: {view['error']}"]
    for problem in problems[:20]:
        _say(f"problem: {problem}")
    summary = _summary(view, metrics, usage, problems)
    _say(", ".join(f"{name} {value}" for name, value in summary.items()))
    sys.stdout.write(json.dumps(summary) + "\n")
    return 1 if problems else 0


@contextlib.contextmanager
def _client(name: str, options: SplitRunOptions) -> Iterator[Client]:
    """Yields a client of a new stack."""
    with contextlib.ExitStack() as stack:
        STATE.mkdir(exist_ok=True)
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="split-run-", dir=STATE)))
        store = stack.enter_context(minio_server(folder)) if MINIO else None
        in_flight = {"ShardsInFlightPerReport": str(options.workers), "ShardsInFlightPerTenant": str(options.workers)}
        system = stack.enter_context(
            running_stack(name, Options(front_door_port=None, object_store=store, parameters=in_flight))
        )
        s3 = store and AwsEndpoint(store.url).client("s3", store.access_key_id, store.secret_access_key)
        yield stack.enter_context(contextlib.closing(Client(system, s3)))


def _generate(client: Client, options: SplitRunOptions) -> tuple[dict[str, Any], dict[str, Any], WorkerUsage]:
    """Generates the report; returns its status when it has ended, its metrics, and the usage of the workers."""
    _say(f"generating {options.keys:,} statements, {options.format}, by up to {options.workers} workers")
    with WorkerWatch(client) as watch:
        report_id = client.request_report(
            options.format,
            PERIOD,
            type="ACCOUNT_STATEMENT",
            splitBy=["account"],
            **({"zip": True} if options.zip else {}),
        )
        view = client.wait_for_status(report_id, "READY", "FAILED", seconds=MAX_SECONDS)
    return view, client.row(report_id)["metrics"] or {}, watch.usage


def _verify(client: Client, view: dict[str, Any]) -> list[str]:
    """Downloads all files, and returns all problems."""
    _say(f"downloading and verifying {view['split']['keys']:,} files")
    with TemporaryDirectory(prefix="split-files-", dir=STATE) as folder:
        lines = download_split(client, view["id"], Path(folder))
        return [*verify(Path(folder), HEADINGS), *statement_problems(client, PERIOD, lines)]


def _summary(view: dict[str, Any], metrics: dict[str, Any], usage: WorkerUsage, problems: list[str]) -> dict[str, Any]:
    seconds = metrics.get("seconds", {})
    return {
        "status": view["status"],
        "files": metrics.get("files"),
        "rows": view["rows"],
        "seconds": seconds.get("generate"),
        "files_per_second": metrics.get("filesPerSecond"),
        "stages": {name: value for name, value in seconds.items() if name not in {"generate", "queued"}},
        "workers": metrics.get("workers"),
        "peak_mb": usage.peak_mb,
        "worker_cpu_seconds": usage.cpu_seconds,
        "cost_usd": (metrics.get("costUsd") or {}).get("total"),
        "store": "MinIO" if MINIO else "emulator",
        "problems": len(problems),
    }


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
