"""Runs a job from its claim to READY: reads rows from one snapshot and writes one object per format.

Objects are published only when they are complete. A report that does not end within one invocation is continued by the
next (`attempt.py`, docs/resume.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar
from uuid import UUID

from aws_lambda_powertools import Logger
from psycopg import Connection
from psycopg.rows import TupleRow

from resma.aws.metrics import Metric, emit_dead_lettered
from resma.aws.tracing import traced
from resma.destinations.queue import send_report_deliveries
from resma.errors import (
    DependencyUnavailableError,
    LeaseLostError,
    PermanentError,
    ProbeTakenError,
    RestartRequiredError,
    ShardsFailedError,
)
from resma.jobs.claim import Claim, claim_job, fail_job, record_usage, release_job, skip_job
from resma.jobs.conditions import ReportSkippedError
from resma.jobs.outages import Outage, claim_probes, find_outages
from resma.jobs.outcome import abandon_job, recover_from_outage
from resma.request_errors import RequestInvalidError
from resma.shards.reports import restart_split_report
from worker.attempt import ClaimedJob, Invocation, JobOutcome, make_files
from worker.checkpoints.cleanup import remove_own_leftovers
from worker.checkpoints.rows import check_continuation, continue_in_next_attempt, drop_checkpoint
from worker.checkpoints.store import Checkpoints
from worker.database_retry import write_with_retry
from worker.measure import emit_unfinished
from worker.postpone import JobPostponedError, retry_seconds
from worker.resources import WorkerResources
from worker.split.coordinator import coordinate
from worker.waits import Wait, keep_waiting, wait_for

logger = Logger(child=True)

T = TypeVar("T")


def generate_report(resources: WorkerResources, tenant_id: str, report_id: UUID, invocation: Invocation) -> JobOutcome:
    """Runs a job unless its report has ended; returns the outcome: ENDED if there was nothing to do.

    Safe to call twice and concurrently. A permanent error ends the report as FAILED, and so does any error of its last
    attempt. Raises JobPostponedError from the error after requeueing the job for another attempt, and LeaseHeldError or
    LeaseLostError if another worker has the job.
    """
    claimed = _claim_or_wait(resources, tenant_id, report_id)
    resources.start_failures.clear()
    claim = claimed.claim
    if claim is None:
        return _end_unclaimed(resources, tenant_id, report_id, claimed)
    logger.append_keys(attempt=claim.attempt)
    logger.info("an attempt begins", type=claim.type, formats=claim.formats, resumes=claim.checkpoint is not None)
    probed = tuple(outage.dependency for outage in claimed.outages)
    resources = resources.sealed_with(claim.kms_key)
    job = ClaimedJob(resources, claim, Checkpoints(resources, claim, probed), probed)
    outcome = None
    try:
        with traced("generate report", report_id=str(report_id), report_type=claim.type, attempt=claim.attempt):
            outcome = _run_attempt(job, invocation)
    finally:
        if outcome not in {"READY", "SKIPPED"} or job.checkpoints.latest is not None or job.checkpoints.made:
            remove_own_leftovers(resources, claim, job.checkpoints)
    if outcome != "CONTINUED":
        resources.announcer.announce(tenant_id, report_id)
    if outcome == "READY" and claim.deliver_to:
        send_report_deliveries(resources.system, resources.deliveries, tenant_id, report_id)
    return outcome


@dataclass(frozen=True)
class _ClaimResult:
    """The result of an attempt to claim a job: claimed, waiting for a dependency, or neither."""

    outages: Sequence[Outage]
    """Open circuits; the one whose probe is due last comes first. A claimed job probes all of them."""
    claim: Claim | None = None
    wait: Wait | None = None
    is_exhausted: bool = False


def _claim_or_wait(resources: WorkerResources, tenant_id: str, report_id: UUID) -> _ClaimResult:
    """Claims the job, or lets it wait while a circuit is open. Raises LeaseHeldError."""
    while True:
        try:
            with resources.system.transaction(tenant_id) as connection:
                if recover_from_outage(connection, tenant_id, report_id):
                    logger.warning("an outage of the system's database ended the last attempt, which does not count")
                outages = find_outages(connection)
                if outages and not outages[0].is_probe_due:
                    max_seconds = resources.max_outage_wait_seconds
                    if wait := keep_waiting(connection, tenant_id, report_id, outages[0], max_seconds):
                        return _ClaimResult(outages, wait=wait)
                claim = claim_job(connection, tenant_id, report_id)
                if claim is None:
                    is_exhausted = abandon_job(connection, tenant_id, report_id, if_exhausted=True)
                    return _ClaimResult(outages, is_exhausted=is_exhausted)
                if outages:
                    claim_probes(connection, outages)
                return _ClaimResult(outages, claim)
        except ProbeTakenError:
            logger.info("another report probes whether a dependency is available again")


def _end_unclaimed(resources: WorkerResources, tenant_id: str, report_id: UUID, claimed: _ClaimResult) -> JobOutcome:
    """Handles a job that was not claimed. Raises JobPostponedError if it waits for a dependency."""
    wait = claimed.wait
    if wait is not None and not wait.is_over:
        outage = claimed.outages[0]
        raise JobPostponedError(wait.seconds, DependencyUnavailableError(outage.detail, outage.dependency))
    is_failed = claimed.is_exhausted or wait is not None
    logger.info("there is nothing to do: the report has ended or does not exist", failed=is_failed)
    if is_failed:
        emit_dead_lettered(tenant_id, report_id)
        resources.announcer.announce(tenant_id, report_id)
    return "ENDED"


def _run_attempt(job: ClaimedJob, invocation: Invocation) -> JobOutcome:
    """Runs one attempt and ends it in the report's row. The row then decides which leftovers may be removed."""
    claim = job.claim
    try:
        job.resources.require_key(claim.kms_key)
        made = coordinate(job, invocation) if claim.split_by else make_files(job, invocation)
        if made == "READY":
            return "READY"
        is_stalled = made == "STALLED"
        check_continuation(claim, is_stalled=is_stalled)
        continue_later = partial(continue_in_next_attempt, claim=claim, is_stalled=is_stalled)
        _end_attempt(job, invocation, continue_later, Metric.ATTEMPTS_CONTINUED)
    except ReportSkippedError as skipped:
        logger.info("the report is skipped", reason=skipped.reason.code)
        _end_attempt(job, invocation, partial(skip_job, claim=claim, reason=skipped.reason), Metric.REPORTS_SKIPPED)
        return "SKIPPED"
    except LeaseLostError:
        emit_unfinished(claim, invocation.usage_meter.so_far(), Metric.LEASES_LOST)
        raise
    except (PermanentError, RequestInvalidError) as error:
        return _fail(job, invocation, error)
    except DependencyUnavailableError as error:
        return _wait_for_dependency(job, invocation, error)
    except Exception as error:  # noqa: BLE001  # any other error fails only this attempt
        return _retry(job, invocation, error)
    return "CONTINUED"


