"""Bytes on their way into one object: a multipart upload that appears whole, or not at all."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Semaphore
from typing import TYPE_CHECKING, Self, TypedDict

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from resma.errors import ObjectStoreUnavailable

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import CompletedPartTypeDef

logger = Logger(child=True)

MIB = 1024 * 1024

PART_SIZES = ((1000, 5 * MIB), (3000, 16 * MIB), (6000, 64 * MIB), (10_000, 128 * MIB))
"""Up to which part number a part has which size.

S3 takes 10,000 parts of 5 MiB or more (only the last may be smaller). Growing parts keep memory small for usual
files, several of one report too, and reach 723 GiB within the limit.
"""

UPLOAD_THREADS = 3
"""Parts in the air at once, of all uploads that share a pool: 200 MB/s with one, 358 with three."""

APPEAR_SECONDS = 10
"""How long an object is waited for whose completion was not answered."""

_OWNER = "resma-owner"


@dataclass(frozen=True)
class Stored:
    """What a finished upload is: its key, its size in bytes, its SHA-256 in hex, and how many parts it took."""

    key: str
    bytes: int
    sha256: str
    parts: int


@dataclass(frozen=True)
class Clients:
    """Two clients of one store: one that asks again when no answer comes, and one that does not."""

    patient: S3Client
    asking_once: S3Client


class UploadPool:
    """The threads that send parts, and one that hashes them in order. Uploads that share it share its limits.

    Memory is UPLOAD_THREADS parts in the air and, for each upload, one that fills.
    """

    def __init__(self) -> None:
        self.sending = ThreadPoolExecutor(UPLOAD_THREADS, thread_name_prefix="upload")
        self.hashing = ThreadPoolExecutor(1, thread_name_prefix="hash")
        self.room = Semaphore(UPLOAD_THREADS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.sending.shutdown(wait=True, cancel_futures=True)
        self.hashing.shutdown(wait=True, cancel_futures=True)


class _Target(TypedDict):
    Bucket: str
    Key: str
    UploadId: str


class MultipartUpload:
    """Takes bytes in order; parts go up in threads while more bytes come. Not for use from several threads.

    `write` waits while the pool's parts are all in the air, so a slow store slows the reader and fills no memory.
    Made by `open_upload`. Not an `io.IOBase` on purpose: its finaliser would complete half a file.
    """

    def __init__(  # noqa: PLR0913, PLR0917  # made in one place
        self, clients: Clients, pool: UploadPool, bucket: str, key: str, upload_id: str, owner: str
    ) -> None:
        self._client = clients.patient
        self._completing = clients.asking_once
        self._owner = owner
        self._target: _Target = {"Bucket": bucket, "Key": key, "UploadId": upload_id}
        self._pool = pool
        self._pending = bytearray()
        self._bytes = 0
        self._sha256 = hashlib.sha256()
        self._hashed: Future[None] | None = None
        self._parts: list[Future[CompletedPartTypeDef]] = []
        self.stored: Stored | None = None

    def write(self, data: bytes) -> None:
        """Takes `data` of any length. Raises ObjectStoreUnavailable when a part sent earlier has failed."""
        self._pending += data
        self._bytes += len(data)
        while len(self._pending) >= (size := self._part_bytes()):
            part = bytes(memoryview(self._pending)[:size])
            del self._pending[:size]
            self._send(part)

    def complete(self) -> Stored:
        """Sends the rest and makes the object appear. Raises ObjectStoreUnavailable.

        The object must not exist yet. Not safe to call twice.
        """
        if self._pending or not self._parts:  # a file of no bytes is one empty part
            self._send(bytes(self._pending))
            self._pending.clear()
        with _translated("completing the upload"):
            parts = [future.result() for future in self._parts]
            self._complete(parts)
        assert self._hashed is not None  # there is at least one part
        self._hashed.result()
        self.stored = Stored(self._target["Key"], self._bytes, self._sha256.hexdigest(), len(parts))
        return self.stored

    def close(self) -> None:
        """Waits for the parts in the air, and aborts the upload if it was not completed. Never raises."""
        for part in self._parts:
            part.cancel()
        wait(self._parts)
        if self.stored is None:
            abort_upload(self._client, self._target["Bucket"], self._target["Key"], self._target["UploadId"])

    def _part_bytes(self) -> int:
        number = len(self._parts) + 1
        return next((size for last, size in PART_SIZES if number <= last), PART_SIZES[-1][1])

    def _send(self, part: bytes) -> None:
        self._pool.room.acquire()
        try:
            self._raise_failed()
            # In a thread: OpenSSL hashes without Python's lock. One thread, so the parts are hashed in order.
            self._hashed = self._pool.hashing.submit(self._sha256.update, part)
            sent = self._pool.sending.submit(self._upload, len(self._parts) + 1, part)
        except BaseException:
            self._pool.room.release()
            raise
        sent.add_done_callback(lambda _: self._pool.room.release())
        self._parts.append(sent)

    def _raise_failed(self) -> None:
        for future in self._parts[-UPLOAD_THREADS - 1 :]:
            if future.done() and future.exception() is not None:
                with _translated("uploading a part"):
                    future.result()

    def _upload(self, number: int, part: bytes) -> CompletedPartTypeDef:
        # The store checks what arrived against this, and the sum of all at the end.
        crc32 = base64.b64encode(zlib.crc32(part).to_bytes(4, "big")).decode()
        answer = self._client.upload_part(
            **self._target, PartNumber=number, Body=part, ChecksumAlgorithm="CRC32", ChecksumCRC32=crc32
        )
        return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumCRC32": crc32}

    def _complete(self, parts: list[CompletedPartTypeDef]) -> None:
        """Asks once. Should the answer be lost, the store may still be at it: a second completion could run into the
        first, so the object is looked for instead.
        """
        try:
            self._completing.complete_multipart_upload(
                **self._target, MultipartUpload={"Parts": parts}, IfNoneMatch="*"
            )
        except (ClientError, BotoCoreError) as error:
            if _is_refusal(error) or not self._appears():
                raise

    def _appears(self) -> bool:
        deadline = time.monotonic() + APPEAR_SECONDS
        while not (is_stored := self._is_stored()) and time.monotonic() < deadline:
            time.sleep(0.5)
        return is_stored

    def _is_stored(self) -> bool:
        with contextlib.suppress(ClientError, BotoCoreError):
            head = self._client.head_object(Bucket=self._target["Bucket"], Key=self._target["Key"])
            return head["ContentLength"] == self._bytes and head["Metadata"].get(_OWNER) == self._owner
        return False


@contextlib.contextmanager
def open_upload(  # noqa: PLR0913  # where to, and what it is
    clients: Clients, pool: UploadPool, bucket: str, key: str, *, media_type: str, owner: str
) -> Iterator[MultipartUpload]:
    """Starts a multipart upload; whatever leaves the block without `complete` having returned aborts it.

    `owner` tells this upload's object from any other's. Raises ObjectStoreUnavailable. The caller completes:
    leaving the block in peace is not enough to publish.
    """
    with _translated("starting the upload"):
        created = clients.patient.create_multipart_upload(
            Bucket=bucket,
            Key=key,
            ContentType=media_type,
            Metadata={_OWNER: owner},
            ChecksumAlgorithm="CRC32",
        )
    upload = MultipartUpload(clients, pool, bucket, key, created["UploadId"], owner)
    try:
        yield upload
    finally:
        upload.close()


def abort_upload(client: S3Client, bucket: str, key: str, upload_id: str) -> None:
    """Throws away an upload's parts. Safe to call twice. Never raises: the bucket's lifecycle rule is the last net."""
    try:
        client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)
    except (ClientError, BotoCoreError) as error:
        if not (isinstance(error, ClientError) and error.response["Error"]["Code"] == "NoSuchUpload"):
            logger.warning("an upload was not aborted", key=key, error=type(error).__name__)


def abort_uploads(client: S3Client, bucket: str, key: str) -> None:
    """Throws away every open upload to a key: none of them can be completed any more. Raises ObjectStoreUnavailable.

    A worker can die between starting its upload and writing down its id, so the store is asked and not the row.
    """
    with _translated("looking for open uploads"):
        found = client.list_multipart_uploads(Bucket=bucket, Prefix=key).get("Uploads", [])
    for upload in found:
        if upload["Key"] == key:
            abort_upload(client, bucket, key, upload["UploadId"])


def remove_object(client: S3Client, bucket: str, key: str) -> None:
    """Removes an object, if it is there. Raises ObjectStoreUnavailable."""
    with _translated("removing an object"):
        client.delete_object(Bucket=bucket, Key=key)


def _is_refusal(error: ClientError | BotoCoreError) -> bool:
    """Whether the store has answered that it will not, so that nothing will appear."""
    if not isinstance(error, ClientError):
        return False
    is_answered = error.response["ResponseMetadata"]["HTTPStatusCode"] < 500
    return is_answered and error.response["Error"]["Code"] not in {"NoSuchUpload", "PreconditionFailed"}


@contextlib.contextmanager
def _translated(doing: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        raise ObjectStoreUnavailable(
            f"{doing} failed, the store said {code}: check that the bucket exists and the function may write to it"
        ) from error
    except BotoCoreError as error:
        raise ObjectStoreUnavailable(f"{doing} failed: the store does not answer ({type(error).__name__})") from error
