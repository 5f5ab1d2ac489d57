"""Checkpoints in the report's row, and the transition that lets the next attempt continue the report."""

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
from resma.report.records import ManifestRecord, objects_of
from resma.report.status import LIVE

MAX_CONTINUATIONS = 96
"""Maximum number of invocations that continue a report: with 15 minutes each, a day."""

MAX_STALLED_CONTINUATIONS = 3
"""Maximum number of continuations in a row that write no more than their first batch of rows."""


def record_checkpoint(connection: Connection[TupleRow], claim: Claim, record: CheckpointRecord) -> None:
    """Records the checkpoint that the next attempt continues from. Raises LeaseLostError."""
    fenced_update(
        connection,
        claim,
        f"{NOT_WAITING}, checkpoint = %(checkpoint)s, rows_done = %(rows)s",
        {"checkpoint": Jsonb(record), "rows": record["rows"]},
    )


def record_resumption(connection: Connection[TupleRow], claim: Claim, rows: int) -> None:
    """Records that this attempt continues after `rows` rows, for progress. Raises LeaseLostError."""
    fenced_update(connection, claim, "writing_since = clock_timestamp(), written_before = %(rows)s", {"rows": rows})


def drop_checkpoint(connection: Connection[TupleRow], claim: Claim) -> None:
    """Deletes the checkpoint, so that the next attempt restarts from the first row. Raises LeaseLostError."""
    fenced_update(connection, claim, "checkpoint = NULL, charts = NULL, rows_done = 0", {})


def check_continuation(claim: Claim, *, is_stalled: bool) -> None:
    """Raises ContinuationsExhaustedError or ContinuationStalledError if the report must not be continued again.

    `is_stalled` means that this invocation wrote no more than its first batch of rows.
    """
    if claim.continuations >= MAX_CONTINUATIONS:
        raise ContinuationsExhaustedError(
            f"The report was continued {MAX_CONTINUATIONS} times and is not finished. Choose fewer rows with "
            "filters, or split it into several reports."
        )
    if is_stalled and claim.stalled_continuations >= MAX_STALLED_CONTINUATIONS:
        raise ContinuationStalledError(
            "Counting the report's rows takes as long as a worker's invocation lasts, so that no time is left to write "
            "them. Choose fewer rows with filters, make the report type's query faster (an index), or raise "
            "`WorkerTimeoutSeconds`."
        )


def continue_in_next_attempt(connection: Connection[TupleRow], claim: Claim, *, is_stalled: bool = False) -> None:
    """GENERATING -> PENDING, because the invocation's time is up. This is not a failure: one more attempt is allowed.

    The queue delivers the job's own message again; no other is sent. Raises LeaseLostError.
    """
    transitions.release(
        connection,
        claim,
        f"{NOT_WAITING}, attempts_allowed = attempts_allowed + 1, continuations = continuations + 1,"
        " stalled_continuations = CASE WHEN %(is_stalled)s THEN stalled_continuations + 1 ELSE 0 END",
        {"is_stalled": is_stalled},
    )


@dataclass(frozen=True)
class ReportState:
    """The current state of a report, regardless of which worker has the job."""

    status: str
    checkpoint: CheckpointRecord | None
    files: list[StoredFile] | None
    manifest: ManifestRecord | None

    def needed_keys(self) -> frozenset[str]:
        """Returns the keys of the objects and uploads that are files of the report or that its checkpoint needs.

        The files of a split report's keys are not among them.
        """
        keys = [file["object_key"] for file in self.files or ()]
        keys += [stored["object_key"] for stored in objects_of(self.manifest)]
        if self.checkpoint is not None and self.status in LIVE:
            keys += [self.checkpoint["key"], *self.checkpoint["needs"]]
        return frozenset(keys)


def find_report_state(connection: Connection[TupleRow], claim: Claim) -> ReportState | None:
    """Returns the current state of the claim's report; None if its row was deleted.

    Locks the row, and so waits for a write in flight, whose commit may have been sent and not answered.
    """
    with connection.cursor(row_factory=class_row(ReportState)) as cursor:
        cursor.execute(
            "SELECT status, checkpoint, files, manifest FROM resma.reports"
            " WHERE tenant_id = %s AND report_id = %s FOR UPDATE",
            (claim.tenant_id, claim.report_id),
        )
        return cursor.fetchone()
