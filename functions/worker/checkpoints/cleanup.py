"""Removes what attempts leave in the object store, other than the report's files and what its checkpoint refers to."""

from __future__ import annotations

from aws_lambda_powertools import Logger

from resma.errors import ResmaError
from resma.jobs.claim import Claim
from resma.report.format_options import FormatOptions
from resma.report.records import LIST_NAME, MANIFEST_NAME, ZIP_EXTENSION
from resma.storage.object_store import abort_uploads, remove_object
from resma.writers import file_extension
from worker.checkpoints.rows import find_report_state
from worker.checkpoints.store import Checkpoints, discard, key_prefix
from worker.resources import WorkerResources

logger = Logger(child=True)


def remove_earlier_leftovers(resources: WorkerResources, claim: Claim) -> None:
    """Removes the leftovers of earlier attempts that the checkpoint does not need. Raises ObjectStoreUnavailableError.

    Uploads are aborted first, so that a worker that is still running cannot complete them. The attempt that made the
    checkpoint has removed the leftovers of the attempts before it.
    """
    checkpoint = claim.checkpoint
    needed = checkpoint["needs"] if checkpoint else []
    for attempt in range(checkpoint["attempt"] if checkpoint else 1, claim.attempt):
        for key in set(_keys(claim, attempt)).difference(needed):
            abort_uploads(resources.s3, resources.bucket, key)
            remove_object(resources.s3, resources.bucket, key)


def remove_own_leftovers(resources: WorkerResources, claim: Claim, checkpoints: Checkpoints) -> None:
    """Removes the objects and uploads that this attempt has made or resumed, and that the row does not refer to.

    Never raises: the scheduler's sweep removes what is left. An attempt that continues from this one loses nothing, and
    nothing is removed if the row cannot be read.
    """
    try:
        with resources.system.transaction(claim.tenant_id) as connection:
            report = find_report_state(connection, claim)
        needed = report.needed_keys() if report else frozenset()
        known = [*_keys(claim, claim.attempt), *checkpoints.made]
        if checkpoints.latest is not None:
            known += [checkpoints.latest["key"], *checkpoints.latest["needs"]]
        for key in sorted(set(known) - needed):
            abort_uploads(resources.s3, resources.bucket, key)
            discard(resources, key)
    except ResmaError as error:
        logger.warning("the attempt's leftovers in the store were not removed", error=error.code)


def _keys(claim: Claim, attempt: int) -> list[str]:
    """Returns the keys of all objects and uploads that an attempt may have made.

    Those of checkpoints and of the files of a split report are not among them.
    """
    options = FormatOptions.model_validate(claim.options)
    prefix = key_prefix(claim, attempt)
    if claim.split_by:
        return [f"{prefix}.{name}" for name in (MANIFEST_NAME, LIST_NAME, ZIP_EXTENSION, f"rest.{ZIP_EXTENSION}")]
    extensions = [file_extension(format_, options, is_sealed=bool(claim.encrypt_for)) for format_ in claim.formats]
    return [f"{prefix}.{middle}{extension}" for extension in extensions for middle in ("", "rest.")]
