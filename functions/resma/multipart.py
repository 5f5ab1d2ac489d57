"""Bytes on their way into one object: a multipart upload that appears whole, or not at all."""

from __future__ import annotations

import base64
import contextlib
import time
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event, Semaphore
from typing import TYPE_CHECKING, Self, TypedDict, TypeVar

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from resma.errors import LeaseLost, ObjectStoreUnavailable
from resma.sha256 import Sha256

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import CompletedPartTypeDef

logger = Logger(child=True)

T = TypeVar("T")

MIB = 1024 * 1024

PART_SIZES = ((1000, 5 * MIB), (3000, 16 * MIB), (6000, 64 * MIB), (10_000, 128 * MIB))
"""Up to which part number a part has which size.

S3 takes 10,000 parts of 5 MiB or more (only the last may be smaller). Growing parts keep memory small for usual
files, several of one report too, and reach 723 GiB within the limit.
"""

UPLOAD_THREADS = 3
"""Parts in the air at once, of all uploads that share a pool: 200 MB/s with one, 358 with three."""

LEAST_PART_BYTES = 5 * MIB
"""Of every part but an object's last."""

APPEAR_SECONDS = 10
"""How long an object is waited for whose completion was not answered."""

_STOPPED_SECONDS = 0.2
"""How often whoever waits for the store looks whether to go on waiting."""

OWNER = "resma-owner"
"""Metadata of every object: the report and the attempt that made it."""


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


@dataclass(frozen=True, slots=True)
class Segment:
    """The beginning or the middle of a file, as an object: an earlier attempt's upload, completed.

    The object's first `bytes`: it may be longer.
    """

    key: str
    bytes: int
    etag: str


@dataclass(frozen=True, slots=True)
class UploadState:
    """An upload as a checkpoint keeps it. What is in `parts` the store has; `tail` are the bytes after them."""

    key: str
    upload_id: str
    owner: str
    segments: tuple[Segment, ...]
    """Of earlier attempts: the file's bytes before `parts`."""
    parts: tuple[Part, ...]
    tail: bytes
    size: int
    """Bytes of the whole file so far."""
    sha256: bytes
    """State of the hash of all bytes before the tail."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a file has already when an upload goes on with it."""

    segments: tuple[Segment, ...]
    tail: bytes
    size: int
    sha256: bytes


@dataclass(frozen=True)
class Stored:
    """What a finished upload is: its key, its size in bytes, its ETag, and how many parts it took."""

    key: str
    bytes: int
    etag: str
    parts: int


@dataclass(frozen=True)
class Clients:
    """Two clients of one store: one that asks again when no answer comes, and one that does not."""

    patient: S3Client
    asking_once: S3Client


class UploadPool:
    """The threads that send parts, and one that hashes them in order. Uploads that share it share its limits.

    Memory is UPLOAD_THREADS parts in the air and, for each upload, one that fills. Once `stopped` is set, whoever waits
    for the store stops waiting.
    """

    def __init__(self, stopped: Event | None = None) -> None:
        self.sending = ThreadPoolExecutor(UPLOAD_THREADS, thread_name_prefix="upload")
        self.hashing = ThreadPoolExecutor(1, thread_name_prefix="hash")
        self._room = Semaphore(UPLOAD_THREADS)
        self._stopped = stopped or Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        is_patient = not self._stopped.is_set()
        self.sending.shutdown(wait=is_patient, cancel_futures=True)
        self.hashing.shutdown(wait=is_patient, cancel_futures=True)

    def take_room(self) -> None:
        """Waits until another part may be in the air. Raises LeaseLost when stopped."""
        while not self._room.acquire(timeout=_STOPPED_SECONDS):
            self._raise_stopped()
        if self._stopped.is_set():
            self._room.release()
            self._raise_stopped()

    def give_room(self) -> None:
        """Ends what `take_room` began."""
        self._room.release()

    def result_of(self, future: Future[T]) -> T:
        """Waits for it. Raises LeaseLost when stopped, and whatever the future raises."""
        while not wait([future], _STOPPED_SECONDS).done:
            self._raise_stopped()
        return future.result()

    def settle(self, futures: Sequence[Future[T]]) -> None:
        """Waits for those that have begun, whatever becomes of them; not for long when stopped. Never raises."""
        for future in futures:
            future.cancel()
        wait(futures, _STOPPED_SECONDS if self._stopped.is_set() else None)

    def _raise_stopped(self) -> None:
        if self._stopped.is_set():
            raise LeaseLost("the job is no longer this worker's: nothing more is sent")


