"""How glibc keeps freed memory: large blocks go back to the system at once, whatever was allocated after them."""

from __future__ import annotations

import contextlib
import ctypes

LARGE_BYTES = 1024 * 1024
"""Smaller blocks, as of batches of narrow rows, are used again and again: faster, and small."""

_M_MMAP_THRESHOLD = -3
"""mallopt(3). Once it is set, glibc no longer raises it by itself to the size of each large block that is freed (up to
32 MiB), after which such blocks come from the heap and fragment it: wide rows took a worker 30 MB more."""


def return_large_blocks() -> None:
    """Sets the limit for this process. Does nothing where the C library is another one. Safe to call twice."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
