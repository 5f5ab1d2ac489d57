"""What an attempt leaves in the store when it has ended, however it did: what somebody still needs, and no more."""

from __future__ import annotations

from aws_lambda_powertools import Logger

from resma.errors import ResmaError
from resma.jobs.claim import Claim
from resma.report.format_options import FormatOptions
from resma.storage.object_store import abort_uploads, remove_object
from resma.writers import file_extension
from worker.checkpoints.rows import find_standing
from worker.checkpoints.store import Checkpoints, discard, key_prefix
from worker.resources import Resources

logger = Logger(child=True)


def clear_away(resources: Resources, claim: Claim) -> None:
    """Removes what earlier attempts have left, but for what the checkpoint needs. Raises ObjectStoreUnavailableError.

    Aborting first means that their workers, if alive, can't complete any more. Attempts before the one that made the
    checkpoint were cleared away by it.
    """
    checkpoint = claim.checkpoint
    kept = checkpoint["needs"] if checkpoint else []
    for attempt in range(checkpoint["attempt"] if checkpoint else 1, claim.attempt):
        for key in set(_keys(claim, attempt)).difference(kept):
            abort_uploads(resources.s3, resources.bucket, key)
            remove_object(resources.s3, resources.bucket, key)


def clear_up(resources: Resources, claim: Claim, checkpoints: Checkpoints) -> None:
    """Removes what this attempt has made and taken up, but for what the row names. Never raises: the tick is next.

    Nothing is touched of another's that goes on from it, and
    nothing at all while the row can't be read.
    """
    try:
        with resources.system.transaction(claim.tenant_id) as connection:
            standing = find_standing(connection, claim)
        needed = standing.needed_keys() if standing else frozenset()
        known = [*_keys(claim, claim.attempt), *checkpoints.made]
        if checkpoints.latest is not None:
            known += [checkpoints.latest["key"], *checkpoints.latest["needs"]]
        for key in sorted(set(known) - needed):
            abort_uploads(resources.s3, resources.bucket, key)
            discard(resources, key)
    except ResmaError as error:
        logger.warning("what is left in the store was not cleared up", error=error.code)


def _keys(claim: Claim, attempt: int) -> list[str]:
    """Of all objects and uploads that an attempt may have made, checkpoints aside."""
    options = FormatOptions.model_validate(claim.options)
    prefix = key_prefix(claim, attempt)
    extensions = [file_extension(format_, options) for format_ in claim.formats]
    return [f"{prefix}.{middle}{extension}" for extension in extensions for middle in ("", "rest.")]
