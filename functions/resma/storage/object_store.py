"""Requests to the object store that more than one module makes, and its errors as ours."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from resma.errors import ObjectStoreRefusedError, ObjectStoreUnavailableError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import CompletedPartTypeDef

logger = Logger(child=True)

APPEAR_SECONDS = 10
"""How long an object is waited for whose completion was not answered."""

OWNER = "resma-owner"
"""Metadata of every object: the report and the attempt that made it."""


@dataclass(frozen=True)
class Clients:
    """Two clients of one store: one that asks again when no answer comes, and one that does not."""

    retrying: S3Client
    single_attempt: S3Client


class UploadTarget(TypedDict):
    """One multipart upload, as requests name it."""

    Bucket: str
    Key: str
    UploadId: str


@dataclass(frozen=True, slots=True)
class Part:
    """A part that the store has. `crc32` in base64, None of one that the store made itself."""

    number: int
    etag: str
    crc32: str | None
    bytes: int

    def completed(self) -> CompletedPartTypeDef:
        """As the request that completes an upload names it."""
        named: CompletedPartTypeDef = {"PartNumber": self.number, "ETag": self.etag}
        if self.crc32 is not None:
            named["ChecksumCRC32"] = self.crc32
        return named


def complete_once(clients: Clients, target: UploadTarget, parts: tuple[Part, ...], size: int, owner: str) -> str:
    """Makes an upload's object appear where there must be none, and returns its ETag.

    Asks once. Should the answer be lost, the store may still be at it: a second completion could run into the first, so
    the object is looked for instead. Raises what boto3 raises.
    """
    try:
        answer = clients.single_attempt.complete_multipart_upload(
            **target, MultipartUpload={"Parts": [part.completed() for part in parts]}, IfNoneMatch="*"
        )
        return answer["ETag"]
    except (ClientError, BotoCoreError) as error:
        if not _is_refusal(error) and (etag := _await_object(clients.retrying, target, size, owner)):
            return etag
        raise


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object that is there."""

    etag: str
    bytes: int


def find_object(client: S3Client, bucket: str, key: str, owner: str) -> StoredObject | None:
    """Returns the object if it is there, and was made by that owner.

    Raises what boto3 raises, but where the object is not there, or may not be looked at: to a function that may not
    list the bucket S3 says so of what is not there.
    """
    try:
        head = client.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in {403, 404}:
            return None
        raise
    return StoredObject(head["ETag"], head["ContentLength"]) if head["Metadata"].get(OWNER) == owner else None


def _await_object(client: S3Client, target: UploadTarget, size: int, owner: str) -> str | None:
    deadline = time.monotonic() + APPEAR_SECONDS
    while True:
        with contextlib.suppress(ClientError, BotoCoreError):
            found = find_object(client, target["Bucket"], target["Key"], owner)
            if found is not None and found.bytes == size:
                return found.etag
        if time.monotonic() >= deadline:
            return None
        time.sleep(0.5)


def abort_upload(client: S3Client, bucket: str, key: str, upload_id: str) -> None:
    """Throws away an upload's parts. Safe to call twice. Never raises: the bucket's lifecycle rule is the last net."""
    try:
        client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)
    except (ClientError, BotoCoreError) as error:
        if not (isinstance(error, ClientError) and error.response["Error"]["Code"] == "NoSuchUpload"):
            logger.warning("an upload was not aborted", key=key, error=type(error).__name__)


def abort_uploads(client: S3Client, bucket: str, key: str) -> None:
    """Throws away every open upload to a key: none of them can be completed any more.

    Raises ObjectStoreUnavailableError.

    A worker can die between starting its upload and writing down its id, so the store is asked and not the row.
    """
    with store_errors("looking for open uploads"):
        found = client.list_multipart_uploads(Bucket=bucket, Prefix=key).get("Uploads", [])
    for upload in found:
        if upload["Key"] == key:
            abort_upload(client, bucket, key, upload["UploadId"])


def remove_object(client: S3Client, bucket: str, key: str) -> None:
    """Removes an object, if it is there. Raises ObjectStoreUnavailableError."""
    with store_errors("removing an object"):
        client.delete_object(Bucket=bucket, Key=key)


def _is_refusal(error: ClientError | BotoCoreError) -> bool:
    """Whether the store has answered that it will not, so that nothing will appear."""
    if not isinstance(error, ClientError):
        return False
    is_answered = error.response["ResponseMetadata"]["HTTPStatusCode"] < 500
    return is_answered and error.response["Error"]["Code"] not in {"NoSuchUpload", "PreconditionFailed"}


_UNAVAILABLE_STATUS = {401, 403, 429}
_UNAVAILABLE_CODES = {"NoSuchBucket", "RequestTimeout", "SlowDown", "Throttling", "ThrottlingException"}


def is_store_unavailable(error: ClientError) -> bool:
    """Whether an answer says that the store serves nobody, or not this function: it would refuse other reports too."""
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return status >= 500 or status in _UNAVAILABLE_STATUS or error.response["Error"]["Code"] in _UNAVAILABLE_CODES


@contextlib.contextmanager
def store_errors(doing: str) -> Iterator[None]:
    """Turns boto3's errors into ours; `doing` begins the message.

    ObjectStoreUnavailableError is of the store (no answer, 5xx, throttled, no access, no bucket): it is waited for.
    ObjectStoreRefusedError is of one request: it uses up an attempt.
    """
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        said = f"{doing} failed, the store said {code}"
        if is_store_unavailable(error):
            raise ObjectStoreUnavailableError(
                f"{said}: check that the bucket exists and the function may write to it"
            ) from error
        raise ObjectStoreRefusedError(f"{said}: if it says so again, see the store's log") from error
    except ParamValidationError:
        raise  # a mistake of ours
    except BotoCoreError as error:
        raise ObjectStoreUnavailableError(
            f"{doing} failed: the store does not answer ({type(error).__name__})"
        ) from error
