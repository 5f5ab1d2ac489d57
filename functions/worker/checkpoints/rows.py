"""The row's half of a checkpoint: what the next attempt goes on from, and how a job is handed over to it."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import TupleRow, class_row
from psycopg.types.json import Jsonb

from resma.errors import ContinuationsExhaustedError, ContinuationStalledError
from resma.jobs import transitions
from resma.jobs.claim import Claim
from resma.jobs.fence import fenced_update
from resma.jobs.report_rows import CheckpointRecord, StoredFile
from resma.jobs.transitions import NOT_WAITING
from resma.report.status import LIVE

MAX_CONTINUATIONS = 96
"""Invocations that a report may be handed over to: 15 minutes each are a day."""

MAX_STALLED_CONTINUATIONS = 3
"""Of these how many in a row may get no further than their first batch of rows."""


def note_checkpoint(connection: Connection[TupleRow], claim: Claim, record: CheckpointRecord) -> None:
    """Makes this what the next attempt goes on from. Raises LeaseLostError."""
    fenced_update(
        connection,
        claim,
        f"{NOT_WAITING}, checkpoint = %(checkpoint)s, rows_done = %(rows)s",
        {"checkpoint": Jsonb(record), "rows": record["rows"]},
    )


def note_taken_up(connection: Connection[TupleRow], claim: Claim, rows: int) -> None:
    """Writing goes on after as many rows: its snapshot holds what the first one did. Raises LeaseLostError."""
    fenced_update(connection, claim, "writing_since = clock_timestamp(), written_before = %(rows)s", {"rows": rows})


def drop_checkpoint(connection: Connection[TupleRow], claim: Claim) -> None:
    """Lets the next attempt begin with the first row. Raises LeaseLostError."""
    fenced_update(connection, claim, "checkpoint = NULL, charts = NULL, rows_done = 0", {})


def check_continuation(claim: Claim, *, is_stalled: bool) -> None:
    """Raises ContinuationsExhaustedError or ContinuationStalledError where the claim must not be continued again.

    `is_stalled` says that this invocation wrote no more than its first batch of rows.
    """
    if claim.continuations >= MAX_CONTINUATIONS:
        raise ContinuationsExhaustedError(
            f"the report was continued {MAX_CONTINUATIONS} times and is not finished: choose fewer rows with "
            "filters, or split it into several reports"
        )
    if is_stalled and claim.stalled_continuations >= MAX_STALLED_CONTINUATIONS:
        raise ContinuationStalledError(
            "counting the report's rows takes as long as a worker's invocation lasts, so that no time is left to write "
            "them: choose fewer rows with filters, make the report type's query faster (an index), or raise "
            "WorkerTimeoutSeconds"
        )


def hand_over_job(connection: Connection[TupleRow], claim: Claim, *, is_stalled: bool = False) -> None:
    """GENERATING -> PENDING, because the invocation's time is up: no failure, so one more attempt is allowed.

    The claim's own message comes again: none is sent. Raises LeaseLostError.
    """
    transitions.release(
        connection,
        claim,
        f"{NOT_WAITING}, attempts_allowed = attempts_allowed + 1, continuations = continuations + 1,"
        " stalled_continuations = CASE WHEN %(is_stalled)s THEN stalled_continuations + 1 ELSE 0 END",
        {"is_stalled": is_stalled},
    )


@dataclass(frozen=True)
class Standing:
    """How a report stands, whoever has it."""

    status: str
    checkpoint: CheckpointRecord | None
    files: list[StoredFile] | None

    def needed_keys(self) -> frozenset[str]:
        """The objects and uploads that are, or will be, somebody's."""
        keys = [file["object_key"] for file in self.files or ()]
        if self.checkpoint is not None and self.status in LIVE:
            keys += [self.checkpoint["key"], *self.checkpoint["needs"]]
        return frozenset(keys)


def find_standing(connection: Connection[TupleRow], claim: Claim) -> Standing | None:
    """Returns how the claim's report stands now; None where its row is gone.

    A write that is still on its way is waited for: its commit may have been sent, and not answered.
    """
    with connection.cursor(row_factory=class_row(Standing)) as cursor:
        cursor.execute(
            "SELECT status, checkpoint, files FROM resma.reports WHERE tenant_id = %s AND report_id = %s FOR UPDATE",
            (claim.tenant_id, claim.report_id),
        )
        return cursor.fetchone()
