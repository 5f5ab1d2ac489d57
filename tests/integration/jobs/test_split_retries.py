"""Split reports that are retried, restarted or deleted while their workers may still write."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

import scheduler.app
import worker.app
from api.report_files import retry
from api.report_files.access import require_split_files
from infra.paths import ROOT
from resma.errors import DatabaseUnavailableError, LeaseLostError
from resma.jobs.report_rows import Report
from resma.shards.claim import claim_shard, record_keys
from resma.shards.files import MAX_SEARCH_CHARACTERS, KeyFile, insert_files
from resma.shards.rows import ShardedReport, find_sharded_report
from resma.snapshot.summarize import summarize
from scheduler.clear_store import Leftovers, clear_store
from tests.support.crash_injector import WorkerKilledError
from tests.support.split_jobs import AS_OF, REPORT_ID, SplitReports, close, new_resources
from tests.support.system import System
from worker.split import key_files, plan, shard_job, shard_loop


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes shards of three keys, records each key at once, and sets the time that all files state."""
    monkeypatch.setenv("RESMA_CATALOG", str(ROOT / "tests" / "support" / "report_types"))
    monkeypatch.setattr("worker.split.plan.SHARD_COST", 700)
    monkeypatch.setattr(key_files, "RECORD_SECONDS", 0.0)
    monkeypatch.setattr(shard_loop, "POLL_SECONDS", 0.05)
    monkeypatch.setattr("resma.shards.claim.UNCLAIMED_SECONDS", 0.2)
    monkeypatch.setattr("resma.snapshot.snapshot.summarize", lambda *given: replace(summarize(*given), as_of=AS_OF))


@pytest.fixture
def splits(system: System, admin: Connection[TupleRow]) -> SplitReports:
    """A split report that a test can run repeatedly."""
    return SplitReports(system, admin)


