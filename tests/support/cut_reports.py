"""Runs of a report that are stopped after some batches, and resumed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

import worker.app
from resma.errors import ResmaError
from resma.jobs.report_rows import Report, find_report
from resma.report.records import MetricsRecord
from tests.support.system import System
from worker import time_budget
from worker.attempt import Invocation
from worker.resources import WorkerResources
from worker.run_job import generate_report
from worker.usage import UsageMeter


class Cuts:
    """Replaces the clock: `stops` and `save` decide by the number of batches when to stop and when to save."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.batches = 0
        self.stops: Callable[[int], bool] = lambda _: False
        self.save: Callable[[int], bool] = lambda _: False
        monkeypatch.setattr(time_budget.TimeBudget, "is_time_up", lambda _: self._is_time_up())
        monkeypatch.setattr(time_budget.TimeBudget, "is_checkpoint_due", lambda _: self.save(self.batches))
        # In these tests an invocation may be as short as a batch.
        monkeypatch.setattr("worker.checkpoints.rows.MAX_STALLED_CONTINUATIONS", 100)

    def _is_time_up(self) -> bool:
        self.batches += 1
        return self.stops(self.batches)


REPORT_ID = UUID("0199f1c2-7b1e-7c3a-9f57-2b8f6a4d9e10")
CASES: dict[str, dict[str, Any]] = {
    "csv": {"format": "CSV"},
    "csv for Excel": {"format": "CSV", "options": {"csv": {"profile": "excel"}}, "locale": "pt-BR"},
    "csv.gz": {"format": "CSV", "options": {"csv": {"compression": "gzip"}}},
    "csv.zst": {"format": "CSV", "options": {"csv": {"compression": "zstd"}}},
    "ndjson": {"format": "NDJSON"},
    "ndjson.zst": {"format": "NDJSON", "options": {"ndjson": {"compression": "zstd"}}},
    "xlsx": {"format": "XLSX"},
    "pdf": {"format": "PDF"},
    "parquet": {"format": "PARQUET"},
    "all at once": {"formats": ["CSV", "NDJSON", "XLSX", "PDF", "PARQUET"]},
    "without the sort's columns": {"format": "CSV", "columns": ["account", "amount"]},
}
AS_OF = datetime(2026, 3, 9, 12, tzinfo=UTC)


class Reports:
    """Runs of one report with the same id and timestamp, which some formats write into the file."""

    def __init__(self, system: System, admin: Connection[TupleRow]) -> None:
        self.system = system
        self._admin = admin
        self._baseline_csv: bytes | None = None
        self.is_masked = False

    def request(self, request: dict[str, Any]) -> None:
        """Requests the report again, after everything of an earlier run was deleted."""
        self._admin.execute("DELETE FROM resma.reports")
        for key in self.system.objects():
            self.system.s3.delete_object(Bucket=self.system.bucket, Key=key)
        self.system.request_report(**request)
        self._admin.execute(
            "UPDATE resma.reports SET report_id = %s, personal_masked = %s", (REPORT_ID, self.is_masked)
        )

    def work(self, resources: WorkerResources | None = None) -> str:
        """Runs one invocation; returns its outcome, or the code of its error."""
        try:
            return generate_report(
                resources or worker.app._resources(),
                "demo",
                REPORT_ID,
                Invocation(time_budget.TimeBudget(60_000), lambda: None, UsageMeter(256)),
            )
        except ResmaError as error:
            return error.code

    def work_to_the_end(self) -> list[str]:
        """Runs invocations until the report has ended; returns all their outcomes."""
        outcomes = [self.work()]
        while outcomes[-1] not in {"READY", "FAILED", "ENDED"}:
            assert len(outcomes) < 100, outcomes[-3:]
            outcomes.append(self.work())
        return outcomes

    def metrics(self) -> MetricsRecord:
        """Returns the metrics of the READY report."""
        metrics = self.row().metrics
        assert metrics is not None
        return metrics

    def row(self) -> Report:
        """Returns the report's present row."""
        with worker.app._resources().system.transaction("demo") as connection:
            return find_report(connection, "demo", REPORT_ID)

    def sweep(self) -> None:
        """Runs the scheduler's last sweep, as if no worker could be running anymore."""
        self._admin.execute("UPDATE resma.reports SET finished_at = finished_at - interval '1 hour'")
        self.system.run_scheduler()

    def contents(self) -> dict[str, bytes]:
        """Returns the files of the READY report by format. Asserts that it has no leftovers, and that hashes match."""
        report = self.row()
        assert report.status == "READY", (report.error_code, report.error_detail)
        assert self.system.open_uploads() == []
        files = report.files or []
        assert sorted(self.system.objects()) == sorted(file["object_key"] for file in files)
        contents = {}
        for file in files:
            answer = self.system.s3.get_object(Bucket=self.system.bucket, Key=file["object_key"])
            data = contents[file["format"]] = answer["Body"].read()
            assert (len(data), hashlib.sha256(data).hexdigest()) == (file["bytes"], file["sha256"])
            assert answer["ContentType"] == file["media_type"]
        return contents

    def baseline_csv(self) -> bytes:
        """Returns the CSV of a run without a stop, which is made once."""
        if self._baseline_csv is None:
            self._baseline_csv = self.baseline(CASES["csv"])["CSV"]
        return self._baseline_csv

    def baseline(self, request: dict[str, Any]) -> dict[str, bytes]:
        """Returns the files of a run without a stop."""
        self.request(request)
        assert self.work() == "READY"
        return self.contents()
