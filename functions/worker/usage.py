"""Counts an attempt's usage of AWS, from the start of its invocation."""

from __future__ import annotations

import time
from collections.abc import Sequence

from resma.aws.call_counter import calls_so_far
from resma.aws.cost import Usage
from resma.jobs.report_rows import StoredFile

_UNCOUNTED = Usage(invocations=1, queue_requests=3, keys_written=2)
"""Usage besides the calls that are counted.

Other clients send, receive and delete the message. Powertools' idempotency writes the job's key at the start and at the
end, with a client of its own.
"""

_EVENTS = Usage(events_published=1, events_put=1)
"""Usage after a report is READY: its event on the topic and on the bus."""


class UsageMeter:
    """Counts the usage of an invocation, which handles one job. Created at its start.

    `memory_mb` is the function's memory limit.
    """

    def __init__(self, memory_mb: int) -> None:
        self._memory_mb = memory_mb
        self._since = time.monotonic()
        self._calls_before = calls_so_far()

    def so_far(self) -> Usage:
        """Returns the usage so far. An invocation is charged by the millisecond, rounded up."""
        milliseconds = int((time.monotonic() - self._since) * 1000) + 1
        calls = calls_so_far() - self._calls_before
        return Usage.of_calls(calls) + _UNCOUNTED + Usage(mb_milliseconds=milliseconds * self._memory_mb)

    def with_files(self, files: Sequence[StoredFile], retention_days: int) -> Usage:
        """Returns the usage of an attempt that makes a report READY with these files, including their storage."""
        return self.with_bytes(sum(file["bytes"] for file in files), retention_days)

    def with_bytes(self, stored: int, retention_days: int) -> Usage:
        """Returns the usage of an attempt that makes a report READY whose files have this size, with their storage."""
        return self.so_far() + _EVENTS + Usage(byte_days=stored * retention_days)