class UploadTarget(TypedDict):
    """One multipart upload, as requests name it."""

    Bucket: str
    Key: str
    UploadId: str


class MultipartUpload:
    """Takes bytes in order; parts go up in threads while more bytes come. Not for use from several threads.

    `write` waits while the pool's parts are all in the air, so a slow store slows the reader and fills no memory.
    Made by `open_upload`. Not an `io.IOBase` on purpose: its finaliser would complete half a file.
    """

    def __init__(
        self, clients: Clients, pool: UploadPool, target: UploadTarget, owner: str, beginning: Beginning | None
    ) -> None:
        self._clients = clients
        self._target = target
        self._owner = owner
        self._pool = pool
        self.segments = beginning.segments if beginning else ()
        self._pending = bytearray(beginning.tail if beginning else b"")
        self.bytes = beginning.size if beginning else 0
        self._bytes_before = self.bytes - len(self._pending)
        self._sha256 = Sha256.from_state(beginning.sha256) if beginning else Sha256()
        self._hashed: Future[None] | None = None
        self._parts: list[Future[Part]] = []
        self._is_kept = False
        self.stored: Stored | None = None

    def write(self, data: bytes) -> None:
        """Takes `data` of any length. Raises ObjectStoreUnavailable when a part sent earlier has failed."""
        self._pending += data
        self.bytes += len(data)
        while len(self._pending) >= (size := self._part_bytes()):
            part = bytes(memoryview(self._pending)[:size])
            del self._pending[:size]
            self._send(part)

    def save(self) -> UploadState:
        """Sends what is enough for a part, waits for those in the air, and returns all there is to the upload.

        Raises ObjectStoreUnavailable. More may be written after.
        """
        if len(self._pending) >= LEAST_PART_BYTES:
            self._send_pending()
        parts = self._await_parts()
        return UploadState(
            key=self._target["Key"],
            upload_id=self._target["UploadId"],
            owner=self._owner,
            segments=self.segments,
            parts=parts,
            tail=bytes(self._pending),
            size=self.bytes,
            sha256=self._sha256.state,
        )

    def keep(self) -> None:
        """From now on a checkpoint needs this upload: `close` leaves it open for the next attempt."""
        self._is_kept = True

    def is_empty(self) -> bool:
        """Whether there is nothing of the file in it, sent or not."""
        return not self._parts and not self._pending

    def complete(self) -> Stored:
        """Sends the rest and makes the object appear. Raises ObjectStoreUnavailable.

        The object must not exist yet. Not safe to call twice.
        """
        if self._pending or not self._parts:  # a file of no bytes is one empty part
            self._send_pending()
        parts = self._await_parts()
        size = self.bytes - self._bytes_before
        with store_errors("completing the upload"):
            etag = complete_once(self._clients, self._target, parts, size, self._owner)
        self.stored = Stored(self._target["Key"], size, etag, len(parts))
        return self.stored

    def sha256(self) -> str:
        """Of all bytes of the file, segments before this upload included, in hex; to be asked when all are sent."""
        if self._hashed is not None:
            self._pool.result_of(self._hashed)
        return self._sha256.hexdigest()

    def close(self) -> None:
        """Waits for the parts in the air, and aborts the upload if it was not completed or kept. Never raises.

        Aborted first, so that it is gone at once; and again, because a part that was in the air may have come after.
        """
        is_open = self.stored is None and not self._is_kept
        is_in_the_air = not all(part.done() for part in self._parts)
        if is_open and is_in_the_air:
            self._abort()
        self._pool.settle(self._parts)
        if is_open:
            self._abort()

    def _abort(self) -> None:
        abort_upload(self._clients.patient, self._target["Bucket"], self._target["Key"], self._target["UploadId"])

    def _part_bytes(self) -> int:
        number = len(self._parts) + 1
        return next((size for last, size in PART_SIZES if number <= last), PART_SIZES[-1][1])

    def _send_pending(self) -> None:
        part = bytes(self._pending)
        self._pending.clear()
        self._send(part)

    def _send(self, part: bytes) -> None:
        self._pool.take_room()
        try:
            self._raise_failed()
            # In a thread: OpenSSL hashes without Python's lock. One thread, so the parts are hashed in order.
            self._hashed = self._pool.hashing.submit(self._sha256.update, part)
            sent = self._pool.sending.submit(self._upload, len(self._parts) + 1, part)
        except BaseException:
            self._pool.give_room()
            raise
        sent.add_done_callback(lambda _: self._pool.give_room())
        self._parts.append(sent)

    def _raise_failed(self) -> None:
        for future in self._parts[-UPLOAD_THREADS - 1 :]:
            if future.done() and future.exception() is not None:
                with store_errors("uploading a part"):
                    future.result()

    def _await_parts(self) -> tuple[Part, ...]:
        with store_errors("uploading a part"):
            parts = tuple([self._pool.result_of(future) for future in self._parts])
        if self._hashed is not None:
            self._pool.result_of(self._hashed)
        return parts

    def _upload(self, number: int, part: bytes) -> Part:
        # The store checks what arrived against this, and the sum of all at the end.
        crc32 = base64.b64encode(zlib.crc32(part).to_bytes(4, "big")).decode()
        answer = self._clients.patient.upload_part(
            **self._target, PartNumber=number, Body=part, ChecksumAlgorithm="CRC32", ChecksumCRC32=crc32
        )
        return Part(number, answer["ETag"], crc32, len(part))


