"""Where bytes go that nobody wants."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import Any, TextIO, cast


class Sink:
    """Counts bytes and throws them away. As much of a binary file as libraries ask of one that can't seek."""

    closed = False

    def __init__(self) -> None:
        self.bytes = 0

    def write(self, data: Any) -> int:
        """Takes anything with a buffer; returns its length in bytes."""
        length = memoryview(data).nbytes
        self.bytes += length
        return length

    def tell(self) -> int:
        """How many bytes came."""
        return self.bytes

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing is open."""

    def readable(self) -> bool:
        """No."""
        return False

    def writable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """No."""
        return False


@contextlib.contextmanager
def text_into(sink: Sink) -> Iterator[TextIO]:
    """A text file in UTF-8 over the sink."""
    text = io.TextIOWrapper(cast("Any", sink), encoding="utf-8", newline="")
    try:
        yield text
    finally:
        text.flush()
        text.detach()
