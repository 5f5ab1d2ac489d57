"""A job from claim to READY: rows out of one snapshot, bytes into an object a format, published only when whole.

What does not end within one invocation is handed over to the next (`make_files.py`, docs/resume.md).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Literal
from uuid import UUID

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError
from psycopg import Connection
from psycopg.rows import TupleRow

from resma.checkpoints import drop_checkpoint, hand_over_job
from resma.errors import LeaseLost, PermanentError, RequestInvalid, ResmaError, StartOver
from resma.job import claim_job, fail_job, note_spent, send_back
from resma.job_end import give_up_job
from resma.job_queue import mark_enqueued, send_job
from resma.messages import JobMessage
from resma.metrics import Metric, emit_given_up
from resma.tracing import traced
from worker.checkpoint import Checkpoints
from worker.clear_up import clear_up
from worker.make_files import Invocation, Work, make_files
from worker.measure import emit_unfinished
from worker.resources import Resources

logger = Logger(child=True)

Outcome = Literal["ENDED", "FAILED", "HANDED_OVER", "READY"]


def generate_report(resources: Resources, tenant_id: str, report_id: UUID, invocation: Invocation) -> Outcome:
    """Does the job if there is anything left to do; returns how it stands then.

    Safe to call twice and at once. A permanent error ends the report as FAILED. Raises a TransientError, or any
    unexpected error, after sending the job back for another attempt; LeaseHeld or LeaseLost when it is another's.
    """
    with resources.system.transaction(tenant_id) as connection:
        claim = claim_job(connection, tenant_id, report_id)
        is_exhausted = claim is None and give_up_job(connection, tenant_id, report_id, if_exhausted=True)
    if claim is None:
        logger.info("nothing left to do: the report has ended, or there is none", exhausted=is_exhausted)
        if is_exhausted:
            emit_given_up(tenant_id, report_id)
            resources.announcer.announce(tenant_id, report_id)
        return "ENDED"
    logger.append_keys(attempt=claim.attempt)
    logger.info("an attempt begins", type=claim.type, formats=claim.formats, goes_on=claim.checkpoint is not None)
    work = Work(resources, claim, Checkpoints(resources, claim))
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


def pass_on(resources: Resources, tenant_id: str, report_id: UUID) -> None:
    """Sends the message of a job that was handed over. Never raises: what fails here, the tick sends."""
    try:
        send_job(resources.announcer.queue, JobMessage(tenant_id=tenant_id, report_id=report_id))
        with resources.system.transaction(tenant_id) as connection:
            mark_enqueued(connection, tenant_id, [report_id])
    except (ClientError, BotoCoreError, ResmaError) as error:
        logger.warning("a job was not passed on; the tick will do it", error=type(error).__name__)


def _do(work: Work, invocation: Invocation) -> Outcome:
    """The status of the row is changed before anything is cleared up: what it says then decides what is kept."""
    try:
        is_done = make_files(work, invocation)
        if not is_done:
            with _ending(work, invocation, Metric.ATTEMPTS_HANDED_OVER) as connection:
                hand_over_job(connection, work.claim)
    except LeaseLost:
        emit_unfinished(work.claim, invocation.spending.so_far(), Metric.ATTEMPTS_LOST)
        raise
    except (PermanentError, RequestInvalid) as error:
        logger.exception("the report has failed for good")
        with _ending(work, invocation, Metric.ATTEMPTS_FAILED, Metric.REPORTS_FAILED) as connection:
            fail_job(connection, work.claim, error)
        return "FAILED"
    except Exception as error:
        with _ending(work, invocation, Metric.ATTEMPTS_FAILED) as connection:
            if isinstance(error, StartOver):
                drop_checkpoint(connection, work.claim)
            send_back(connection, work.claim, error)
        raise
    return "READY" if is_done else "HANDED_OVER"


@contextlib.contextmanager
def _ending(work: Work, invocation: Invocation, *counted: Metric) -> Iterator[Connection[TupleRow]]:
    """A transaction that ends an attempt, with what it has used on record; counted once it is committed."""
    usage = invocation.spending.so_far()
    with work.resources.system.transaction(work.claim.tenant_id) as connection:
        note_spent(connection, work.claim, usage)
        yield connection
    emit_unfinished(work.claim, usage, *counted)
