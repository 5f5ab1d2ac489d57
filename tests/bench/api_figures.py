"""The API function: how long a fresh interpreter takes to import it, and what a warm POST takes of its own."""

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
    """Each time in a fresh interpreter; the first only compiles, as a deployment package would be."""
    say("api: cold import")
    environment = {**os.environ, "PYTHONPATH": str(FUNCTIONS), "PYTHONPYCACHEPREFIX": str(FOLDER / "bytecode")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-c", _IMPORT]
    found = []
    for _ in range(_IMPORTS + 1):
        child = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
        if child.returncode != 0:
            raise MeasurementFailedError(f"importing api.app ended with {child.returncode}")
        found.append(tuple(map(float, child.stdout.split())))
    seconds = [second for second, _ in found[1:]]
    note = f"{_IMPORTS} fresh interpreters"
    return Result(IMPORT, "SYSTEM", 0, min(seconds), median(seconds), max(peak for _, peak in found), note=note)


def measure_post(bank: Bank, aws: Aws, say: Say) -> Result:
    """What it waited for the queue is not counted; Postgres is. The rows that it made are removed."""
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
        note="without waiting for the queue",
    )
