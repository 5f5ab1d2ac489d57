"""A worker makes a split report in 160 MB, in each format, also if one key has very many rows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from infra.paths import ROOT
from infra.servers.postgres import PostgresServer
from tests.support.discarding_store import discarding_store
from tests.support.peak_of_manifest import DATABASE_URL
from tests.support.system import System
from tests.support.worker_heap import worker_heap

MAX_PEAK_MB = 160
SMALL_KEYS = 300
LARGE_ROWS = 120_000

_REPORT = """title = "Bookings"
file_name = "bookings"
sort = ["account", "id"]

[split]
by = ["account"]
file_name = "bookings-{account}"

[totals]
amounts = ["amount"]
currency = "currency"

[columns]
account = "text"
id = "integer"
memo = "text"
currency = "text"
amount = { kind = "amount", scale = 2 }

[filters]
account = "text"
"""
_QUERY = f"""SELECT 'A' || lpad(k::text, 4, '0') AS account, i AS id, md5((k * 7919 + i)::text) AS memo,
       CASE WHEN i %% 3 = 0 THEN 'USD' ELSE 'EUR' END AS currency, (k * 1.25 + i)::numeric(20, 2) AS amount
FROM generate_series(0, {SMALL_KEYS}) AS k
CROSS JOIN LATERAL generate_series(1, CASE WHEN k = 7 THEN {LARGE_ROWS} ELSE 12 END) AS i
WHERE %(tenant_id)s::text = 'demo' AND (%(account)s::text IS NULL OR 'A' || lpad(k::text, 4, '0') = %(account)s)"""


@pytest.fixture(autouse=True)
def _catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "catalog" / "bookings"
    folder.mkdir(parents=True)
    (folder / "report.toml").write_text(_REPORT)
    (folder / "query.sql").write_text(_QUERY)
    monkeypatch.setenv("RESMA_CATALOG", str(folder.parent))


@pytest.mark.parametrize("formats", [["CSV", "PDF"], ["XLSX"], ["PARQUET"]])
def test_memory_is_bounded_in_each_format(postgres: PostgresServer, system: System, formats: list[str]) -> None:
    report_id = system.request_report(type="BOOKINGS", formats=formats, splitBy=["account"])
    figures = _run(postgres.url, report_id)
    assert figures["result"] == "READY"
    report = system.show(report_id)
    assert (report["status"], report["rows"]) == ("READY", LARGE_ROWS + 12 * SMALL_KEYS)
    assert report["split"]["files"] == (SMALL_KEYS + 1) * len(formats)
    assert figures["peak_mb"] < MAX_PEAK_MB, figures


def _run(database_url: str, report_id: UUID) -> dict[str, Any]:
    with discarding_store() as store:
        environment = {
            **os.environ,
            **worker_heap(),
            "PYTHONPATH": "functions",
            DATABASE_URL: database_url,
            "AWS_ENDPOINT_URL": store,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        command = [sys.executable, "-m", "tests.support.peak_of_split", str(report_id)]
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures
