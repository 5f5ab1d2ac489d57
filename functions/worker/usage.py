"""What an attempt uses of AWS, from the start of its invocation: counted as it goes, priced when it ends."""

from __future__ import annotations

import time
from collections.abc import Sequence

from resma.aws.call_counter import calls_so_far
from resma.aws.cost import Usage
from resma.jobs.report_rows import StoredFile

# What is charged besides the calls that are counted: the message is sent, received and deleted by others; powertools'
# idempotency, with a client of its own, writes the job's key when it begins and when it ends.
_AROUND = Usage(invocations=1, queue_requests=3, keys_written=2)

# What follows a READY report: its event, on topic and bus.
_AFTER = Usage(events_published=1, events_put=1)


class Spending:
    """Made when an invocation begins, which handles one job. `memory_mb` is the function's limit."""

    def __init__(self, memory_mb: int) -> None:
        self._memory_mb = memory_mb
        self._since = time.monotonic()
        self._calls_before = calls_so_far()

    def so_far(self) -> Usage:
        """What was used by now; an invocation is charged by the millisecond, begun ones whole."""
        milliseconds = int((time.monotonic() - self._since) * 1000) + 1
        calls = calls_so_far() - self._calls_before
        return Usage.of_calls(calls) + _AROUND + Usage(mb_milliseconds=milliseconds * self._memory_mb)

    def with_files(self, files: Sequence[StoredFile], retention_days: int) -> Usage:
        """The same of an attempt that ends with these files, which are kept for that long."""
        kept = sum(file["bytes"] for file in files) * retention_days
        return self.so_far() + _AFTER + Usage(byte_days=kept)