def _plan(splits: SplitReports, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves a report whose coordinator has planned the shards and then died."""
    monkeypatch.setenv("SHARDS_IN_FLIGHT_PER_REPORT", "1")
    splits.request_report(format="CSV")
    resources = new_resources()
    with monkeypatch.context() as patch:
        patch.setattr(shard_loop.ShardLoop, "_generate", _die)
        with pytest.raises(WorkerKilledError):
            splits.coordinate(resources)
    close(resources)
    splits.admin.execute("UPDATE resma.shards SET status = 'PENDING', attempt = 0, lease_until = NULL")


def _die(*_: object) -> None:
    raise WorkerKilledError


def _file(number: int, key: str) -> KeyFile:
    return KeyFile(
        number=number,
        format="CSV",
        key=(key.encode(), b"a"),
        name=f"{number}.csv",
        rows=1,
        totals=[],
        snapshot=1,
        object_key=f"demo/{REPORT_ID}/1-1/{number}.csv",
        media_type="text/csv",
        bytes=1,
        sha256="0",
        crc32=0,
    )


@pytest.mark.parametrize("request_path", ["reports/{id}/files/retry", "dead-letters/{id}/redrive"])
def test_a_retried_report_takes_its_shards_from_workers_and_attempts_all_again(
    splits: SplitReports, monkeypatch: pytest.MonkeyPatch, request_path: str
) -> None:
    _plan(splits, monkeypatch)
    system = worker.app._resources().system
    with system.transaction("demo") as connection:
        claim = claim_shard(connection, "demo", REPORT_ID, 1, "worker")
    assert claim is not None
    splits.admin.execute(
        "UPDATE resma.reports SET status = 'FAILED', finished_at = clock_timestamp(), error_code = 'worker-died',"
        " dead_lettered_at = clock_timestamp(), lease_until = NULL"
    )
    splits.admin.execute(
        "UPDATE resma.shards SET status = 'FAILED', error_code = 'internal', error_detail = '', attempt = 3,"
        " attempts_allowed = 3 WHERE shard = 2"
    )
    status, _, body = splits.system.call_api("POST", f"/api/v1/{request_path.format(id=REPORT_ID)}", {})
    assert status == 202, body
    # The sweep may have removed the objects that the worker has not recorded.
    with pytest.raises(LeaseLostError), system.transaction("demo") as connection:
        record_keys(connection, claim, (b"a", b"b"), 1, 1)
    assert splits.shards("status, attempts_allowed - attempt")[:2] == [("PENDING", 3), ("PENDING", 3)]
    assert splits.coordinate() == "READY", splits.errors()


def test_a_commit_whose_answer_is_lost_fails_nothing(splits: SplitReports, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHARDS_IN_FLIGHT_PER_REPORT", "1")
    baseline = splits.baseline(format="CSV")
    for called in ((plan, "_record_plan"), (key_files, "insert_files")):
        splits.request_report(format="CSV")
        resources = new_resources()
        with monkeypatch.context() as patch:
            _lose_answer_after(patch, resources.system, *called)
            assert splits.coordinate(resources) == "READY", splits.errors()
        close(resources)
        assert splits.contents() == baseline
        assert {attempt for (attempt,) in splits.shards("attempt")} == {1}


def _lose_answer_after(patch: pytest.MonkeyPatch, system: Any, module: Any, name: str) -> None:
    """Lets the connection break after the first commit of a transaction that calls a function."""
    function, transaction = getattr(module, name), system.transaction
    calls = 0
    is_lost = False

    def called(*given: Any) -> Any:
        nonlocal calls, is_lost
        calls += 1
        is_lost = calls == 1
        return function(*given)

    @contextlib.contextmanager
    def losing(tenant_id: str | None) -> Iterator[Connection[TupleRow]]:
        nonlocal is_lost
        with transaction(tenant_id) as connection:
            yield connection
        if is_lost:
            is_lost = False
            raise DatabaseUnavailableError("The connection was lost.", "system-database")

    patch.setattr(module, name, called)
    patch.setattr(system, "transaction", losing)
    patch.setattr("worker.database_retry._PAUSE_SECONDS", 0.0)


def test_files_of_long_keys_can_be_recorded_and_searched(splits: SplitReports, monkeypatch: pytest.MonkeyPatch) -> None:
    _plan(splits, monkeypatch)
    key = "".join(chr(0x4E00 + number * 7919 % 20000) for number in range(9000))
    with worker.app._resources().system.transaction("demo") as connection:
        insert_files(connection, "demo", REPORT_ID, 1, [_file(1, key)])
    row = splits.admin.execute("SELECT key[1] = %s, search_text FROM resma.report_files", (key,)).fetchone()
    assert row == (True, key[:MAX_SEARCH_CHARACTERS])
    path = f"/api/v1/reports/{REPORT_ID}/files"
    _, _, found = splits.system.call_api("GET", path, query={"search": key[:200]})
    assert [file["number"] for file in found["files"]] == [1]


def test_a_shard_that_is_claimed_after_a_restart_has_the_new_report(
    splits: SplitReports, monkeypatch: pytest.MonkeyPatch
) -> None:
    _plan(splits, monkeypatch)
    found = list[ShardedReport | None]()

    def restart_after_first(*given: Any) -> ShardedReport | None:
        found.append(find_sharded_report(*given))
        if len(found) == 1:
            splits.admin.execute("UPDATE resma.reports SET snapshot_id = 'new', as_of = '2030-01-01Z'")
        return found[-1]

    monkeypatch.setattr(shard_job, "find_sharded_report", restart_after_first)
    resources = new_resources()
    with resources.system.transaction("demo") as connection:
        claimed = shard_job._claim(connection, resources, "demo", REPORT_ID, 1)
    close(resources)
    assert claimed is not None
    assert (claimed.report.snapshot_id, claimed.report.as_of.year) == ("new", 2030)


def test_files_of_a_deleted_report_are_removed_again_when_no_worker_can_write(
    splits: SplitReports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHARDS_IN_FLIGHT_PER_REPORT", "1")
    splits.baseline(format="CSV")
    assert splits.row().attempt == 1
    assert splits.system.call_api("DELETE", f"/api/v1/reports/{REPORT_ID}")[0] == 200
    splits.system.run_scheduler()
    assert splits.system.objects() == []
    delayed = f"demo/{REPORT_ID}/1-1/7.csv"  # a worker of a shard had lost its lease, and was suspended
    splits.system.s3.put_object(Bucket=splits.system.bucket, Key=delayed, Body=b"x")
    splits.admin.execute(
        "UPDATE resma.deleted_reports SET settled_at = clock_timestamp(), next_removal_at ="
        " CASE WHEN next_removal_at IS NOT NULL THEN clock_timestamp() END"
    )
    splits.system.run_scheduler()
    assert splits.system.objects() == []


def test_a_retry_that_comes_second_has_no_effect(splits: SplitReports, monkeypatch: pytest.MonkeyPatch) -> None:
    _plan(splits, monkeypatch)
    splits.admin.execute(
        "UPDATE resma.reports SET status = 'FAILED', finished_at = clock_timestamp(), error_code = 'shards-failed'"
    )

    def retry_first(report: Report) -> None:
        splits.admin.execute("UPDATE resma.reports SET status = 'PENDING', finished_at = NULL")
        require_split_files(report)

    monkeypatch.setattr(retry, "require_split_files", retry_first)
    status, _, body = splits.system.call_api("POST", f"/api/v1/reports/{REPORT_ID}/files/retry")
    assert (status, body["status"]) == (202, "PENDING")


def test_a_sweep_lists_few_files_and_continues_when_its_time_is_up(
    splits: SplitReports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHARDS_IN_FLIGHT_PER_REPORT", "1")
    files = splits.baseline(formats=["CSV", "NDJSON"])
    splits.system.s3.put_object(Bucket=splits.system.bucket, Key=f"demo/{REPORT_ID}/9.csv", Body=b"x")
    s3, pages = scheduler.app._resources().s3, list[dict[str, Any]]()

    def limit_page(params: dict[str, Any], **_: Any) -> None:
        pages.append(params)
        params["MaxKeys"] = 2

    s3.meta.events.register("before-parameter-build.s3.ListObjectsV2", limit_page)
    splits.admin.execute("UPDATE resma.reports SET finished_at = finished_at - interval '1 hour'")
    assert splits.system.run_scheduler()["swept"] == 1
    assert splits.contents() == files
    objects = splits.system.objects()
    assert len(objects) == len(files) + 2
    assert len(pages) < len(objects) / 2 - 2
    everything = Leftovers("demo", REPORT_ID, 1, frozenset({"csv"}))
    assert clear_store(s3, splits.system.bucket, everything, lambda: False) == "unfinished"
    assert len(splits.system.objects()) == len(objects) - 2
    assert clear_store(s3, splits.system.bucket, everything, lambda: True) == "swept"
    assert splits.system.objects() == []


def test_keys_with_many_totals_are_recorded_in_small_transactions(
    splits: SplitReports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHARDS_IN_FLIGHT_PER_REPORT", "1")
    monkeypatch.setattr(key_files, "RECORD_SECONDS", 3600)
    inserted: list[int] = []

    def insert(*given: Any) -> None:
        inserted.append(len(given[-1]))
        insert_files(*given)

    monkeypatch.setattr(key_files, "insert_files", insert)
    baseline = splits.baseline(format="CSV")
    assert max(inserted) > 1  # all files of a shard
    inserted.clear()
    monkeypatch.setattr(key_files, "MAX_UNRECORDED_TOTALS", 1)
    assert splits.baseline(format="CSV") == baseline
    assert max(inserted) == 1
