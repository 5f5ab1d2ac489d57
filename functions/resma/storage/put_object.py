"""Stores an object with one request, which never overwrites an object."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from resma.storage.object_store import OWNER, find_object

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_MAX_ATTEMPTS = 5
"""Maximum number of requests for an object if the store is still working on an earlier request for the same key."""

_CONFLICT_SECONDS = 0.1


def put_once(  # noqa: PLR0913  # the destination, and properties of the object
    client: S3Client, bucket: str, key: str, content: bytes, *, media_type: str, owner: str, crc32: int
) -> None:
    """Stores an object unless its key is in use. The store verifies the checksum.

    It succeeds if there is already an object of this owner and size: then the response to an earlier request was lost.
    Raises boto3's errors.
    """
    checksum = base64.b64encode(crc32.to_bytes(4, "big")).decode()
    for attempt in range(1, _MAX_ATTEMPTS + 1):
        try:
            client.put_object(
                Bucket=bucket,
                Key=key,
                Body=content,
                ContentType=media_type,
                Metadata={OWNER: owner},
                IfNoneMatch="*",
                ChecksumAlgorithm="CRC32",
                ChecksumCRC32=checksum,
            )
        except (ClientError, BotoCoreError) as error:
            if _code(error) == "ConditionalRequestConflict" and attempt < _MAX_ATTEMPTS:
                time.sleep(_CONFLICT_SECONDS * attempt)
            elif _may_be_stored(error) and _is_stored(client, bucket, key, len(content), owner):
                return
            else:
                raise
        else:
            return


def _code(error: ClientError | BotoCoreError) -> str:
    """Returns the code of an error response; an empty string if there was no response."""
    return error.response["Error"]["Code"] if isinstance(error, ClientError) else ""


def _may_be_stored(error: ClientError | BotoCoreError) -> bool:
    """Returns whether the object may exist, because botocore has sent the request again."""
    if isinstance(error, ClientError) and error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
        return _code(error) in {"PreconditionFailed", "ConditionalRequestConflict"}
    return True


def _is_stored(client: S3Client, bucket: str, key: str, size: int, owner: str) -> bool:
    try:
        stored = find_object(client, bucket, key, owner)
    except (ClientError, BotoCoreError):
        return False
    return stored is not None and stored.bytes == size
