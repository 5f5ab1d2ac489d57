"""Runs one report in several invocations that end after chosen numbers of batches, and compares the results."""

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
    """Replaces the clock: decides by the number of batches when an invocation ends and when a checkpoint is due."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.batches = 0
        self.end_invocation: Callable[[int], bool] = lambda _: False
        self.save: Callable[[int], bool] = lambda _: False
        monkeypatch.setattr(time_budget.TimeBudget, "is_time_up", lambda _: self._is_time_up())
        monkeypatch.setattr(time_budget.TimeBudget, "is_checkpoint_due", lambda _: self.save(self.batches))
        # The invocations of these tests can be as short as one batch, so they continue far more often than real ones.
        monkeypatch.setattr("worker.checkpoints.rows.MAX_STALLED_CONTINUATIONS", 100)

    def _is_time_up(self) -> bool:
        self.batches += 1
        return self.end_invocation(self.batches)


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
    """Runs one report again and again with the same id and timestamp, since some formats write both into the file."""

    def __init__(self, system: System, admin: Connection[TupleRow]) -> None:
        self.system = system
        self._admin = admin
        self._baseline_csv: bytes | None = None
        self.is_masked = False

    def request_report(self, request: dict[str, Any]) -> None:
        """Deletes all reports and objects of earlier runs, then requests the report."""
        self._admin.execute("DELETE FROM resma.reports")
        for key in self.system.objects():
            self.system.s3.delete_object(Bucket=self.system.bucket, Key=key)
        self.system.request_report(**request)
        self._admin.execute(
            "UPDATE resma.reports SET report_id = %s, personal_masked = %s", (REPORT_ID, self.is_masked)
        )

    def work(self, resources: WorkerResources | None = None) -> str:
        """Runs one invocation; returns its outcome, or the code of the error that ended it."""
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
        """Runs invocations until the report has ended; returns the outcome of each."""
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
        """Returns the report's current row."""
        with worker.app._resources().system.transaction("demo") as connection:
            return find_report(connection, "demo", REPORT_ID)

    def sweep(self) -> None:
        """Runs the scheduler's cleanup of objects that crashed workers left, as if the report had ended an hour ago."""
        self._admin.execute("UPDATE resma.reports SET finished_at = finished_at - interval '1 hour'")
        self.system.run_scheduler()

    def contents(self) -> dict[str, bytes]:
        """Returns the files of the READY report by format.

        Asserts that there are no other objects or open uploads, and that sizes and hashes match the row.
        """
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
        """Returns the CSV file of a run in one invocation; the run is made once."""
        if self._baseline_csv is None:
            self._baseline_csv = self.baseline(CASES["csv"])["CSV"]
        return self._baseline_csv

    def baseline(self, request: dict[str, Any]) -> dict[str, bytes]:
        """Returns the files of a run in one invocation, by format."""
        self.request_report(request)
        assert self.work() == "READY"
        return self.contents()