def _fail(job: ClaimedJob, invocation: Invocation, error: PermanentError | RequestInvalidError) -> JobOutcome:
    """Ends a report by a permanent error, or as a dead letter if transient errors have ended its failed shards."""
    claim, is_dead_letter = job.claim, isinstance(error, ShardsFailedError) and error.is_exhausted
    logger.exception("the report has failed", is_dead_letter=is_dead_letter)
    fail = partial(fail_job, claim=claim, error=error, is_dead_letter=is_dead_letter)
    # `emit_dead_lettered` counts the report as failed too.
    counted = () if is_dead_letter else (Metric.REPORTS_FAILED,)
    _end_attempt(job, invocation, fail, Metric.ATTEMPTS_FAILED, *counted)
    if is_dead_letter:
        emit_dead_lettered(claim.tenant_id, claim.report_id)
    return "FAILED"


def _wait_for_dependency(job: ClaimedJob, invocation: Invocation, error: DependencyUnavailableError) -> JobOutcome:
    """Ends an attempt because a dependency is unavailable.

    Raises JobPostponedError, unless the report has waited for too long.
    """
    if error.dependency == "system-database":
        raise error  # nothing can be recorded; `recover_from_outage` recognizes the outage by the age of the lease
    claim = job.claim
    change = partial(
        wait_for,
        claim=claim,
        error=error,
        max_wait_seconds=job.resources.max_outage_wait_seconds,
        is_probe=error.dependency in job.probed,
    )
    wait = _end_attempt(job, invocation, change, Metric.ATTEMPTS_POSTPONED)
    if not wait.is_over:
        raise JobPostponedError(wait.seconds, error) from error
    logger.exception("the report has waited for a dependency for too long")
    emit_dead_lettered(claim.tenant_id, claim.report_id)
    return "FAILED"


def _retry(job: ClaimedJob, invocation: Invocation, error: Exception) -> JobOutcome:
    """Ends an attempt that has failed. Raises JobPostponedError, unless it was the last one."""
    claim = job.claim

    def change(connection: Connection[TupleRow]) -> bool:
        if isinstance(error, RestartRequiredError):
            drop_checkpoint(connection, claim)
            if claim.split_by:
                restart_split_report(connection, claim, invocation.usage_meter.so_far())
        release_job(connection, claim, error)
        return abandon_job(connection, claim.tenant_id, claim.report_id, if_exhausted=True)

    if not _end_attempt(job, invocation, change, Metric.ATTEMPTS_FAILED):
        raise JobPostponedError(retry_seconds(claim.attempt, claim.attempts_allowed), error) from error
    logger.exception("the report has had its last attempt")
    emit_dead_lettered(claim.tenant_id, claim.report_id)
    return "FAILED"


def _end_attempt(
    job: ClaimedJob, invocation: Invocation, change: Callable[[Connection[TupleRow]], T], *counted: Metric
) -> T:
    """Ends an attempt in one transaction that also records its usage; returns the result of `change`.

    The metrics are emitted after the commit.
    """
    usage = invocation.usage_meter.so_far()

    def end(connection: Connection[TupleRow]) -> T:
        record_usage(connection, job.claim, usage)
        return change(connection)

    ended = write_with_retry(job.resources.system, job.claim.tenant_id, end, invocation.extend_visibility)
    emit_unfinished(job.claim, usage, *counted)
    return ended
