"""What only this deployment knows about a request: which receivers it allows, and which time zones its source knows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import monotonic

from resma.database.connection import Database
from resma.errors import FieldError, ResmaError
from resma.i18n.time_zones import is_time_zone, time_zone_unknown_to_source
from resma.requests.report_request import ReportRequest
from resma.webhooks.receivers import AllowedReceivers
from resma.webhooks.url_errors import callback_errors

FRESH_SECONDS = 3600.0
"""How long the source's list of time zones is used before it is read again."""

PAUSE_SECONDS = 60.0
"""Minimum time between two reads: unknown names, and a source that is down, must not cost a connection each."""


@dataclass
class SourceTimeZones:
    """The time zones of the database that reports read. One is kept for the life of a process."""

    source: Database
    _names: frozenset[str] = field(default=frozenset(), init=False)
    _read_at: float | None = field(default=None, init=False)
    _asked_at: float | None = field(default=None, init=False)
    _turn: threading.Lock = field(default_factory=threading.Lock, init=False)

    def may_know(self, name: str) -> bool:
        """Returns False only where the source is known not to have the time zone: while it is down, nobody can say."""
        if name == "UTC":
            return True
        with self._turn:
            if not (self._is_fresh() and name in self._names) and self._may_ask():
                self._read()
            return self._read_at is None or name in self._names

    def prepare(self) -> None:
        """Reads the list if it is due: a transaction that follows must not wait for a source that is down."""
        with self._turn:
            if not self._is_fresh() and self._may_ask():
                self._read()

    def _is_fresh(self) -> bool:
        return self._read_at is not None and monotonic() - self._read_at < FRESH_SECONDS

    def _may_ask(self) -> bool:
        return self._asked_at is None or monotonic() - self._asked_at >= PAUSE_SECONDS

    def _read(self) -> None:
        self._asked_at = monotonic()
        try:
            with self.source.temporary_connection() as connection:
                rows = connection.execute("SELECT name FROM pg_timezone_names").fetchall()
        except ResmaError:
            return  # the worker refuses a time zone that the source does not know
        self._names, self._read_at = frozenset(row[0] for row in rows), monotonic()


@dataclass(frozen=True)
class DeploymentRules:
    """The rules of this deployment."""

    receivers: AllowedReceivers
    time_zones: SourceTimeZones

    def errors_of(self, request: ReportRequest) -> Iterator[FieldError]:
        """What is wrong with a report request here."""
        yield from callback_errors(request.callback_url, self.receivers)
        yield from self.time_zone_errors(request.time_zone)

    def time_zone_errors(self, name: str) -> Iterator[FieldError]:
        """What is wrong with an existing time zone here: the source does not know it."""
        if is_time_zone(name) and not self.time_zones.may_know(name):
            yield FieldError("/timeZone", time_zone_unknown_to_source(name))
