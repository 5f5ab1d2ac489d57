"""A report that is cut goes on: the file is byte for byte that of one calm run, in every format."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

import worker.app
from resma import multipart, reading
from resma.errors import ResmaError
from resma.reports import Report, find_report
from resma.summary import summarise
from tests.integration.conftest import System
from worker import pace
from worker.generate_report import generate_report
from worker.make_files import Invocation

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
PART = 64 * 1024


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small batches and parts, so that three thousand rows are many of both."""
    monkeypatch.setattr(reading, "BATCH_ROWS", 100)
    monkeypatch.setattr(multipart, "PART_SIZES", ((10_000, PART),))
    monkeypatch.setattr(multipart, "LEAST_PART_BYTES", PART)
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1)


class Cuts:
    """In place of the clock: an invocation's time is up, or a checkpoint due, after so many batches."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.batches = 0
        self.hand_over: Callable[[int], bool] = lambda _: False
        self.save: Callable[[int], bool] = lambda _: False
        monkeypatch.setattr(pace.Pace, "is_time_up", lambda _: self._is_time_up())
        monkeypatch.setattr(pace.Pace, "is_save_due", lambda _: self.save(self.batches))

    def _is_time_up(self) -> bool:
        self.batches += 1
        return self.hand_over(self.batches)


@pytest.fixture
def cuts(monkeypatch: pytest.MonkeyPatch) -> Cuts:
    """What a test lets happen between batches."""
    return Cuts(monkeypatch)


AS_OF = datetime(2026, 3, 9, 12, tzinfo=UTC)
REPORT_ID = UUID("0199f1c2-7b1e-7c3a-9f57-2b8f6a4d9e10")


class Reports:
    """Runs of one report: same id, same moment, which some formats name in the file."""

    def __init__(self, system: System, admin: Connection[TupleRow]) -> None:
        self.system = system
        self._admin = admin

    def ask(self, request: dict[str, Any]) -> None:
        """Puts the report there anew, and nothing of an earlier run."""
        self._admin.execute("DELETE FROM resma.reports")
        for key in self.system.objects():
            self.system.s3.delete_object(Bucket=self.system.bucket, Key=key)
        self.system.request_report(**request)
        self._admin.execute("UPDATE resma.reports SET report_id = %s", (REPORT_ID,))

    def work(self) -> str:
        """One invocation; returns its outcome, or the code of the error that it ended with."""
        try:
            return generate_report(
                worker.app._resources(), "demo", REPORT_ID, Invocation(pace.Pace(60_000), lambda: None)
            )
        except ResmaError as error:
            return error.code

    def work_to_the_end(self) -> list[str]:
        """Invocations until it has ended; returns all their outcomes."""
        outcomes = [self.work()]
        while outcomes[-1] not in {"READY", "FAILED", "ENDED"}:
            assert len(outcomes) < 100, outcomes[-3:]
            outcomes.append(self.work())
        return outcomes

    def row(self) -> Report:
        """The row as it is."""
        with worker.app._resources().system.transaction("demo") as connection:
            return find_report(connection, "demo", REPORT_ID)

    def contents(self) -> dict[str, bytes]:
        """The files of the READY report by format. Asserts that there is nothing else of it, and that hashes agree."""
        report = self.row()
        assert report.status == "READY", (report.error_code, report.error_detail)
        assert self.system.open_uploads() == []
        files = report.files or []
        assert sorted(self.system.objects()) == sorted(file["object_key"] for file in files)
        found = {}
        for file in files:
            answer = self.system.s3.get_object(Bucket=self.system.bucket, Key=file["object_key"])
            data = found[file["format"]] = answer["Body"].read()
            assert (len(data), hashlib.sha256(data).hexdigest()) == (file["bytes"], file["sha256"])
            assert answer["ContentType"] == file["media_type"]
        return found

    def calm(self, request: dict[str, Any]) -> dict[str, bytes]:
        """The files of one run without a cut."""
        self.ask(request)
        assert self.work() == "READY"
        return self.contents()


@pytest.fixture
def reports(system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch) -> Reports:
    """What a test runs again and again."""
    monkeypatch.setattr("resma.snapshot.summarise", lambda *given: replace(summarise(*given), as_of=AS_OF))
    return Reports(system, admin)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("every", [1, 7])
def test_handed_over_again_and_again_the_file_is_the_same(reports: Reports, cuts: Cuts, case: str, every: int) -> None:
    calm = reports.calm(CASES[case])
    cuts.hand_over = lambda batches: batches % every == 0
    reports.ask(CASES[case])
    outcomes = reports.work_to_the_end()
    assert outcomes.count("HANDED_OVER") == len(outcomes) - 1 >= 30 // every - 1
    assert reports.contents() == calm
    row = reports.row()
    assert row.metrics is not None
    assert row.metrics["snapshots"] == len(outcomes) == row.attempt
