"""A report is saved, and taken up by a later attempt.

Each step may be the last: the object is there before the row names it, and the one before it is removed after. What was
saved stays good until then, and what nobody names is swept up by the tick when the report has ended.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError
from psycopg import Connection
from psycopg.rows import TupleRow

from resma.errors import CheckpointUnusableError, LeaseLostError, ObjectStoreUnavailableError
from resma.jobs.claim import Claim
from resma.jobs.outages import close_outages
from resma.jobs.report_rows import CheckpointRecord
from resma.storage.multipart import FileCheckpoint
from resma.storage.object_store import abort_uploads, remove_object, store_errors
from resma.storage.segments import close_upload
from worker.checkpoints.rows import note_checkpoint
from worker.checkpoints.serialization import Begun, CheckpointState, EarlierFiles, dump_checkpoint, load_checkpoint
from worker.patience import write_patiently
from worker.resources import Resources

logger = Logger(child=True)


def key_prefix(claim: Claim, attempt: int | None = None) -> str:
    """Keys of its own for each attempt: whatever a late worker deletes or completes is never a newer one's file."""
    return f"{claim.tenant_id}/{claim.report_id}/{attempt or claim.attempt}"


class Checkpoints:
    """The checkpoints of one attempt, one after the other; `latest` is the one in the row."""

    def __init__(self, resources: Resources, claim: Claim, probed: Sequence[str] = ()) -> None:
        self._resources = resources
        self._probed = probed
        self._claim = claim
        self.latest: CheckpointRecord | None = claim.checkpoint
        self.made: list[str] = []
        """Keys of all that this attempt has saved."""

    def take(self, work: CheckpointState) -> None:
        """Makes this what the next attempt goes on from. Raises LeaseLostError, ObjectStoreUnavailableError."""
        claim, resources = self._claim, self._resources
        data = dump_checkpoint(work)
        key = f"{key_prefix(claim)}.checkpoint-{len(self.made) + 1}"
        self.made.append(key)
        with store_errors("Saving the checkpoint"):
            resources.s3.put_object(Bucket=resources.bucket, Key=key, Body=data)
        record = CheckpointRecord(
            key=key,
            sha256=hashlib.sha256(data).hexdigest(),
            bytes=len(data),
            rows=work.rows,
            attempt=claim.attempt,
            at=datetime.now(UTC).isoformat(),
            needs=_needed_by(work),
        )

        def note(connection: Connection[TupleRow]) -> None:
            note_checkpoint(connection, claim, record)
            close_outages(connection, self._probed)

        try:
            write_patiently(resources.system, claim.tenant_id, note)
        except LeaseLostError:  # after any other error the row may name it, for all we know
            discard(resources, key)
            raise
        if self.latest is not None:
            discard(resources, self.latest["key"])
        self.latest = record


def _needed_by(work: CheckpointState) -> list[str]:
    segments = {segment.key for file in work.files for segment in file.upload.segments}
    return sorted(segments | {file.upload.key for file in work.files if file.upload.parts})


def discard(resources: Resources, key: str) -> None:
    """Removes an object that nobody needs. Never raises: the tick removes what is left."""
    try:
        remove_object(resources.s3, resources.bucket, key)
    except ObjectStoreUnavailableError as error:
        logger.warning("an object was not removed", key=key, error=str(error))


@dataclass(frozen=True)
class TakenUp:
    """What an earlier attempt has done, its worker shut out."""

    work: CheckpointState
    files: EarlierFiles


def take_up(resources: Resources, claim: Claim, stamp: str) -> TakenUp | None:
    """Returns what to go on from, if there is a checkpoint.

    Raises CheckpointUnusableError, ObjectStoreUnavailableError.

    The uploads that it names are completed as segments: from then on their worker can't change them.
    """
    if claim.checkpoint is None:
        return None
    work = load_checkpoint(_read_saved(resources, claim.checkpoint))
    if work.stamp != stamp:
        raise CheckpointUnusableError("the report type or the code has changed since the report was saved")
    begun = {}
    for file in work.files:
        segments = close_upload(resources.clients, resources.bucket, file.upload)
        upload = file.upload
        begun[file.format] = Begun(file.writer, FileCheckpoint(segments, upload.tail, upload.size, upload.sha256))
    if {*begun, *(failed["format"] for failed in work.failed)} != set(claim.formats):
        raise CheckpointUnusableError("what was saved is of other formats")
    return TakenUp(work, EarlierFiles(begun, work.failed))


def _read_saved(resources: Resources, record: CheckpointRecord) -> bytes:
    with store_errors("Reading the checkpoint"):
        try:
            answer = resources.s3.get_object(Bucket=resources.bucket, Key=record["key"])
            data = answer["Body"].read(record["bytes"] + 1)
        except ClientError as error:
            # Without the right to list, S3 says of what is not there that access is denied.
            code = error.response["Error"]["Code"]
            if code == "AccessDenied":
                abort_uploads(resources.s3, resources.bucket, record["key"])  # raises where access is denied to all
            if code in {"NoSuchKey", "AccessDenied"}:
                raise CheckpointUnusableError("what was saved is no longer in the store") from error
            raise
    if hashlib.sha256(data).hexdigest() != record["sha256"]:
        raise CheckpointUnusableError("what was saved is not what is in the store now")
    return data
