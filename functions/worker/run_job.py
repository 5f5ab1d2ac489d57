"""A job from claim to READY: rows out of one snapshot, bytes into an object a format, published only when whole.

What does not end within one invocation is handed over to the next (`attempt.py`, docs/resume.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeVar
from uuid import UUID

from aws_lambda_powertools import Logger
from psycopg import Connection
from psycopg.rows import TupleRow

from resma.aws.metrics import Metric, emit_dead_lettered
from resma.aws.tracing import traced
from resma.errors import (
    DependencyUnavailableError,
    LeaseLostError,
    PermanentError,
    ProbeTakenError,
    RequestInvalidError,
    RestartRequiredError,
)
from resma.jobs.claim import Claim, claim_job, fail_job, record_usage, release_job
from resma.jobs.outages import Outage, claim_probes, find_outages
from resma.jobs.outcome import abandon_job, recover_from_outage
from worker.attempt import Invocation, Work, make_files
from worker.checkpoints.cleanup import clear_up
from worker.checkpoints.rows import check_continuation, drop_checkpoint, hand_over_job
from worker.checkpoints.store import Checkpoints
from worker.measure import emit_unfinished
from worker.patience import write_patiently
from worker.postpone import JobPostponedError, retry_seconds
from worker.resources import Resources
from worker.waits import Wait, keep_waiting, wait_for

logger = Logger(child=True)

T = TypeVar("T")

Outcome = Literal["ENDED", "FAILED", "HANDED_OVER", "READY"]


def generate_report(resources: Resources, tenant_id: str, report_id: UUID, invocation: Invocation) -> Outcome:
    """Does the job if there is anything left to do; returns how it stands then.

    Safe to call twice and at once. A permanent error ends the report as FAILED, and so does any error of its last
    attempt. Raises JobPostponedError from the error after sending the job back for another attempt; LeaseHeldError or
    LeaseLostError when the job is another worker's.
    """
    admitted = _admit(resources, tenant_id, report_id)
    resources.failures_to_begin.clear()
    claim = admitted.claim
    if claim is None:
        return _turn_away(resources, tenant_id, report_id, admitted)
    logger.append_keys(attempt=claim.attempt)
    logger.info("an attempt begins", type=claim.type, formats=claim.formats, goes_on=claim.checkpoint is not None)
    probed = tuple(outage.dependency for outage in admitted.outages)
    work = Work(resources, claim, Checkpoints(resources, claim, probed), probed)
    outcome = None
    try:
        with traced("generate report", report_id=str(report_id), report_type=claim.type, attempt=claim.attempt):
            outcome = _do(work, invocation)
    finally:
        if outcome != "READY" or work.checkpoints.latest is not None or work.checkpoints.made:
            clear_up(resources, claim, work.checkpoints)
    if outcome != "HANDED_OVER":
        resources.announcer.announce(tenant_id, report_id)
    return outcome


@dataclass(frozen=True)
class _Admitted:
    """What became of a message's job: claimed, waiting, or neither."""

    outages: Sequence[Outage]
    """Open circuits, the one to be probed last first. A claimed job probes all of them."""
    claim: Claim | None = None
    wait: Wait | None = None
    is_exhausted: bool = False


def _admit(resources: Resources, tenant_id: str, report_id: UUID) -> _Admitted:
    """Claims the job, or has it wait while a circuit is open. Raises LeaseHeldError."""
    while True:
        try:
            with resources.system.transaction(tenant_id) as connection:
                if recover_from_outage(connection, tenant_id, report_id):
                    logger.warning("the system's database was unavailable: the attempt that it ended does not count")
                outages = find_outages(connection)
                if outages and not outages[0].is_probe_due:
                    max_seconds = resources.max_outage_wait_seconds
                    if wait := keep_waiting(connection, tenant_id, report_id, outages[0], max_seconds):
                        return _Admitted(outages, wait=wait)
                claim = claim_job(connection, tenant_id, report_id)
                if claim is None:
                    is_exhausted = abandon_job(connection, tenant_id, report_id, if_exhausted=True)
                    return _Admitted(outages, is_exhausted=is_exhausted)
                if outages:
                    claim_probes(connection, outages)
                return _Admitted(outages, claim)
        except ProbeTakenError:
            logger.info("another report finds out whether a dependency is available again")


