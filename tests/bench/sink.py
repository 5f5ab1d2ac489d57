"""A sink that discards bytes."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import Any, TextIO, cast


class Sink:
    """Counts bytes and discards them. Implements the methods of a binary file that libraries need without seeking."""

    closed = False

    def __init__(self) -> None:
        self.bytes = 0

    def write(self, data: Any) -> int:
        """Discards an object with a buffer; returns its length in bytes."""
        length = memoryview(data).nbytes
        self.bytes += length
        return length

    def tell(self) -> int:
        """Returns the number of bytes so far."""
        return self.bytes

    def flush(self) -> None:
        """Does nothing: nothing is buffered."""

    def close(self) -> None:
        """Does nothing: nothing is open."""

    def readable(self) -> bool:
        """Returns False."""
        return False

    def writable(self) -> bool:
        """Returns True."""
        return True

    def seekable(self) -> bool:
        """Returns False."""
        return False


@contextlib.contextmanager
def text_into(sink: Sink) -> Iterator[TextIO]:
    """Opens a UTF-8 text file that writes to the sink."""
    text = io.TextIOWrapper(cast("Any", sink), encoding="utf-8", newline="")
    try:
        yield text
    finally:
        text.flush()
        text.detach()
