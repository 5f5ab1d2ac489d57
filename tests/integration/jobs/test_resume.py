"""A report that is stopped is continued: in every format, the file is byte for byte that of the baseline."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import psycopg
import pytest
from moto.s3.exceptions import NoSuchUpload
from moto.s3.models import S3Backend
from psycopg import Connection
from psycopg.rows import TupleRow

import worker.app
from resma.aws import clients
from resma.catalog import SortKey, find_report_type
from resma.errors import DatabaseBusyError
from resma.snapshot import cursor
from resma.storage import multipart
from resma.storage.object_store import Part
from resma.storage.resumable_sha256 import Sha256
from resma.storage.upload_pool import PARTS_IN_MEMORY
from tests.support.crash_injector import CrashInjector, WorkerKilledError
from tests.support.cut_reports import AS_OF, CASES, Cuts, Reports
from tests.support.eventually import eventually
from tests.support.system import System
from worker import heartbeat
from worker.checkpoints.rows import MAX_CONTINUATIONS, MAX_STALLED_CONTINUATIONS
from worker.resources import WorkerResources

PART = 64 * 1024


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets small sizes of batches and parts, so that three thousand rows are many of both."""
    monkeypatch.setattr(cursor, "BATCH_ROWS", 100)
    monkeypatch.setattr(multipart, "PART_SIZES", ((10_000, PART),))
    monkeypatch.setattr(multipart, "MIN_PART_BYTES", PART)
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1)
    for name in ("upload_part", "complete_multipart_upload"):
        monkeypatch.setattr(S3Backend, name, _refusing(getattr(S3Backend, name)))


def _refusing(method: Callable[..., Any]) -> Callable[..., Any]:
    """Makes moto's backend refuse an unknown upload as S3 does, instead of raising KeyError."""

    def call(*arguments: Any, **named: Any) -> Any:
        try:
            return method(*arguments, **named)
        except KeyError as error:
            raise NoSuchUpload(upload_id=str(error)) from error

    return call


@pytest.mark.parametrize(
    ("case", "every"),
    [*((case, 7) for case in CASES), ("csv", 1), ("all at once", 1), ("without the sort's columns", 1)],
)
def test_a_file_that_is_continued_many_times_equals_the_baseline(
    reports: Reports, cuts: Cuts, case: str, every: int
) -> None:
    baseline = reports.baseline(CASES[case])
    cuts.end_invocation = lambda batches: batches % every == 0
    reports.request_report(CASES[case])
    outcomes = reports.work_to_the_end()
    assert outcomes.count("CONTINUED") == len(outcomes) - 1 >= 30 // every - 1
    assert reports.contents() == baseline
    row = reports.row()
    assert row.metrics is not None
    assert row.metrics["snapshots"] == len(outcomes) == row.attempt


CSV = CASES["csv"]
STOPPED_AT = 9
SAVED_EVERY = 9


def _stop_first_attempt(reports: Reports, cuts: Cuts) -> bytes:
    """Runs a first attempt that stops with a segment and a tail; returns the expected file."""
    cuts.end_invocation = cuts.save = lambda _: False
    baseline = reports.baseline_csv()
    cuts.batches = 0
    cuts.end_invocation = lambda batches: batches == STOPPED_AT
    reports.request_report(CSV)
    assert reports.work() == "CONTINUED"
    row = reports.row()
    assert (row.status, row.attempt, row.rows_done) == ("PENDING", 1, STOPPED_AT * 100)
    assert len(reports.system.open_uploads()) == 1
    cuts.end_invocation = lambda _: False
    cuts.save = lambda batches: batches % SAVED_EVERY == 0
    return baseline


def _new_resources() -> WorkerResources:
    """Returns resources of their own, as another worker process has."""
    clients.s3_client.cache_clear()
    try:
        return worker.app._resources.__wrapped__()
    finally:
        clients.s3_client.cache_clear()


def _close(resources: WorkerResources) -> None:
    resources.system.close()
    resources.source.close()


def _end_lease(admin: Connection[TupleRow]) -> None:
    admin.execute(
        "UPDATE resma.reports SET lease_until = clock_timestamp() - interval '1 second' WHERE status = 'GENERATING'"
    )


def _steps_of_an_attempt(reports: Reports, cuts: Cuts) -> int:
    """Returns the number of steps of a second attempt without errors."""
    _stop_first_attempt(reports, cuts)
    resources = _new_resources()
    injector = CrashInjector(resources)
    try:
        assert reports.work(resources) == "READY"
    finally:
        _close(resources)
    return injector.steps


