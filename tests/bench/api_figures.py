"""Measures the API function: its import in a new interpreter, and the function's own time of a warm POST."""

from __future__ import annotations

import os
import subprocess
import sys
from statistics import median

import psycopg

from infra.admin.tenants import set_quotas
from infra.paths import FUNCTIONS, ROOT
from tests.bench.goals import IMPORT, POST
from tests.bench.results import Result
from tests.bench.rounds import MeasurementFailedError, Say, run_child
from tests.bench.servers import FOLDER, Aws, Bank
from tests.bench.source import TENANT

_IMPORT = """
import time
started = time.perf_counter()
import api.app
seconds = time.perf_counter() - started
from worker.peak_memory import peak_rss_mb
print(seconds, peak_rss_mb())
"""
_IMPORTS = 9


def measure_import(say: Say) -> Result:
    """Measures the import, each time in a new interpreter, without the first run, which compiles the modules."""
    say("api: cold import")
    environment = {**os.environ, "PYTHONPATH": str(FUNCTIONS), "PYTHONPYCACHEPREFIX": str(FOLDER / "bytecode")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-c", _IMPORT]
    measured = []
    for _ in range(_IMPORTS + 1):
        child = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
        if child.returncode != 0:
            raise MeasurementFailedError(f"The import of api.app ended with exit code {child.returncode}.")
        measured.append(tuple(map(float, child.stdout.split())))
    seconds = [second for second, _ in measured[1:]]
    comment = f"{_IMPORTS} new interpreters"
    return Result(
        IMPORT, "SYSTEM", 0, min(seconds), median(seconds), max(peak for _, peak in measured), comment=comment
    )


def measure_post(bank: Bank, aws: Aws, say: Say) -> Result:
    """Measures warm POSTs. The time includes Postgres but not the queue. The rows that they insert are removed."""
    say("api: POST, warm")
    with psycopg.connect(bank.admin_url) as connection:
        set_quotas(connection, TENANT, {"requests_per_second": 100_000, "requests_burst": 100_000})
    environment = {**aws.environment, "DATABASE_URL": bank.admin_url, "APP_PASSWORD": bank.app_password}
    answer = run_child("tests.bench.api_post", {}, environment)
    with psycopg.connect(bank.admin_url) as connection:
        connection.execute("DELETE FROM resma.reports")
    own = answer["own_seconds"]
    return Result(
        POST,
        "SYSTEM",
        0,
        min(own),
        median(own),
        answer["peak_rss_mb"],
        comment="without waiting for the queue",
    )