@contextlib.contextmanager
def open_upload(  # noqa: PLR0913  # where to, and what it is
    clients: Clients,
    pool: UploadPool,
    bucket: str,
    key: str,
    *,
    media_type: str,
    owner: str,
    beginning: Beginning | None = None,
) -> Iterator[MultipartUpload]:
    """Starts a multipart upload; whatever leaves the block without `complete` having returned aborts it, unless kept.

    `owner` tells this upload's object from any other's. With a `beginning` the file goes on after that. Raises
    ObjectStoreUnavailable. The caller completes: leaving the block in peace is not enough to publish.
    """
    with store_errors("starting the upload"):
        created = clients.patient.create_multipart_upload(
            Bucket=bucket, Key=key, ContentType=media_type, Metadata={OWNER: owner}, ChecksumAlgorithm="CRC32"
        )
    target: UploadTarget = {"Bucket": bucket, "Key": key, "UploadId": created["UploadId"]}
    upload = MultipartUpload(clients, pool, target, owner, beginning)
    try:
        yield upload
    finally:
        upload.close()


def complete_once(clients: Clients, target: UploadTarget, parts: tuple[Part, ...], size: int, owner: str) -> str:
    """Makes an upload's object appear where there must be none, and returns its ETag.

    Asks once. Should the answer be lost, the store may still be at it: a second completion could run into the first, so
    the object is looked for instead. Raises what boto3 raises.
    """
    try:
        answer = clients.asking_once.complete_multipart_upload(
            **target, MultipartUpload={"Parts": [part.completed() for part in parts]}, IfNoneMatch="*"
        )
        return answer["ETag"]
    except (ClientError, BotoCoreError) as error:
        if not _is_refusal(error) and (etag := _await_object(clients.patient, target, size, owner)):
            return etag
        raise


@dataclass(frozen=True, slots=True)
class Found:
    """An object that is there."""

    etag: str
    bytes: int


def find_object(client: S3Client, bucket: str, key: str, owner: str) -> Found | None:
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
    return Found(head["ETag"], head["ContentLength"]) if head["Metadata"].get(OWNER) == owner else None


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
    """Throws away every open upload to a key: none of them can be completed any more. Raises ObjectStoreUnavailable.

    A worker can die between starting its upload and writing down its id, so the store is asked and not the row.
    """
    with store_errors("looking for open uploads"):
        found = client.list_multipart_uploads(Bucket=bucket, Prefix=key).get("Uploads", [])
    for upload in found:
        if upload["Key"] == key:
            abort_upload(client, bucket, key, upload["UploadId"])


def remove_object(client: S3Client, bucket: str, key: str) -> None:
    """Removes an object, if it is there. Raises ObjectStoreUnavailable."""
    with store_errors("removing an object"):
        client.delete_object(Bucket=bucket, Key=key)


def _is_refusal(error: ClientError | BotoCoreError) -> bool:
    """Whether the store has answered that it will not, so that nothing will appear."""
    if not isinstance(error, ClientError):
        return False
    is_answered = error.response["ResponseMetadata"]["HTTPStatusCode"] < 500
    return is_answered and error.response["Error"]["Code"] not in {"NoSuchUpload", "PreconditionFailed"}


@contextlib.contextmanager
def store_errors(doing: str) -> Iterator[None]:
    """Turns boto3's errors into ours; `doing` begins the message."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        raise ObjectStoreUnavailable(
            f"{doing} failed, the store said {code}: check that the bucket exists and the function may write to it"
        ) from error
    except BotoCoreError as error:
        raise ObjectStoreUnavailable(f"{doing} failed: the store does not answer ({type(error).__name__})") from error
