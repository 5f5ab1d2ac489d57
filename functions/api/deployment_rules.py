"""Validation rules that depend on the deployment: the receivers that it allows, and the time zones of its source."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from time import monotonic

from resma.database.connection import Database
from resma.errors import ResmaError
from resma.i18n.time_zones import is_time_zone, time_zone_unknown_to_source
from resma.network.receivers import AllowedReceivers
from resma.request_errors import FieldError
from resma.requests.report_request import ReportRequest
from resma.webhooks.url_errors import callback_errors

FRESH_SECONDS = 3600.0
"""Seconds for which the list of time zones of the source database is used before it is read again."""

PAUSE_SECONDS = 60.0
"""Minimum seconds between two reads, so that unknown names, or a source that is down, do not cost a connection each."""


@dataclass
class SourceTimeZones:
    """Time zones of the database that reports read. One instance is used for the life of a process."""

    source: Database
    _names: frozenset[str] = field(default=frozenset(), init=False)
    _read_at: float | None = field(default=None, init=False)
    _tried_at: float | None = field(default=None, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def may_know(self, name: str) -> bool:
        """Returns False if the source does not have the time zone. True if it has, or was never reachable."""
        if name == "UTC":
            return True
        with self._lock:
            if not (self._is_fresh() and name in self._names) and self._may_read():
                self._read()
            return self._read_at is None or name in self._names

    def prepare(self) -> None:
        """Reads the list if it is due, so that a transaction that follows does not wait for a source that is down."""
        with self._lock:
            if not self._is_fresh() and self._may_read():
                self._read()

    def _is_fresh(self) -> bool:
        return self._read_at is not None and monotonic() - self._read_at < FRESH_SECONDS

    def _may_read(self) -> bool:
        return self._tried_at is None or monotonic() - self._tried_at >= PAUSE_SECONDS

    def _read(self) -> None:
        self._tried_at = monotonic()
        try:
            with self.source.temporary_connection() as connection:
                rows = connection.execute("SELECT name FROM pg_timezone_names").fetchall()
        except ResmaError:
            return  # the worker rejects a time zone that the source does not have
        self._names, self._read_at = frozenset(row[0] for row in rows), monotonic()


def no_errors(_request: ReportRequest) -> Iterable[FieldError]:
    """Returns no errors."""
    return ()


@dataclass(frozen=True)
class DeploymentRules:
    """Validation rules of this deployment."""

    receivers: AllowedReceivers
    time_zones: SourceTimeZones
    find_more_errors: Callable[[ReportRequest], Iterable[FieldError]] = no_errors
    """Returns errors of a request that depend on its caller."""

    def errors_of(self, request: ReportRequest) -> Iterator[FieldError]:
        """Yields the validation errors that a report request has in this deployment."""
        yield from callback_errors(request.callback_url, self.receivers)
        yield from self.time_zone_errors(request.time_zone)
        yield from self.find_more_errors(request)

    def time_zone_errors(self, name: str) -> Iterator[FieldError]:
        """Yields an error if a time zone exists but the source database does not have it."""
        if is_time_zone(name) and not self.time_zones.may_know(name):
            yield FieldError("/timeZone", time_zone_unknown_to_source(name))
