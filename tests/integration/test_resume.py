"""A report that is cut goes on: the file is byte for byte that of one calm run, in every format."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

import worker.app
from resma import aws, multipart, reading
from resma.errors import ResmaError
from resma.reports import Report, find_report
from resma.summary import summarise
from tests.integration.conftest import System
from tests.integration.mortal import Killed, Mortal
from worker import heartbeat, pace
from worker.generate_report import generate_report
from worker.make_files import Invocation
from worker.resources import Resources

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
        self._calm_csv: bytes | None = None

    def ask(self, request: dict[str, Any]) -> None:
        """Puts the report there anew, and nothing of an earlier run."""
        self._admin.execute("DELETE FROM resma.reports")
        for key in self.system.objects():
            self.system.s3.delete_object(Bucket=self.system.bucket, Key=key)
        self.system.request_report(**request)
        self._admin.execute("UPDATE resma.reports SET report_id = %s", (REPORT_ID,))

    def work(self, resources: Resources | None = None) -> str:
        """One invocation; returns its outcome, or the code of the error that it ended with."""
        try:
            return generate_report(
                resources or worker.app._resources(), "demo", REPORT_ID, Invocation(pace.Pace(60_000), lambda: None)
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

    def sweep(self) -> None:
        """Lets the tick look for what dead workers have left, when none can be alive any more."""
        self._admin.execute("UPDATE resma.reports SET finished_at = finished_at - interval '1 hour'")
        self.system.tick()

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

    def calm_csv(self) -> bytes:
        """The same for the CSV, made once."""
        if self._calm_csv is None:
            self._calm_csv = self.calm(CASES["csv"])["CSV"]
        return self._calm_csv

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


CSV = CASES["csv"]
HANDED_OVER_AT = 9
SAVED_EVERY = 9


def _begin(reports: Reports, cuts: Cuts) -> bytes:
    """A first attempt that is handed over with a segment and a tail; returns what the file shall be."""
    cuts.hand_over = cuts.save = lambda _: False
    calm = reports.calm_csv()
    cuts.batches = 0
    cuts.hand_over = lambda batches: batches == HANDED_OVER_AT
    reports.ask(CSV)
    assert reports.work() == "HANDED_OVER"
    row = reports.row()
    assert (row.status, row.attempt, row.rows_done) == ("PENDING", 1, HANDED_OVER_AT * 100)
    assert len(reports.system.open_uploads()) == 1
    cuts.hand_over = lambda _: False
    cuts.save = lambda batches: batches % SAVED_EVERY == 0
    return calm


def _new_resources() -> Resources:
    """Another worker process'."""
    aws.s3_client.cache_clear()
    try:
        return worker.app._resources.__wrapped__()
    finally:
        aws.s3_client.cache_clear()


def _close(resources: Resources) -> None:
    resources.system.close()
    resources.source.close()


def _end_lease(admin: Connection[TupleRow]) -> None:
    admin.execute(
        "UPDATE resma.reports SET lease_until = clock_timestamp() - interval '1 second' WHERE status = 'GENERATING'"
    )


def _steps_of_an_attempt(reports: Reports, cuts: Cuts) -> int:
    """How many steps the second attempt has when nothing goes wrong."""
    _begin(reports, cuts)
    resources = _new_resources()
    mortal = Mortal(resources)
    try:
        assert reports.work(resources) == "READY"
    finally:
        _close(resources)
    return mortal.steps


def test_a_worker_may_die_before_any_step(
    reports: Reports, cuts: Cuts, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 3600)
    steps = _steps_of_an_attempt(reports, cuts)
    assert steps > 20
    begun_with = set()
    for step in range(1, steps + 1):
        calm = _begin(reports, cuts)
        resources = _new_resources()
        Mortal(resources).die_before(step)
        try:
            with pytest.raises(Killed):
                reports.work(resources)
        finally:
            _close(resources)
        _end_lease(admin)
        if (left := reports.row()).status != "READY":
            begun_with.add(left.checkpoint["rows"] if left.checkpoint else 0)
            assert reports.work() == "READY", step
        reports.sweep()
        assert reports.contents() == {"CSV": calm}, step
        assert (reports.row().metrics or {})["snapshots"] > 1
    assert begun_with == {900, 1800, 2700}, "each time from the last checkpoint"


def test_a_zombie_may_wake_up_before_any_step(
    reports: Reports, cuts: Cuts, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was stopped, its job was taken over and is READY; whatever it then does changes nothing."""
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 3600)
    monkeypatch.setattr(multipart, "APPEAR_SECONDS", 0)
    published: list[str] = []
    monkeypatch.setattr("resma.announce.publish_event", lambda *given: published.append(given[2]["id"]))
    steps = _steps_of_an_attempt(reports, cuts)
    for step in range(2, steps):
        calm = _begin(reports, cuts)
        published.clear()
        zombies = _new_resources()
        frozen, thawed = Mortal(zombies).freeze_before(step)
        outcome: list[str] = []
        sleeper = threading.Thread(
            target=lambda zombies=zombies, outcome=outcome: outcome.append(reports.work(zombies))
        )
        sleeper.start()
        assert frozen.wait(20)
        while reports.row().status == "GENERATING":
            _end_lease(admin)  # again, if it was on its way to renew it
            assert reports.work() in {"READY", "lease-held"}, step
        made = reports.row()
        thawed.set()
        sleeper.join(30)
        assert len(outcome) == 1, step
        _close(zombies)
        assert reports.row() == made, step
        reports.sweep()
        assert reports.contents() == {"CSV": calm}, step
        assert len(published) == 1, step
