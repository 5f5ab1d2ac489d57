"""What a transport gets and provides: the file to deliver, its progress, and the interface of transports."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from delivery.errors import TimeUpError
from resma.destinations.settings import DestinationRules, DestinationSettings

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

SAVE_SECONDS = 5.0
"""Minimum time between two records of the progress of a file, so that they cost little."""

Read = Callable[[int, int], bytes]
"""Returns the bytes of a file from an offset to another one, which is not included."""


@dataclass(frozen=True)
class StoredSource:
    """Position of a file in the object store of Resma, for transports that can copy within it."""

    bucket: str
    key: str


@dataclass(frozen=True)
class OutgoingFile:
    """A file to deliver."""

    name: str
    """Name at the destination: a relative path. It is the same in each attempt."""
    bytes: int
    sha256: str
    """SHA-256 in hexadecimal."""
    media_type: str
    report: str
    """Id of the report, or of the delivery of a test file. With `sha256` it identifies the file at the destination."""
    read: Read
    source: StoredSource | None
    """None for a test file, which is in memory."""


class Progress:
    """Progress of a file, which the next attempt continues. The transport chooses what the state contains."""

    def __init__(
        self,
        state: dict[str, Any] | None,
        record: Callable[[dict[str, Any] | None], None],
        is_time_left: Callable[[], bool],
        *,
        is_last_attempt: bool = False,
    ) -> None:
        self.is_last_attempt = is_last_attempt
        """Whether no attempt follows if this one fails. The transport then removes what it has sent so far."""
        self.state = state
        """State that an earlier attempt saved; None if the file starts from its first byte."""
        self._record = record
        self._is_time_left = is_time_left
        self._recorded_at = -math.inf
        self._is_recorded = True

    def save(self, state: dict[str, Any] | None) -> None:
        """Saves the state. Call it after each part. The first call records it at once, and later ones sometimes.

        Raises TimeUpError if the invocation must end, and LeaseLostError if another one has the delivery.
        """
        is_time_left = self._is_time_left()
        self.state, self._is_recorded = state, False
        if state is None or not is_time_left or time.monotonic() - self._recorded_at >= SAVE_SECONDS:
            self.flush()
        if not is_time_left:
            raise TimeUpError

    def flush(self) -> None:
        """Records the state if `save` has not done so: at the end of an attempt that has failed.

        Raises LeaseLostError.
        """
        if not self._is_recorded:
            self._record(self.state)
            self._is_recorded, self._recorded_at = True, time.monotonic()


class Transport(Protocol):
    """Delivers files to one destination. A transport that has connections closes them in `close`."""

    def deliver(self, file: OutgoingFile, progress: Progress) -> None:
        """Delivers a file: it is complete under its name, or does not exist under this name.

        Never overwrites a file of another origin. Returns at once if an earlier attempt has delivered the file. Raises
        DeliveryError, TimeUpError and LeaseLostError.
        """

    def close(self) -> None:
        """Closes connections. Never raises."""


@dataclass(frozen=True)
class ReportStore:
    """The object store of Resma: the client and the bucket with the files of reports."""

    s3: S3Client
    bucket: str


@dataclass(frozen=True)
class Target:
    """The destination that a transport is opened for."""

    tenant_id: str
    destination_id: str
    settings: DestinationSettings
    rules: DestinationRules
    store: ReportStore
