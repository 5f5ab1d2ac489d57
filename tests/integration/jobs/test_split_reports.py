"""Split reports: the files that a coordinator and workers of shards make equal those of single reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

import worker.app
from infra.paths import ROOT
from resma.errors import DatabaseBusyError, QueryInvalidError
from resma.shards.claim import ShardClaim
from resma.snapshot.snapshot import Snapshot
from resma.snapshot.summarize import summarize
from tests.support.crash_injector import CrashInjector, WorkerKilledError
from tests.support.embedded_metrics import read_metrics, total_of
from tests.support.split_jobs import AS_OF, REPORT_ID, SplitReports, close, new_resources, reload_resources
from tests.support.system import System
from worker import heartbeat
from worker.split import generate_files, key_files, shard_loop
from worker.time_budget import TimeBudget

KEYS = 12
CHECKS_PER_INVOCATION = 6
"""Number of checks of the time in an invocation that is too short for all keys."""

ALL_FORMATS = ["CSV", "NDJSON", "XLSX", "PDF", "PARQUET"]


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
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the coordinator generate all shards itself."""
    monkeypatch.setenv("SHARDS_IN_FLIGHT_PER_REPORT", "1")


@pytest.fixture
def no_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the steps of a worker be those of its main thread only."""
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 3600)


@pytest.fixture
def splits(system: System, admin: Connection[TupleRow]) -> SplitReports:
    """A split report that a test can run repeatedly."""
    return SplitReports(system, admin)


@pytest.mark.usefixtures("alone")
def test_each_file_equals_that_of_a_single_report(splits: SplitReports) -> None:
    made = splits.baseline(formats=ALL_FORMATS)
    keys = splits.admin.execute("SELECT DISTINCT number, key FROM resma.report_files ORDER BY number").fetchall()
    assert len(keys) == KEYS
    assert splits.receive() == []
    for number, (branch, account) in keys[::3]:
        splits.request_report(splitBy=None, formats=ALL_FORMATS, filters={"branch": branch, "account": account})
        title = f"Transactions of branch {branch}, account {account}"
        splits.admin.execute("UPDATE resma.reports SET title = %s", (title,))
        assert splits.coordinate() == "READY", splits.errors()
        for file in splits.row().files or []:
            data = splits.system.s3.get_object(Bucket=splits.system.bucket, Key=file["object_key"])["Body"].read()
            assert data == made[number, file["format"]], (number, file["format"])


def test_one_and_three_workers_make_the_same_files(splits: SplitReports, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHARDS_IN_FLIGHT_PER_REPORT", "1")
    baseline = splits.baseline(formats=["CSV", "PDF"])
    reload_resources()
    monkeypatch.setenv("SHARDS_IN_FLIGHT_PER_REPORT", "3")
    splits.request_report(formats=["CSV", "PDF"])
    assert splits.run_with_workers(2) == "READY"
    assert splits.contents() == baseline
    report = splits.row()
    assert report.metrics is not None
    assert report.metrics["workers"] > 1
    assert (report.keys_done, report.keys_expected, report.rows_done) == (KEYS, KEYS, 3000)
    assert (report.metrics["keys"], report.metrics["files"]) == (KEYS, 2 * KEYS)


@pytest.mark.usefixtures("alone")
def test_the_report_is_ready_with_one_event_and_a_manifest(splits: SplitReports) -> None:
    splits.baseline(format="CSV")
    report = splits.row()
    assert report.status == "READY"
    assert report.manifest is not None
    assert report.manifest["manifest"]["object_key"] in splits.system.objects()
    (event,) = splits.admin.execute("SELECT type FROM resma.events").fetchall()
    assert event == ("report.ready",)
    assert splits.coordinate() == "ENDED"
    assert splits.work_on(1) == "ENDED"


@pytest.mark.usefixtures("alone")
def test_a_report_without_rows_has_no_files(splits: SplitReports) -> None:
    assert splits.baseline(format="CSV", filters={"from": "2099-01-01"}) == {}
    report = splits.row()
    assert (report.status, report.keys_expected) == ("READY", 0)
    assert [warning["code"] for warning in report.warnings or []] == ["no-rows"]


@pytest.mark.usefixtures("alone", "no_heartbeat")
def test_a_coordinator_that_dies_at_any_step_loses_and_doubles_nothing(splits: SplitReports) -> None:
    baseline = splits.baseline(format="CSV")
    step = 2
    while _dies_before(splits, step):
        step += 3
        splits.end_leases()
        # Its last steps are after the report is READY.
        expected = "ENDED" if splits.row().status == "READY" else "READY"
        assert splits.coordinate() == expected, (step, splits.row().error_detail)
        assert splits.contents() == baseline, step
        assert splits.row().attempt <= 2
        assert splits.admin.execute("SELECT count(*) FROM resma.events").fetchone() == (1,)
    assert splits.contents() == baseline
    assert step > 20


def _dies_before(splits: SplitReports, step: int) -> bool:
    """Requests a report whose coordinator dies before this step. Returns False if it has ended before.

    The number of steps differs between runs: keys are recorded once a second.
    """
    splits.request_report(format="CSV")
    resources = new_resources()
    CrashInjector(resources).die_before(step)
    try:
        assert splits.coordinate(resources) == "READY", splits.errors()
    except WorkerKilledError:
        return True
    finally:
        close(resources)
    return False


def _plan(splits: SplitReports, monkeypatch: pytest.MonkeyPatch, **request: Any) -> None:
    """Leaves a report whose coordinator has planned the shards, sent the messages and then died."""
    splits.request_report(**{"format": "CSV", **request})
    resources = new_resources()
    with monkeypatch.context() as patch:
        patch.setattr(shard_loop.ShardLoop, "_generate", _die)
        with pytest.raises(WorkerKilledError):
            splits.coordinate(resources)
    close(resources)


def _die(*_: object) -> None:
    raise WorkerKilledError


@pytest.mark.usefixtures("no_heartbeat")
def test_a_worker_that_dies_at_any_step_loses_and_doubles_nothing(
    splits: SplitReports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHARDS_IN_FLIGHT_PER_REPORT", "3")
    baseline = splits.baseline(format="CSV")
    step = 1
    while True:
        _plan(splits, monkeypatch)
        shard = splits.receive()[0]
        resources = new_resources()
        injector = CrashInjector(resources)
        injector.die_before(step)
        try:
            assert splits.work_on(shard, resources) == "ENDED", splits.errors()
            break
        except WorkerKilledError:
            step += 2
        finally:
            close(resources)
        splits.end_leases()
        assert splits.coordinate() == "READY", splits.errors()
        assert splits.contents() == baseline
    assert step > 5


@pytest.mark.usefixtures("no_heartbeat")
def test_the_coordinator_continues_the_shard_of_a_dead_worker_in_the_same_snapshot(
    splits: SplitReports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHARDS_IN_FLIGHT_PER_REPORT", "3")
    # Without waiting for uploads, one transaction may record two keys, and there is no time at which one is recorded.
    monkeypatch.setattr(key_files.KeyFiles, "record_if_due", key_files.KeyFiles.record_all)
    baseline = splits.baseline(format="CSV")
    generate = shard_loop.ShardLoop._generate
    for keys in range(3):  # recorded by the worker before it dies
        dead: list[int] = []

        def let_worker_die(
            self: shard_loop.ShardLoop, claim: ShardClaim, keys: int = keys, dead: list[int] = dead
        ) -> None:
            if not dead:
                dead.append(splits.receive()[0])
                _die_after(splits, dead[0], keys)
            generate(self, claim)

        monkeypatch.setattr(shard_loop.ShardLoop, "_generate", let_worker_die)
        splits.request_report(format="CSV")
        assert splits.coordinate() == "READY", splits.errors()
        assert (splits.row().snapshots, splits.row().attempt) == (1, 1)
        assert {shard for shard, attempt in splits.shards("shard, attempt") if attempt == 2} == set(dead)
        assert splits.contents() == baseline
        found = splits.admin.execute("SELECT count(*), array_agg(DISTINCT snapshot) FROM resma.report_files").fetchone()
        assert found == (KEYS, [1])


def _die_after(splits: SplitReports, shard: int, keys: int) -> None:
    """Lets another worker die once it has recorded this number of keys of a shard, and its lease expire."""
    resources, query = new_resources(), "SELECT keys_done, status FROM resma.shards WHERE shard = %s"
    injector = CrashInjector(resources)

    def check(_: int) -> None:
        row = splits.admin.execute(query, (shard,)).fetchone()
        injector.is_dead = injector.is_dead or (row is not None and row[1] == "GENERATING" and row[0] >= keys)
        if injector.is_dead:
            raise WorkerKilledError

    injector.before_step = check
    with pytest.raises(WorkerKilledError):
        splits.work_on(shard, resources)
    close(resources)
    expired = splits.admin.execute(
        "UPDATE resma.shards SET lease_until = clock_timestamp() - interval '1 second'"
        " WHERE status = 'GENERATING' AND shard = %s RETURNING keys_done",
        (shard,),
    ).fetchall()
    assert expired == [(keys,)]


def test_a_shard_continues_in_a_new_snapshot_when_the_exported_one_is_gone(
    splits: SplitReports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHARDS_IN_FLIGHT_PER_REPORT", "3")
    baseline = splits.baseline(format="CSV")
    _plan(splits, monkeypatch)
    (shard, *_) = splits.receive()
    assert splits.work_on(shard) == "ENDED", splits.errors()
    assert splits.admin.execute("SELECT snapshots FROM resma.reports").fetchone() == (2,)
    splits.end_leases()
    assert splits.coordinate() == "READY", splits.errors()
    assert splits.contents() == baseline
    snapshots = splits.admin.execute("SELECT DISTINCT snapshot FROM resma.report_files ORDER BY 1").fetchall()
    assert snapshots == [(2,), (3,)]


def test_a_report_whose_data_change_between_snapshots_restarts(
    splits: SplitReports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHARDS_IN_FLIGHT_PER_REPORT", "3")
    _plan(splits, monkeypatch)
    shards = splits.receive()
    assert splits.work_on(shards[0]) == "ENDED", splits.errors()
    before = splits.contents()
    changed = splits.admin.execute(
        "UPDATE bank.transactions SET description = description || '!' WHERE transaction_id IN"
        " (SELECT max(transaction_id) FROM bank.transactions WHERE account_id = (SELECT key[2]"
        "  FROM resma.report_files AS f ORDER BY number LIMIT 1)) RETURNING transaction_id"
    ).fetchall()
    try:
        splits.admin.execute(
            "UPDATE resma.shards SET status = 'PENDING', keys_done = 0, rows_done = 0, done_key = NULL"
            " WHERE status = 'DONE'"
        )
        splits.admin.execute("DELETE FROM resma.report_files")
        assert splits.work_on(shards[0]) == "FAILED"
        splits.end_leases()
        assert splits.coordinate() == "source-changed"
        assert splits.shards() == []
        splits.admin.execute("UPDATE resma.reports SET next_attempt_at = NULL")
        assert splits.coordinate() == "READY", splits.errors()
        after = splits.contents()
        assert len(after) == KEYS
        first = min(before)
        assert after[first] != before[first]
        assert min(attempt for (attempt,) in splits.shards("attempt")) > 1  # fences and keys never occur twice
    finally:
        splits.admin.execute(
            "UPDATE bank.transactions SET description = rtrim(description, '!') WHERE transaction_id = ANY (%s)",
            ([number for (number,) in changed],),
        )


@pytest.mark.usefixtures("alone")
def test_a_report_continues_when_the_invocation_ends(splits: SplitReports, monkeypatch: pytest.MonkeyPatch) -> None:
    baseline = splits.baseline(format="CSV")
    checks = 0

    def is_time_up(_: TimeBudget) -> bool:
        nonlocal checks
        checks += 1
        return checks > CHECKS_PER_INVOCATION

    monkeypatch.setattr(TimeBudget, "is_time_up", is_time_up)
    splits.request_report(format="CSV")
    outcomes = [splits.coordinate()]
    while outcomes[-1] == "CONTINUED":
        checks = 0
        outcomes.append(splits.coordinate())
    assert outcomes[-1] == "READY", splits.row().error_detail
    assert len(outcomes) > 2
    assert splits.contents() == baseline
    assert splits.row().snapshots > 1


def test_shards_in_flight_are_limited(splits: SplitReports, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHARDS_IN_FLIGHT_PER_REPORT", "3")
    _plan(splits, monkeypatch)
    assert len(splits.receive()) == 2  # and the coordinator's own
    reload_resources()
    monkeypatch.setenv("SHARDS_IN_FLIGHT_PER_TENANT", "2")
    _plan(splits, monkeypatch)
    assert len(splits.receive()) == 1


def test_workers_stop_when_the_report_is_cancelled(splits: SplitReports, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHARDS_IN_FLIGHT_PER_REPORT", "3")
    _plan(splits, monkeypatch)
    (shard, *_) = splits.receive()
    write_key = key_files.KeyFiles.write_key

    def cancel(self: Any, *given: Any) -> bool:
        splits.system.call_api("POST", f"/api/v1/reports/{REPORT_ID}/cancel")
        return write_key(self, *given)

    monkeypatch.setattr(key_files.KeyFiles, "write_key", cancel)
    assert splits.work_on(shard) == "lease-lost"
    assert splits.contents() == {}
    assert splits.coordinate() == "ENDED"
    assert splits.work_on(shard) == "ENDED"


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    "path", [f"reports/{REPORT_ID}/files/retry", f"dead-letters/{REPORT_ID}/redrive", "dead-letters/redrive"]
)
def test_a_report_whose_shards_had_their_last_attempt_is_a_dead_letter(
    splits: SplitReports, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], path: str
) -> None:
    baseline = splits.baseline(format="CSV")
    with monkeypatch.context() as patch:
        _fail_shards(patch, {1: DatabaseBusyError("Busy.")})
        splits.request_report(format="CSV")
        capsys.readouterr()
        assert splits.coordinate() == "FAILED"
    report = splits.row()
    assert (report.status, report.error_code) == ("FAILED", "shards-failed")
    failed, *done = splits.shards("status, attempt, error_code, is_exhausted")
    assert failed == ("FAILED", 3, "database-busy", True)
    assert {status for status, *_ in done} == {"DONE"}
    metrics = read_metrics(capsys.readouterr().out)
    assert [total_of(metrics, name, Stage="local") for name in ("ReportsDeadLettered", "ReportsFailed")] == [1, 1]
    (letter,) = splits.system.call_api("GET", "/api/v1/dead-letters")[2]["items"]
    assert (letter["reportId"], letter["error"]["code"]) == (str(REPORT_ID), "shards-failed")
    assert "/redrive" in letter["error"]["detail"]
    stored = splits.contents()
    assert 0 < len(stored) < KEYS
    status, _, body = splits.system.call_api("POST", f"/api/v1/{path}")
    assert status < 300, body
    assert splits.system.call_api("GET", "/api/v1/dead-letters")[2]["items"] == []
    assert splits.shards("status, is_exhausted")[0] == ("PENDING", False)
    assert splits.coordinate() == "READY", splits.errors()
    assert splits.contents() == baseline
    assert [attempt for (attempt,) in splits.shards("attempt")] == [4, *[1] * len(done)]


@pytest.mark.usefixtures("alone", "no_heartbeat")
def test_a_report_whose_shard_had_dead_workers_only_is_a_dead_letter(splits: SplitReports) -> None:
    for step in range(18, 40):  # until it dies while it generates a shard
        splits.request_report(format="CSV")
        resources = new_resources()
        CrashInjector(resources).die_before(step)
        with pytest.raises(WorkerKilledError):
            splits.coordinate(resources)
        close(resources)
        if ("GENERATING",) in splits.shards("status"):
            break
    splits.admin.execute("UPDATE resma.shards SET attempts_allowed = attempt WHERE status = 'GENERATING'")
    splits.end_leases()
    assert splits.coordinate() == "FAILED"
    assert ("FAILED", "worker-died", True) in splits.shards("status, error_code, is_exhausted")
    (letter,) = splits.system.call_api("GET", "/api/v1/dead-letters")[2]["items"]
    assert letter["reportId"] == str(REPORT_ID)


@pytest.mark.usefixtures("alone")
def test_a_report_with_a_permanent_error_of_a_shard_is_not_a_dead_letter(
    splits: SplitReports, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    splits.baseline(format="CSV")
    (_, first), (_, second), *_ = splits.shards("shard, first_number")
    _fail_shards(monkeypatch, {first: DatabaseBusyError("Busy."), second: QueryInvalidError("Invalid.")})
    capsys.readouterr()
    splits.request_report(format="CSV")
    assert splits.coordinate() == "FAILED"
    found = splits.shards("attempt, error_code, is_exhausted")
    assert found[:2] == [(3, "database-busy", True), (1, "query-invalid", False)]
    metrics = read_metrics(capsys.readouterr().out)
    assert total_of(metrics, "ReportsFailed", Stage="local") == 1
    assert not total_of(metrics, "ReportsDeadLettered", Stage="local")
    assert splits.system.call_api("GET", "/api/v1/dead-letters")[2]["items"] == []
    assert splits.system.call_api("POST", f"/api/v1/dead-letters/{REPORT_ID}/redrive")[0] == 409
    assert splits.system.call_api("POST", f"/api/v1/reports/{REPORT_ID}/files/retry")[0] == 202


def _fail_shards(monkeypatch: pytest.MonkeyPatch, errors: Mapping[int, Exception]) -> None:
    """Lets each attempt fail that reads from the key with one of these numbers."""
    parts = Snapshot.parts

    def fail(self: Snapshot, *given: Any, **named: Any) -> Any:
        if (error := errors.get(named["first_number"])) is not None:
            raise error
        return parts(self, *given, **named)

    monkeypatch.setattr(Snapshot, "parts", fail)
    monkeypatch.setattr("worker.split.shard_end.retry_seconds", lambda *_: 0.0)


@pytest.mark.usefixtures("alone")
def test_the_coordinator_exports_again_when_its_snapshot_is_lost(
    splits: SplitReports, monkeypatch: pytest.MonkeyPatch
) -> None:
    baseline = splits.baseline(format="CSV")
    generate = generate_files.generate_files
    calls = 0

    def lose_snapshot(*given: Any) -> int:
        nonlocal calls
        calls += 1
        if calls == 2:
            worker.app._resources().source.close()
        return generate(*given)

    monkeypatch.setattr(shard_loop, "generate_files", lose_snapshot)
    splits.request_report(format="CSV")
    assert splits.coordinate() == "READY", splits.errors()
    assert splits.contents() == baseline
    assert splits.row().snapshots == 2


@pytest.mark.usefixtures("alone", "no_heartbeat")
def test_the_sweep_removes_leftovers_and_keeps_files(splits: SplitReports) -> None:
    splits.request_report(format="CSV")
    resources = new_resources()
    CrashInjector(resources).die_before(21)
    with pytest.raises(WorkerKilledError):
        splits.coordinate(resources)
    close(resources)
    splits.end_leases()
    assert splits.coordinate() == "READY", splits.errors()
    prefix = f"demo/{REPORT_ID}"
    for leftover in ("1-7/1.csv", "1-1/999.csv", "9.csv"):
        splits.system.s3.put_object(Bucket=splits.system.bucket, Key=f"{prefix}/{leftover}", Body=b"x")
    files = splits.contents()
    splits.admin.execute("UPDATE resma.reports SET finished_at = finished_at - interval '1 hour'")
    assert splits.system.run_scheduler()["swept"] == 1
    assert splits.contents() == files
    assert len(splits.system.objects()) == len(files) + 2  # the manifest and its list
    splits.admin.execute("UPDATE resma.reports SET expires_at = clock_timestamp() - interval '1 hour'")
    assert splits.system.run_scheduler()["swept"] == 1
    assert splits.system.objects() == []
    assert splits.shards() == []


@pytest.mark.usefixtures("alone")
def test_the_files_of_a_failed_report_are_kept_until_the_end_of_retention(splits: SplitReports) -> None:
    splits.baseline(format="CSV")
    splits.admin.execute(
        "UPDATE resma.reports SET status = 'FAILED', manifest = NULL, error_code = 'shards-failed',"
        " finished_at = finished_at - interval '1 hour'"
    )
    splits.system.run_scheduler()
    assert len(splits.contents()) == len(splits.system.objects()) == KEYS
    splits.admin.execute("UPDATE resma.reports SET finished_at = finished_at - interval '31 days', sweep_after = NULL")
    splits.system.run_scheduler()
    assert splits.system.objects() == []
