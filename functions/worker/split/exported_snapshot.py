"""The snapshot that a coordinator exports. It stays open on a connection of its own while shards are generated."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from types import TracebackType
from typing import Self

from resma.catalog import ReportType
from resma.snapshot.query_limits import QueryLimits, limits_of
from resma.snapshot.snapshot import Snapshot, open_snapshot
from worker.attempt import ClaimedJob, Invocation
from worker.time_budget import MARGIN_SECONDS


class ExportedSnapshot:
    """Opens the snapshot that other workers import, and opens another one when it no longer exists.

    It is a context manager, so that errors of the queries in its block are translated as `open_snapshot` does.
    """

    def __init__(self, job: ClaimedJob, invocation: Invocation, report_type: ReportType) -> None:
        self._job = job
        self._invocation = invocation
        self._type = report_type
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, traceback)

    def open(self) -> Snapshot:
        """Opens a new snapshot, after closing the previous one, if any."""
        self.close()
        claim = self._job.claim
        return self._stack.enter_context(
            open_snapshot(
                self._job.resources.source.connect(),
                self._type,
                claim.tenant_id,
                claim.filters,
                claim.time_zone,
                self._limits(),
            )
        )

    def close(self) -> None:
        """Closes the snapshot. Safe to call twice."""
        self._stack.close()

    def _limits(self) -> QueryLimits:
        """Returns the limits of the query. The transaction may be idle for as long as the invocation lasts."""
        left = self._invocation.time_budget.seconds_left()
        limits = limits_of(self._type, self._job.resources.max_statement_seconds, left)
        return replace(limits, idle_seconds=max(limits.idle_seconds, round(left + 2 * MARGIN_SECONDS)))
