"""The row's half of a checkpoint: what the next attempt goes on from, and how a job is handed over to it."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import TupleRow, class_row
from psycopg.types.json import Jsonb

from resma.job import Claim, fenced_update
from resma.reports import CheckpointRecord, StoredFile

LIVE = ("PENDING", "GENERATING")


def note_checkpoint(connection: Connection[TupleRow], claim: Claim, record: CheckpointRecord) -> None:
    """Makes this what the next attempt goes on from. Raises LeaseLost."""
    fenced_update(
        connection,
        claim,
        "checkpoint = %(checkpoint)s, rows_done = %(rows)s",
        {"checkpoint": Jsonb(record), "rows": record["rows"]},
    )


def note_taken_up(connection: Connection[TupleRow], claim: Claim, rows: int) -> None:
    """Writing goes on after as many rows: its snapshot holds what the first one did. Raises LeaseLost."""
    fenced_update(connection, claim, "writing_since = clock_timestamp(), written_before = %(rows)s", {"rows": rows})


def drop_checkpoint(connection: Connection[TupleRow], claim: Claim) -> None:
    """Lets the next attempt begin with the first row. Raises LeaseLost."""
    fenced_update(connection, claim, "checkpoint = NULL, charts = NULL, rows_done = 0", {})


def hand_over_job(connection: Connection[TupleRow], claim: Claim) -> None:
    """GENERATING -> PENDING, because the invocation's time is up: no failure, so one more attempt is allowed.

    The row is in the outbox then, until `mark_enqueued`. Raises LeaseLost.
    """
    fenced_update(
        connection,
        claim,
        "status = 'PENDING', lease_until = NULL, enqueued_at = NULL,"
        " attempts_allowed = attempts_allowed + 1, handovers = handovers + 1",
        {},
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
