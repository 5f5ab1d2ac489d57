"""The coordinator's loop: sends the messages of shards, generates shards, continues those of dead workers, and waits.

A shard that another worker holds is never read. Errors of a shard end its attempt, not that of the report, unless a
dependency is unavailable or the report must restart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import TypeVar

from aws_lambda_powertools import Logger
from psycopg import Connection
from psycopg.rows import TupleRow

from resma.errors import (
    DependencyUnavailableError,
    LeaseLostError,
    RestartRequiredError,
    ShardsFailedError,
    SnapshotGoneError,
    SourceChangedError,
)
from resma.jobs.outcome import UNNOTICED_LEASE_SECONDS
from resma.shards import transitions
from resma.shards.claim import ShardClaim, claim_next_shard, continue_shard
from resma.shards.queue import mark_sent, send_shards
from resma.shards.reports import keep_split_report_alive
from resma.shards.rows import FailedShard, ShardCounts, count_shards, find_failed_shards
from worker.attempt import ClaimedJob, Invocation
from worker.database_retry import write_with_retry
from worker.heartbeat import Heartbeat
from worker.measure import WritingSeconds
from worker.split.exported_snapshot import ExportedSnapshot
from worker.split.generate_files import ShardRun, generate_files
from worker.split.plan import PreparedReport, export_again, find_prepared
from worker.split.shard import ClaimedShard, HeldShard
from worker.split.shard_end import ShardResult, end_failed_attempt, end_shard

logger = Logger(child=True)

T = TypeVar("T")

POLL_SECONDS = 1.0
"""Interval at which the coordinator looks at the shards of other workers, and sends further messages."""


@dataclass(frozen=True)
class _Step:
    """What the coordinator does next."""

    counts: ShardCounts
    failed: Sequence[FailedShard]
    own: ShardClaim | None = None
    """The shard that the coordinator generates."""
    to_send: Sequence[int] = ()
    """Numbers of the shards whose messages are sent."""


class ShardLoop:
    """Works until all shards of a report are DONE or FAILED, or the invocation's time is up."""

    def __init__(  # noqa: PLR0913, PLR0917  # the report, its snapshot, and the invocation
        self,
        job: ClaimedJob,
        invocation: Invocation,
        prepared: PreparedReport,
        exported: ExportedSnapshot,
        heartbeat: Heartbeat,
        held: HeldShard,
    ) -> None:
        self._job = job
        self._claim = job.claim
        self._resources = job.resources
        self._invocation = invocation
        self._prepared = prepared
        self._exported = exported
        self._heartbeat = heartbeat
        self._held = held
        self._looked_at = monotonic()
        self.seconds = WritingSeconds()
        """Seconds that this worker spent on its own shards."""

    def run(self) -> bool:
        """Returns whether all shards are DONE; if not, the time is up.

        Raises ShardsFailedError if others have failed, SourceChangedError, LeaseLostError, and
        DependencyUnavailableError.
        """
        while not self._invocation.time_budget.is_time_up():
            step: _Step = write_with_retry(self._resources.system, self._claim.tenant_id, self._next_step)
            _require_no_restart(step.failed)
            send_shards(self._resources.queue, self._claim, step.to_send)
            if step.own is not None:
                self._generate(step.own)
            elif step.counts.unfinished:
                self._heartbeat.lost.wait(POLL_SECONDS)
            elif step.failed:
                raise _shards_failed(step.failed)
            else:
                return True
            self._heartbeat.record_progress(0)  # raises if the lease is lost
        return False

    def _next_step(self, connection: Connection[TupleRow]) -> _Step:
        claim = self._claim
        counts = count_shards(connection, claim)
        usage = self._invocation.usage_meter.so_far()
        keep_split_report_alive(connection, claim, counts.keys_done, counts.rows_done, usage)
        transitions.recover(connection, claim, UNNOTICED_LEASE_SECONDS)
        transitions.fail_exhausted(connection, claim)
        own = claim_next_shard(connection, claim, self._resources.worker_id)
        return _Step(
            count_shards(connection, claim), find_failed_shards(connection, claim), own, self._mark(connection)
        )

    def _mark(self, connection: Connection[TupleRow]) -> list[int]:
        self._looked_at = monotonic()
        resources = self._resources
        return mark_sent(
            connection,
            self._claim,
            resources.shards_in_flight_per_report,
            resources.shards_in_flight_per_tenant,
        )

    def _supervise(self) -> bool:
        """Sends further messages once a second; returns whether the time allows to continue. Raises LeaseLostError."""
        self._heartbeat.record_progress(0)
        if monotonic() - self._looked_at >= POLL_SECONDS:
            to_send = write_with_retry(self._resources.system, self._claim.tenant_id, self._mark)
            send_shards(self._resources.queue, self._claim, to_send)
        return not self._invocation.time_budget.is_time_up()

    def _generate(self, claim: ShardClaim) -> None:
        """Generates a shard, and ends its attempt."""
        prepared, resources = self._prepared, self._resources
        shard = ClaimedShard(resources, prepared.report, claim, prepared.organization, self._job.probed)
        self._held.hold(claim)
        run = ShardRun(
            resources.shard_source,
            self._invocation.time_budget,
            self._heartbeat.lost,
            self._supervise,
            needs_exported=True,
            seconds=self.seconds,
        )
        try:
            keys = generate_files(shard, run)
        except (LeaseLostError, RestartRequiredError):
            raise
        except SnapshotGoneError:
            self._export_again(shard)
        except Exception as error:  # noqa: BLE001  # it ends the attempt of the shard only
            self._fail(shard, error)
        else:
            result: ShardResult = "DONE" if keys == claim.keys else "CONTINUED"
            self._end(partial(end_shard, shard=shard, result=result, usage=None))
        finally:
            self._held.hold(None)

    def _export_again(self, shard: ClaimedShard) -> None:
        """Exports a new snapshot, because the connection of the previous one was lost."""
        logger.warning("the exported snapshot no longer exists", shard=shard.claim.shard)
        self._end(partial(continue_shard, claim=shard.claim))
        export_again(self._job, self._exported)
        find = partial(find_prepared, self._job)
        prepared = write_with_retry(self._resources.system, self._claim.tenant_id, find)
        if prepared is None:
            raise LeaseLostError(f"The shards of report {self._claim.report_id} no longer exist.")
        self._prepared = prepared

    def _fail(self, shard: ClaimedShard, error: Exception) -> None:
        is_wait = isinstance(error, DependencyUnavailableError)
        if isinstance(error, DependencyUnavailableError) and error.dependency == "system-database":
            raise error
        pause = self._end(partial(end_failed_attempt, shard=shard, error=error, usage=None))
        if is_wait:
            raise error
        logger.exception("an attempt of a shard has failed", shard=shard.claim.shard, pause_seconds=pause)

    def _end(self, change: Callable[[Connection[TupleRow]], T]) -> T:
        self._held.hold(None)
        return write_with_retry(self._resources.system, self._claim.tenant_id, change)


def _require_no_restart(failed: Sequence[FailedShard]) -> None:
    """Raises SourceChangedError if the worker of a shard has found other rows than in the first snapshot."""
    for shard in failed:
        if shard.error_code == SourceChangedError.code:
            raise SourceChangedError(shard.error_detail)


def _shards_failed(failed: Sequence[FailedShard]) -> ShardsFailedError:
    """Returns the error of the report. A single permanent error among those of the shards makes it permanent."""
    return ShardsFailedError(
        [(shard.shard, shard.error_code, shard.error_detail) for shard in failed],
        is_exhausted=all(shard.is_exhausted for shard in failed),
    )