def _turn_away(resources: Resources, tenant_id: str, report_id: UUID, admitted: _Admitted) -> Outcome:
    """For a job that was not claimed. Raises JobPostponedError where it waits for a dependency."""
    wait = admitted.wait
    if wait is not None and not wait.is_over:
        outage = admitted.outages[0]
        raise JobPostponedError(wait.seconds, DependencyUnavailableError(outage.detail, outage.dependency))
    is_failed = admitted.is_exhausted or wait is not None
    logger.info("nothing left to do: the report has ended, or there is none", failed=is_failed)
    if is_failed:
        emit_dead_lettered(tenant_id, report_id)
        resources.announcer.announce(tenant_id, report_id)
    return "ENDED"


def _do(work: Work, invocation: Invocation) -> Outcome:
    """The status of the row is changed before anything is cleared up: what it says then decides what is kept."""
    claim = work.claim
    try:
        made = make_files(work, invocation)
        if made == "READY":
            return "READY"
        is_stalled = made == "STALLED"
        check_continuation(claim, is_stalled=is_stalled)
        hand_over = partial(hand_over_job, claim=claim, is_stalled=is_stalled)
        _end_attempt(work, invocation, hand_over, Metric.ATTEMPTS_CONTINUED)
    except LeaseLostError:
        emit_unfinished(claim, invocation.spending.so_far(), Metric.LEASES_LOST)
        raise
    except (PermanentError, RequestInvalidError) as error:
        logger.exception("the report has failed for good")
        fail = partial(fail_job, claim=claim, error=error)
        _end_attempt(work, invocation, fail, Metric.ATTEMPTS_FAILED, Metric.REPORTS_FAILED)
        return "FAILED"
    except DependencyUnavailableError as error:
        return _wait(work, invocation, error)
    except Exception as error:  # noqa: BLE001  # any other is the attempt's own
        return _try_again(work, invocation, error)
    return "HANDED_OVER"


def _wait(work: Work, invocation: Invocation, error: DependencyUnavailableError) -> Outcome:
    """Ends the attempt by a dependency. Raises JobPostponedError, unless the report has waited for too long."""
    if error.dependency == "system-database":
        raise error  # nothing can be recorded: whoever finds the lease knows by its age (`recover_from_outage`)
    claim = work.claim
    change = partial(
        wait_for,
        claim=claim,
        error=error,
        max_wait_seconds=work.resources.max_outage_wait_seconds,
        is_probe=error.dependency in work.probed,
    )
    wait = _end_attempt(work, invocation, change, Metric.ATTEMPTS_POSTPONED)
    if not wait.is_over:
        raise JobPostponedError(wait.seconds, error) from error
    logger.exception("the report has waited for a dependency for too long")
    emit_dead_lettered(claim.tenant_id, claim.report_id)
    return "FAILED"


def _try_again(work: Work, invocation: Invocation, error: Exception) -> Outcome:
    """Ends an attempt that has failed by itself. Raises JobPostponedError, unless it was the last one."""
    claim = work.claim

    def change(connection: Connection[TupleRow]) -> bool:
        if isinstance(error, RestartRequiredError):
            drop_checkpoint(connection, claim)
        release_job(connection, claim, error)
        return abandon_job(connection, claim.tenant_id, claim.report_id, if_exhausted=True)

    if not _end_attempt(work, invocation, change, Metric.ATTEMPTS_FAILED):
        raise JobPostponedError(retry_seconds(claim.attempt, claim.attempts_allowed), error) from error
    logger.exception("the report has had its last attempt")
    emit_dead_lettered(claim.tenant_id, claim.report_id)
    return "FAILED"


def _end_attempt(
    work: Work, invocation: Invocation, change: Callable[[Connection[TupleRow]], T], *counted: Metric
) -> T:
    """Ends an attempt in one transaction, with what it has used on record; counted once it is committed."""
    usage = invocation.spending.so_far()

    def end(connection: Connection[TupleRow]) -> T:
        record_usage(connection, work.claim, usage)
        return change(connection)

    ended = write_patiently(work.resources.system, work.claim.tenant_id, end, invocation.hold_message)
    emit_unfinished(work.claim, usage, *counted)
    return ended
