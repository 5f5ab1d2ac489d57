"""Requests to the object store that several modules use, and the translation of its errors."""

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
"""How long to wait for an object whose completion request got no response."""

OWNER = "resma-owner"
"""Metadata key of all objects. Its value is the report and the attempt that created the object."""


@dataclass(frozen=True)
class Clients:
    """Two clients of the object store: one retries requests without a response, the other does not."""

    retrying: S3Client
    single_attempt: S3Client


class UploadTarget(TypedDict):
    """Parameters that identify a multipart upload in requests."""

    Bucket: str
    Key: str
    UploadId: str


@dataclass(frozen=True, slots=True)
class Part:
    """A part that is stored. `crc32` is in base64; None if the store copied the part."""

    number: int
    etag: str
    crc32: str | None
    bytes: int

    def completed(self) -> CompletedPartTypeDef:
        """Returns the part's entry in the request that completes an upload."""
        entry: CompletedPartTypeDef = {"PartNumber": self.number, "ETag": self.etag}
        if self.crc32 is not None:
            entry["ChecksumCRC32"] = self.crc32
        return entry


def complete_once(clients: Clients, target: UploadTarget, parts: tuple[Part, ...], size: int, owner: str) -> str:
    """Completes an upload whose object must not exist yet, and returns the object's ETag.

    Sends the request only once. If the response is lost, the store may still be working on it, and a second completion
    could conflict with the first; so it waits for the object instead. Raises boto3's errors.
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
    """ETag and size of an existing object."""

    etag: str
    bytes: int


def find_object(client: S3Client, bucket: str, key: str, owner: str) -> StoredObject | None:
    """Returns the object if it exists and was created by this owner, otherwise None.

    Raises boto3's errors except 404 and 403. S3 responds with 403 instead of 404 if the function may not list the
    bucket.
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
            stored = find_object(client, target["Bucket"], target["Key"], owner)
            if stored is not None and stored.bytes == size:
                return stored.etag
        if time.monotonic() >= deadline:
            return None
        time.sleep(0.5)


def abort_upload(client: S3Client, bucket: str, key: str, upload_id: str) -> None:
    """Aborts an upload, which deletes its parts. Safe to call twice.

    Never raises: the bucket's lifecycle rule aborts uploads that remain.
    """
    try:
        client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)
    except (ClientError, BotoCoreError) as error:
        if not (isinstance(error, ClientError) and error.response["Error"]["Code"] == "NoSuchUpload"):
            logger.warning("an upload was not aborted", key=key, error=type(error).__name__)


def abort_uploads(client: S3Client, bucket: str, key: str) -> None:
    """Aborts all open uploads to a key, so that none of them can be completed any longer.

    It lists the uploads in the store, because a worker can crash between starting an upload and recording its id.
    Raises ObjectStoreUnavailableError.
    """
    with store_errors("Listing open uploads"):
        uploads = client.list_multipart_uploads(Bucket=bucket, Prefix=key).get("Uploads", [])
    for upload in uploads:
        if upload["Key"] == key:
            abort_upload(client, bucket, key, upload["UploadId"])


def remove_object(client: S3Client, bucket: str, key: str) -> None:
    """Deletes an object. Safe to call for an object that does not exist. Raises ObjectStoreUnavailableError."""
    with store_errors("Deleting an object"):
        client.delete_object(Bucket=bucket, Key=key)


def _is_refusal(error: ClientError | BotoCoreError) -> bool:
    """Returns whether the store has rejected the completion, so that the object will not appear."""
    if not isinstance(error, ClientError):
        return False
    is_answered = error.response["ResponseMetadata"]["HTTPStatusCode"] < 500
    return is_answered and error.response["Error"]["Code"] not in {"NoSuchUpload", "PreconditionFailed"}


_OVERLOADED_CODES = {"RequestTimeout", "SlowDown", "Throttling", "ThrottlingException"}


def is_store_overloaded(error: ClientError) -> bool:
    """Returns whether an error response means that the store cannot serve requests now: 5xx, or throttling.

    An error of one of the objects in a response to DeleteObjects has no status, only a code.
    """
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= 500 or status == 429 or error.response["Error"]["Code"] in _OVERLOADED_CODES


def is_store_unavailable(error: ClientError) -> bool:
    """Returns whether an error response is about the store or the function's access, so that other reports fail too."""
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return is_store_overloaded(error) or status in {401, 403} or error.response["Error"]["Code"] == "NoSuchBucket"


@contextlib.contextmanager
def store_errors(action: str) -> Iterator[None]:
    """Translates boto3's errors to errors of Resma. `action` starts the message, such as `Uploading a part`.

    ObjectStoreUnavailableError is about the store (no response, 5xx, throttling, no access, no bucket): reports wait
    for it. ObjectStoreRefusedError is about one request: it uses up an attempt.
    """
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        failure = f"{action} failed: the object store returned {code}."
        if is_store_unavailable(error):
            raise ObjectStoreUnavailableError(
                f"{failure} Check that the bucket exists and that the function may write to it."
            ) from error
        raise ObjectStoreRefusedError(f"{failure} If it happens again, see the store's log.") from error
    except ParamValidationError:
        raise  # a bug in the caller
    except BotoCoreError as error:
        raise ObjectStoreUnavailableError(
            f"{action} failed: the object store does not answer ({type(error).__name__}). "
            "Check its URL and the network."
        ) from error