def test_a_worker_may_die_before_any_step(
    reports: Reports, cuts: Cuts, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 3600)
    steps = _steps_of_an_attempt(reports, cuts)
    assert steps > 20
    resumed_at = set()
    for step in range(1, steps + 1):
        baseline = _stop_first_attempt(reports, cuts)
        resources = _new_resources()
        CrashInjector(resources).die_before(step)
        try:
            with pytest.raises(WorkerKilledError):
                reports.work(resources)
        finally:
            _close(resources)
        _end_lease(admin)
        if (left := reports.row()).status != "READY":
            resumed_at.add(left.checkpoint["rows"] if left.checkpoint else 0)
            assert reports.work() == "READY", step
        reports.sweep()
        assert reports.contents() == {"CSV": baseline}, step
        assert reports.metrics()["snapshots"] > 1
    assert resumed_at == {900, 1800, 2700}, "each attempt resumed from the last checkpoint"


def test_a_frozen_worker_may_continue_before_any_step(
    reports: Reports, cuts: Cuts, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another worker has claimed the job and made it READY. After that, the frozen worker changes nothing."""
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 3600)
    monkeypatch.setattr("resma.storage.object_store.APPEAR_SECONDS", 0)
    published: list[str] = []
    monkeypatch.setattr("resma.events.destinations.Topic.send", lambda _, message: published.append(message["id"]))
    steps = _steps_of_an_attempt(reports, cuts)
    for step in range(2, steps):
        baseline = _stop_first_attempt(reports, cuts)
        published.clear()
        stale_resources = _new_resources()
        frozen, thawed = CrashInjector(stale_resources).freeze_before(step)
        outcome: list[str] = []
        frozen_worker = threading.Thread(
            target=lambda stale_resources=stale_resources, outcome=outcome: outcome.append(
                reports.work(stale_resources)
            )
        )
        frozen_worker.start()
        assert frozen.wait(120)
        while reports.row().status == "GENERATING":
            _end_lease(admin)  # again, because a renewal may have been in flight
            assert reports.work() in {"READY", "lease-held"}, step
        finished = reports.row()
        thawed.set()
        frozen_worker.join(120)
        assert len(outcome) == 1, step
        _close(stale_resources)
        assert reports.row() == finished, step
        reports.sweep()
        assert reports.contents() == {"CSV": baseline}, step
        assert len(published) == 1, step


def _tamper(reports: Reports) -> None:
    checkpoint = reports.row().checkpoint
    assert checkpoint is not None
    system = reports.system
    data = system.s3.get_object(Bucket=system.bucket, Key=checkpoint["key"])["Body"].read()
    system.s3.put_object(Bucket=system.bucket, Key=checkpoint["key"], Body=data[:-1] + bytes([data[-1] ^ 1]))


def _delete_checkpoint(reports: Reports) -> None:
    checkpoint = reports.row().checkpoint
    assert checkpoint is not None
    reports.system.s3.delete_object(Bucket=reports.system.bucket, Key=checkpoint["key"])


def _abort_upload(reports: Reports) -> None:
    for upload in reports.system.open_uploads():
        reports.system.s3.abort_multipart_upload(
            Bucket=reports.system.bucket, Key=upload["Key"], UploadId=upload["UploadId"]
        )


DAMAGES = {"changed": _tamper, "deleted": _delete_checkpoint, "upload aborted": _abort_upload}


@pytest.mark.parametrize("damage", DAMAGES)
def test_without_a_usable_checkpoint_a_report_restarts_from_the_first_row(
    reports: Reports, cuts: Cuts, damage: str
) -> None:
    baseline = _stop_first_attempt(reports, cuts)
    DAMAGES[damage](reports)
    assert reports.work() == "checkpoint-unusable"
    row = reports.row()
    assert (row.status, row.checkpoint, row.rows_done) == ("PENDING", None, 0)
    assert (reports.system.objects(), reports.system.open_uploads()) == ([], [])
    assert reports.work() == "READY"
    assert reports.contents() == {"CSV": baseline}
    assert reports.metrics()["snapshots"] == 1


def test_other_code_restarts_from_the_first_row(reports: Reports, cuts: Cuts, monkeypatch: pytest.MonkeyPatch) -> None:
    baseline = _stop_first_attempt(reports, cuts)
    monkeypatch.setattr("worker.attempt.stamp_of", lambda _: "stamp of a newer version")
    assert reports.work() == "checkpoint-unusable"
    assert reports.work() == "READY"
    assert reports.contents() == {"CSV": baseline}


@contextlib.contextmanager
def _booked(admin: Connection[TupleRow], booked_at: str, *rows: int) -> Iterator[None]:
    """Inserts transactions with a timestamp for the block."""
    for number in rows:
        admin.execute(
            "INSERT INTO bank.transactions VALUES ('demo', %s, 'x', %s, 'FEE', 'BOOKED', 'late', NULL, 'BRL', -1)",
            (number, booked_at),
        )
    try:
        yield
    finally:
        admin.execute("DELETE FROM bank.transactions WHERE description = 'late'")


def test_rows_that_are_inserted_after_the_start_are_left_out(
    reports: Reports, cuts: Cuts, admin: Connection[TupleRow]
) -> None:
    baseline = _stop_first_attempt(reports, cuts)
    with _booked(admin, "2026-03-09 12:00:01+00", 10**9):
        assert reports.work() == "READY"
    assert reports.contents() == {"CSV": baseline}
    assert reports.row().as_of == AS_OF


def test_rows_below_the_watermark_restart_the_report_from_the_first_row(
    reports: Reports, cuts: Cuts, admin: Connection[TupleRow]
) -> None:
    baseline = _stop_first_attempt(reports, cuts)
    with _booked(admin, "2024-01-01 00:00:00+00", 10**9):
        assert reports.work() == "source-changed"
        assert reports.work() == "READY"
        assert reports.contents()["CSV"].count(b"\r\n") == baseline.count(b"\r\n") + 1


def test_data_that_always_change_fail_with_a_remedy(reports: Reports, cuts: Cuts, admin: Connection[TupleRow]) -> None:
    reports.request_report(CSV)
    cuts.end_invocation = lambda _: True
    outcomes = []
    with _booked(admin, "2024-01-01 00:00:00+00"):
        for number in range(20):
            outcomes.append(reports.work())
            if outcomes[-1] in {"ENDED", "FAILED"}:
                break
            admin.execute(
                "INSERT INTO bank.transactions VALUES"
                " ('demo', %s, 'x', '2024-01-01', 'FEE', 'BOOKED', 'late', NULL, 'BRL', -1)",
                (10**9 + number,),
            )
    row = reports.row()
    assert (row.status, row.error_code) == ("FAILED", "source-changed"), outcomes
    assert "watermark" in (row.error_detail or "")
    reports.sweep()
    assert (reports.system.objects(), reports.system.open_uploads()) == ([], [])


def sort_by(*names: str) -> tuple[SortKey, ...]:
    """Returns the sort of a report type."""
    return tuple(SortKey(name=name) for name in names)


def test_rows_without_a_total_order_restart_the_report_from_the_first_row(
    reports: Reports, cuts: Cuts, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sort of the report type is not a total order, and the attempt stops at a tie."""
    real = find_report_type("TRANSACTIONS")
    tied = real.model_copy(update={"sort": sort_by("currency"), "period": None})
    monkeypatch.setattr("worker.attempt.find_report_type", lambda _: tied)
    reports.request_report(CSV)
    cuts.end_invocation = lambda batches: batches == 3
    assert reports.work() == "CONTINUED"
    assert reports.work() == "checkpoint-unusable"
    assert "sort" in (reports.row().error_detail or "")
    assert reports.work() == "READY"
    assert len(reports.contents()) == 1


def test_resuming_is_right_with_nulls_and_equal_leading_sort_columns(
    reports: Reports, cuts: Cuts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report is sorted by a column that is often NULL, then by id. NULLs come last; attempts stop among them."""
    real = find_report_type("TRANSACTIONS")
    by_counterparty = real.model_copy(update={"sort": sort_by("counterparty", "id"), "period": None})
    monkeypatch.setattr("worker.attempt.find_report_type", lambda _: by_counterparty)
    request = {"format": "CSV", "columns": ["id", "booked_at"]}
    baseline = reports.baseline(request)
    cuts.end_invocation = lambda _: True
    reports.request_report(request)
    assert len(reports.work_to_the_end()) > 30
    assert reports.contents() == baseline


def test_masked_columns_stay_masked(reports: Reports, cuts: Cuts, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report is sorted by a personal column: it is masked in the file, and not in the checkpoint's last key."""
    real = find_report_type("TRANSACTIONS")
    personal = [column.model_copy(update={"personal": column.name == "account"}) for column in real.columns]
    secret = real.model_copy(update={"sort": sort_by("account", "id"), "period": None, "columns": tuple(personal)})
    monkeypatch.setattr("worker.attempt.find_report_type", lambda _: secret)
    reports.is_masked = True
    baseline = reports.baseline(CSV)
    assert b"****" in baseline["CSV"]
    cuts.end_invocation = lambda batches: batches % 5 == 0
    reports.request_report(CSV)
    reports.work_to_the_end()
    assert reports.contents() == baseline


# ---------------------------------------------------------------- cancelled


def _cancel(admin: Connection[TupleRow]) -> None:
    """Cancels the report as the API does, on a connection of its own."""
    admin.execute("UPDATE resma.reports SET status = 'CANCELLED', finished_at = clock_timestamp(), lease_until = NULL")


class _Working:
    """Runs a worker in a thread."""

    def __init__(self, reports: Reports) -> None:
        self.outcome: list[str] = []
        self._thread = threading.Thread(target=lambda: self.outcome.append(reports.work()))
        self._thread.start()

    def await_end(self) -> str:
        """Waits for the end; returns the outcome."""
        self._thread.join(120)
        assert not self._thread.is_alive()
        return self.outcome[0]


def test_a_cancelled_report_stops_the_query(
    reports: Reports, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "resma.snapshot.session._SESSION", "SET LOCAL datestyle = 'ISO, YMD'"
    )  # so that no timeout ends the query earlier
    reports.request_report(CSV)
    with psycopg.connect(admin.info.dsn, password=admin.info.password) as blocker:
        blocker.execute("LOCK TABLE bank.transactions IN ACCESS EXCLUSIVE MODE")
        working = _Working(reports)
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = 'resma_reader'"
        eventually("the query waits", lambda: admin.execute(waiting).fetchone() == (1,))
        _cancel(admin)
        assert working.await_end() == "lease-lost"  # with the table still locked
        assert admin.execute(waiting).fetchone() == (0,)
    assert (reports.system.objects(), reports.system.open_uploads()) == ([], [])


@pytest.mark.parametrize("waits_for", ["room for the next part", "its parts, at a checkpoint"])
def test_a_cancelled_report_does_not_wait_for_the_store(
    reports: Reports, cuts: Cuts, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch, waits_for: str
) -> None:
    """The uploads of parts hang. A segment, a checkpoint and an upload exist already."""
    monkeypatch.setattr(multipart, "PART_SIZES", ((10_000, PART // 4),))
    _stop_first_attempt(reports, cuts)
    cuts.save = lambda batches: waits_for != "room for the next part" and len(hanging) > 0
    answer = threading.Event()
    hanging: list[int] = []

    def hang(self: multipart.MultipartUpload, number: int, part: bytes, hashed: Future[None]) -> Any:
        hanging.append(number)
        assert answer.wait(60)
        raise KeyError("the upload does not exist")

    monkeypatch.setattr(multipart.MultipartUpload, "_upload", hang)
    try:
        working = _Working(reports)
        eventually("parts are in flight", lambda: len(hanging) > 0)
        _cancel(admin)
        assert working.await_end() == "lease-lost"  # with the parts still in flight
    finally:
        answer.set()
    assert (reports.system.objects(), reports.system.open_uploads()) == ([], [])


@pytest.mark.parametrize("slow", ["store", "hash"])
def test_a_slow_store_or_processor_slows_reading_and_does_not_increase_memory(
    reports: Reports, cuts: Cuts, monkeypatch: pytest.MonkeyPatch, slow: str
) -> None:
    """Bytes not yet stored, or not yet hashed, are bounded by the parts in flight and the one being filled."""
    baseline = reports.baseline(CSV)
    finished = 0
    unfinished: list[int] = []
    upload, write, update = multipart.MultipartUpload._upload, multipart.MultipartUpload.write, Sha256.update

    def slow_upload(self: multipart.MultipartUpload, number: int, part: bytes, hashed: Future[None]) -> Part:
        nonlocal finished
        time.sleep(0.05)
        sent = upload(self, number, part, hashed)
        finished += len(part)
        return sent

    def slow_update(self: Sha256, data: bytes) -> None:
        nonlocal finished
        time.sleep(0.05)
        update(self, data)
        finished += len(data)

    def measured_write(self: multipart.MultipartUpload, data: bytes) -> None:
        write(self, data)
        unfinished.append(self.bytes - finished)

    if slow == "store":
        monkeypatch.setattr(multipart.MultipartUpload, "_upload", slow_upload)
    else:
        monkeypatch.setattr(Sha256, "update", slow_update)
    monkeypatch.setattr(multipart.MultipartUpload, "write", measured_write)
    reports.request_report(CSV)
    assert reports.work() == "READY"
    assert reports.contents() == baseline
    assert PART < max(unfinished) <= (PARTS_IN_MEMORY + 1) * PART


# ---------------------------------------------------------------- continued by the next invocation


def test_a_report_is_continued_by_the_same_message(system: System, cuts: Cuts) -> None:
    cuts.end_invocation = lambda batches: batches in {5, 12}
    report_id = system.request_report(format="CSV")
    (first,) = system.receive()
    assert not system.work(first), "the message must be delivered again"
    view = system.show(report_id)
    assert (view["status"], view["attempt"], view["continuations"]) == ("PENDING", 1, 1)
    assert view["progress"]["rowsDone"] == 500
    assert not system.work_once()
    (last,) = system.receive()
    assert system.work(last)
    system.sqs.delete_message(QueueUrl=system.queue_url, ReceiptHandle=last["receiptHandle"])
    assert last["messageId"] == first["messageId"]
    view = system.show(report_id)
    assert (view["status"], view["attempt"], view["continuations"]) == ("READY", 3, 2)
    assert system.receive() == []
    for again in (first, last):
        assert system.work(again), "a duplicate of either does nothing"
    assert system.show(report_id) == view
    assert len(system.objects()) == 1


def test_a_report_is_continued_at_most_for_a_day(reports: Reports, cuts: Cuts, admin: Connection[TupleRow]) -> None:
    reports.request_report(CSV)
    admin.execute("UPDATE resma.reports SET continuations = %s", (MAX_CONTINUATIONS - 1,))
    cuts.end_invocation = lambda batches: batches % 5 == 0
    assert [reports.work(), reports.work()] == ["CONTINUED", "FAILED"]
    row = reports.row()
    assert (row.error_code, row.continuations) == ("continuations-exhausted", MAX_CONTINUATIONS)
    assert reports.system.objects() == reports.system.open_uploads() == []


def test_a_report_that_has_no_time_to_write_ends_with_a_remedy(
    reports: Reports, cuts: Cuts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.checkpoints.rows.MAX_STALLED_CONTINUATIONS", MAX_STALLED_CONTINUATIONS)
    reports.request_report(CSV)
    cuts.end_invocation = lambda _: True
    assert reports.work_to_the_end() == ["CONTINUED"] * MAX_STALLED_CONTINUATIONS + ["FAILED"]
    row = reports.row()
    assert row.error_code == "continuation-stalled"
    assert "WorkerTimeoutSeconds" in (row.error_detail or "")
    assert reports.system.objects() == reports.system.open_uploads() == []


def test_only_continuations_in_a_row_count_as_stalled(
    reports: Reports, cuts: Cuts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every second invocation writes two batches."""
    monkeypatch.setattr("worker.checkpoints.rows.MAX_STALLED_CONTINUATIONS", MAX_STALLED_CONTINUATIONS)
    baseline = reports.baseline_csv()
    reports.request_report(CSV)
    cuts.batches = 0
    cuts.end_invocation = lambda batches: batches % 3 != 1
    outcomes = reports.work_to_the_end()
    assert outcomes[-1] == "READY"
    assert len(outcomes) > 2 * MAX_STALLED_CONTINUATIONS
    assert reports.contents() == {"CSV": baseline}


def test_a_retry_resumes_from_the_checkpoint(reports: Reports, cuts: Cuts, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a transient error the attempt counts, and its checkpoint is kept."""
    baseline = reports.baseline_csv()
    cuts.save = lambda batches: batches == 15

    def fail(batches: int) -> bool:
        if batches == 20:
            raise DatabaseBusyError("busy")
        return False

    cuts.batches = 0
    cuts.end_invocation = fail
    reports.request_report(CSV)
    assert reports.work() == "database-busy"
    row = reports.row()
    assert (row.status, row.error_code, row.attempt, row.continuations) == ("PENDING", "database-busy", 1, 0)
    assert row.checkpoint is not None
    assert row.checkpoint["rows"] == 1500
    assert reports.work() == "READY"
    assert reports.contents() == {"CSV": baseline}
    assert reports.metrics()["snapshots"] == 2
