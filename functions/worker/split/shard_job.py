"""Runs the job of a shard's message: claims the shard, generates its files and ends the attempt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from uuid import UUID

from aws_lambda_powertools import Logger
from psycopg import Connection
from psycopg.rows import TupleRow

from resma.aws.metrics import Metric
from resma.aws.tracing import traced
from resma.catalog import find_report_type, hold_catalog, organization_of
from resma.errors import DependencyUnavailableError, LeaseLostError, ProbeTakenError
from resma.jobs.outages import claim_probes, find_outages
from resma.jobs.report_rows import tenant_name
from resma.shards.claim import claim_shard, keep_shard_alive
from resma.shards.rows import find_sharded_report
from worker.attempt import Invocation, JobOutcome
from worker.checkpoints.serialization import stamp_of
from worker.database_retry import write_with_retry
from worker.heartbeat import Heartbeat
from worker.measure import emit_shard
from worker.peak_memory import reset_peak
from worker.postpone import JobPostponedError
from worker.resources import WorkerResources
from worker.split.generate_files import ShardRun, generate_files
from worker.split.shard import ClaimedShard
from worker.split.shard_end import ShardResult, end_failed_attempt, end_shard, pause_until

logger = Logger(child=True)


@hold_catalog()
def generate_shard(
    resources: WorkerResources, tenant_id: str, report_id: UUID, shard: int, invocation: Invocation
) -> JobOutcome:
    """Runs the job of a shard; returns ENDED if it is DONE or there is nothing to do, and never READY.

    Safe to call twice and concurrently. Raises JobPostponedError after requeueing the shard for another attempt, and
    LeaseHeldError or LeaseLostError if another worker has it.
    """
    reset_peak()
    claimed = _claim_or_wait(resources, tenant_id, report_id, shard)
    resources.start_failures.clear()
    if claimed is None:
        logger.info("there is nothing to do: the shard has ended, or its report waits", shard=shard)
        return "ENDED"
    logger.append_keys(attempt=claimed.claim.attempt)
    logger.info("an attempt of a shard begins", shard=shard, type=claimed.report.type, keys=claimed.claim.keys)
    with traced("generate shard", report_id=str(report_id), report_type=claimed.report.type, shard=shard):
        return _run_attempt(claimed, invocation)


def _claim_or_wait(resources: WorkerResources, tenant_id: str, report_id: UUID, shard: int) -> ClaimedShard | None:
    """Claims the shard; None if there is nothing to do. Raises JobPostponedError while a circuit is open."""
    while True:
        try:
            with resources.system.transaction(tenant_id) as connection:
                return _claim(connection, resources, tenant_id, report_id, shard)
        except ProbeTakenError:
            logger.info("another job probes whether a dependency is available again")


def _claim(
    connection: Connection[TupleRow], resources: WorkerResources, tenant_id: str, report_id: UUID, shard: int
) -> ClaimedShard | None:
    outages = find_outages(connection)
    if outages and not outages[0].is_probe_due:
        unavailable = DependencyUnavailableError(outages[0].detail, outages[0].dependency)
        raise JobPostponedError(pause_until(outages[0].probe_at), unavailable)
    report = find_sharded_report(connection, tenant_id, report_id)
    if report is None:
        return None
    if report.shards_stamp != stamp_of(find_report_type(report.type)):
        logger.warning("other code has planned the shards; the coordinator generates this one", shard=shard)
        return None
    claim = claim_shard(connection, tenant_id, report_id, shard, resources.worker_id)
    # Read again, because the report may have restarted before the shard was claimed. It cannot restart now, because
    # this transaction has locked the shard.
    report = find_sharded_report(connection, tenant_id, report_id)
    if claim is None or report is None:
        return None
    if outages:
        claim_probes(connection, outages)
    organization = organization_of(tenant_name(connection, tenant_id))
    resources = resources.sealed_with(report.kms_key)
    return ClaimedShard(resources, report, claim, organization, tuple(outage.dependency for outage in outages))


@dataclass
class _Supervisor:
    """Called between batches and keys: returns whether to continue. Raises LeaseLostError once the lease is lost."""

    invocation: Invocation
    heartbeat: Heartbeat

    def __call__(self) -> bool:
        self.heartbeat.record_progress(0)
        return not self.invocation.time_budget.is_time_up()


def _run_attempt(shard: ClaimedShard, invocation: Invocation) -> JobOutcome:
    """Runs one attempt and ends it in the shard's row. Raises JobPostponedError, LeaseLostError."""
    resources, claim = shard.resources, shard.claim
    try:
        result = _generate(shard, invocation)
    except LeaseLostError:
        emit_shard(shard.report.type, claim, invocation.usage_meter.so_far(), Metric.LEASES_LOST)
        raise
    except Exception as error:
        if isinstance(error, DependencyUnavailableError) and error.dependency == "system-database":
            raise
        usage = invocation.usage_meter.so_far()
        end = partial(end_failed_attempt, shard=shard, error=error, usage=usage)
        pause = write_with_retry(resources.system, claim.tenant_id, end, invocation.extend_visibility)
        is_wait = isinstance(error, DependencyUnavailableError)
        emit_shard(shard.report.type, claim, usage, Metric.ATTEMPTS_POSTPONED if is_wait else Metric.ATTEMPTS_FAILED)
        if pause is not None:
            raise JobPostponedError(pause, error) from error
        logger.exception("a shard has failed", shard=claim.shard)
        return "FAILED"
    usage = invocation.usage_meter.so_far()
    finish = partial(end_shard, shard=shard, result=result, usage=usage)
    ended = write_with_retry(resources.system, claim.tenant_id, finish, invocation.extend_visibility)
    emit_shard(shard.report.type, claim, usage, *([] if ended == "DONE" else [Metric.ATTEMPTS_CONTINUED]))
    logger.info("an attempt of a shard has ended", shard=claim.shard, result=ended)
    return {"DONE": "ENDED", "FAILED": "FAILED"}.get(ended, "CONTINUED")  # type: ignore[return-value]


def _generate(shard: ClaimedShard, invocation: Invocation) -> ShardResult:
    resources, claim = shard.resources, shard.claim
    resources.require_key(shard.report.kms_key)

    def beat(_rows: int) -> None:
        with resources.system.transaction(claim.tenant_id) as connection:
            keep_shard_alive(connection, claim, invocation.usage_meter.so_far())

    with Heartbeat(beat, invocation.extend_visibility, resources.source.cancel) as heartbeat:
        supervisor = _Supervisor(invocation, heartbeat)
        run = ShardRun(resources.source, invocation.time_budget, heartbeat.lost, supervisor)
        keys = generate_files(shard, run)
    if keys == claim.keys:
        return "DONE"
    return "CONTINUED" if keys > claim.keys_done else "STALLED"
