"""Reads many objects in order, with several requests in flight, in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from threading import Event
from typing import TYPE_CHECKING, Self

from botocore.exceptions import BotoCoreError

from resma.errors import LeaseLostError, ObjectStoreRefusedError
from resma.storage.object_store import store_errors

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

RANGE_BYTES = 4 * 1024 * 1024
"""Maximum size of a range that is read with one request."""

MAX_BYTES_IN_FLIGHT = 16 * 1024 * 1024
"""Maximum size of the ranges that are being read, or were read and not returned yet."""

MAX_RANGES_IN_FLIGHT = 64
"""Maximum number of these ranges: thousands of small ones would need more memory for their futures."""

_READ_THREADS = 8
_MAX_READS = 3
"""Maximum number of requests for a range if the connection breaks while its bytes arrive."""

_STOPPED_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class ObjectRange:
    """A range of an object. `bytes` is at least 1."""

    key: str
    start: int
    bytes: int
    crc32: int | None = None
    """CRC-32 of the whole object, if this is its last range."""


class RangeReader:
    """Reads ranges of objects in threads. Use it as a context manager. When `stopped` is set, nothing waits longer."""

    def __init__(self, client: S3Client, bucket: str, stopped: Event) -> None:
        self._client = client
        self._bucket = bucket
        self._stopped = stopped
        self._reading = ThreadPoolExecutor(_READ_THREADS, thread_name_prefix="read")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._reading.shutdown(wait=not self._stopped.is_set(), cancel_futures=True)

    def read(self, pieces: Iterator[bytes | ObjectRange]) -> Iterator[tuple[bytes | ObjectRange, bytes]]:
        """Yields each piece with its bytes, in order. Bytes stay as they are, and ranges are read from the store.

        Raises LeaseLostError if stopped, ObjectStoreUnavailableError, and ObjectStoreRefusedError if an object does not
        exist or is too short.
        """
        waiting: deque[tuple[bytes | ObjectRange, bytes | Future[bytes], int]] = deque()
        in_flight = 0
        for piece in pieces:
            size = size_of(piece)
            while waiting and (len(waiting) >= MAX_RANGES_IN_FLIGHT or in_flight + size > MAX_BYTES_IN_FLIGHT):
                in_flight -= waiting[0][2]
                yield self._next(waiting)
            content = piece if isinstance(piece, bytes) else self._reading.submit(self._fetch, piece)
            waiting.append((piece, content, size))
            in_flight += size
        while waiting:
            yield self._next(waiting)

    def _next(
        self, waiting: deque[tuple[bytes | ObjectRange, bytes | Future[bytes], int]]
    ) -> tuple[bytes | ObjectRange, bytes]:
        piece, content, _ = waiting.popleft()
        return piece, content if isinstance(content, bytes) else self._result_of(content)

    def _result_of(self, future: Future[bytes]) -> bytes:
        while not wait([future], _STOPPED_SECONDS).done:
            if self._stopped.is_set():
                raise LeaseLostError("This worker has lost the lease of the job, so it reads nothing more.")
        return future.result()

    def _fetch(self, wanted: ObjectRange) -> bytes:
        with store_errors("Reading a file of the report"):
            data = self._get(wanted)
        if len(data) != wanted.bytes:
            raise ObjectStoreRefusedError(
                f"The object {wanted.key} is shorter than recorded. If it happens again, see the store's log."
            )
        return data

    def _get(self, wanted: ObjectRange) -> bytes:
        """Returns the bytes. botocore repeats requests without a response, but not one whose response breaks off."""
        range_ = f"bytes={wanted.start}-{wanted.start + wanted.bytes - 1}"
        for attempt in range(1, _MAX_READS + 1):
            answer = self._client.get_object(Bucket=self._bucket, Key=wanted.key, Range=range_)
            try:
                return answer["Body"].read()
            except BotoCoreError:
                if attempt == _MAX_READS or self._stopped.is_set():
                    raise
        raise AssertionError  # the last iteration returns or raises


def size_of(piece: bytes | ObjectRange) -> int:
    """Returns the number of bytes of a piece."""
    return len(piece) if isinstance(piece, bytes) else piece.bytes


def skip_bytes(pieces: Iterator[bytes | ObjectRange], count: int) -> Iterator[bytes | ObjectRange]:
    """Yields the pieces without their first `count` bytes."""
    for piece in pieces:
        size = size_of(piece)
        if count >= size:
            count -= size
        elif isinstance(piece, bytes):
            yield piece[count:]
            count = 0
        else:
            yield replace(piece, start=piece.start + count, bytes=size - count)
            count = 0


def ranges_of(key: str, size: int, crc32: int) -> Iterator[ObjectRange]:
    """Divides an object into ranges."""
    for start in range(0, size, RANGE_BYTES):
        is_last = start + RANGE_BYTES >= size
        yield ObjectRange(key, start, min(RANGE_BYTES, size - start), crc32 if is_last else None)
