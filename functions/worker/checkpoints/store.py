"""Saves checkpoints to the object store, and loads them in a later attempt.

A worker may die after each step. So the object is written before the row refers to it, and the previous object is
removed after that. When the report has ended, the scheduler's sweep removes objects that no row refers to.
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
from resma.storage.multipart import FileCheckpoint, UploadState
from resma.storage.object_store import abort_uploads, remove_object, store_errors
from resma.storage.segments import close_upload
from worker.checkpoints.rows import record_checkpoint
from worker.checkpoints.serialization import (
    CheckpointState,
    EarlierFiles,
    ResumedFile,
    dump_checkpoint,
    load_checkpoint,
)
from worker.database_retry import write_with_retry
from worker.resources import WorkerResources

logger = Logger(child=True)


def key_prefix(claim: Claim, attempt: int | None = None) -> str:
    """Returns the prefix of the keys of an attempt, by default the claim's own.

    Each attempt has its own keys, so that a delayed worker never deletes or completes the file of a later attempt.
    """
    return f"{claim.tenant_id}/{claim.report_id}/{attempt or claim.attempt}"


class Checkpoints:
    """Saves the checkpoints of one attempt. `latest` is the one in the row."""

    def __init__(self, resources: WorkerResources, claim: Claim, probed: Sequence[str] = ()) -> None:
        self._resources = resources
        self._probed = probed
        self._claim = claim
        self.latest: CheckpointRecord | None = claim.checkpoint
        self.made: list[str] = []
        """Keys of all checkpoints that this attempt has saved."""

    def save(self, state: CheckpointState) -> None:
        """Saves the state that the next attempt continues from. Raises LeaseLostError, ObjectStoreUnavailableError."""
        self.save_data(dump_checkpoint(state), state.rows, [file.upload for file in state.files])

    def save_data(self, data: bytes, rows: int, uploads: Sequence[UploadState]) -> None:
        """Saves a serialized state, which needs these uploads. Raises LeaseLostError, ObjectStoreUnavailableError."""
        claim, resources = self._claim, self._resources
        key = f"{key_prefix(claim)}.checkpoint-{len(self.made) + 1}"
        self.made.append(key)
        with store_errors("Saving the checkpoint"):
            resources.s3.put_object(Bucket=resources.bucket, Key=key, Body=data)
        record = CheckpointRecord(
            key=key,
            sha256=hashlib.sha256(data).hexdigest(),
            bytes=len(data),
            rows=rows,
            attempt=claim.attempt,
            at=datetime.now(UTC).isoformat(),
            needs=_needed_by(uploads),
        )

        def store_record(connection: Connection[TupleRow]) -> None:
            record_checkpoint(connection, claim, record)
            close_outages(connection, self._probed)

        try:
            write_with_retry(resources.system, claim.tenant_id, store_record)
        except LeaseLostError:  # after any other error the row may refer to the object
            discard(resources, key)
            raise
        if self.latest is not None:
            discard(resources, self.latest["key"])
        self.latest = record


def _needed_by(uploads: Sequence[UploadState]) -> list[str]:
    segments = {segment.key for upload in uploads for segment in upload.segments}
    return sorted(segments | {upload.key for upload in uploads if upload.parts})


def discard(resources: WorkerResources, key: str) -> None:
    """Removes an object that is not needed anymore. Never raises: the scheduler's sweep removes what is left."""
    try:
        remove_object(resources.s3, resources.bucket, key)
    except ObjectStoreUnavailableError as error:
        logger.warning("an object was not removed", key=key, error=str(error))


@dataclass(frozen=True)
class ResumedReport:
    """The checkpoint of an earlier attempt, whose worker can no longer write to its files."""

    state: CheckpointState
    files: EarlierFiles


def resume_from_checkpoint(resources: WorkerResources, claim: Claim, stamp: str) -> ResumedReport | None:
    """Loads the report's checkpoint; returns None if it has none.

    Completes the uploads that the checkpoint refers to as segments, so that the earlier worker can no longer change
    them. Raises CheckpointUnusableError, ObjectStoreUnavailableError.
    """
    if claim.checkpoint is None:
        return None
    state = load_checkpoint(read_checkpoint(resources, claim.checkpoint))
    if state.stamp != stamp:
        raise CheckpointUnusableError("The report type or the code has changed since the checkpoint was saved.")
    resumed = {}
    for file in state.files:
        segments = close_upload(resources.clients, resources.bucket, file.upload)
        upload = file.upload
        checkpoint = FileCheckpoint(segments, upload.tail, upload.size, upload.sha256)
        resumed[file.format] = ResumedFile(file.writer, checkpoint)
    if {*resumed, *(failed["format"] for failed in state.failed)} != set(claim.formats):
        raise CheckpointUnusableError("The formats of the checkpoint are not those of the report.")
    return ResumedReport(state, EarlierFiles(resumed, state.failed))


def read_checkpoint(resources: WorkerResources, record: CheckpointRecord) -> bytes:
    """Reads the serialized state of a checkpoint. Raises CheckpointUnusableError, ObjectStoreUnavailableError."""
    with store_errors("Reading the checkpoint"):
        try:
            answer = resources.s3.get_object(Bucket=resources.bucket, Key=record["key"])
            data = answer["Body"].read(record["bytes"] + 1)
        except ClientError as error:
            # Without s3:ListBucket, S3 answers AccessDenied for an object that does not exist.
            code = error.response["Error"]["Code"]
            if code == "AccessDenied":
                abort_uploads(resources.s3, resources.bucket, record["key"])  # raises if all access is denied
            if code in {"NoSuchKey", "AccessDenied"}:
                raise CheckpointUnusableError("The checkpoint is no longer in the object store.") from error
            raise
    if hashlib.sha256(data).hexdigest() != record["sha256"]:
        raise CheckpointUnusableError("The checkpoint in the object store has another SHA-256 than was recorded.")
    return data
