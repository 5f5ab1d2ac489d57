"""Configures glibc to return freed large blocks to the system at once."""

from __future__ import annotations

import contextlib
import ctypes

LARGE_BYTES = 1024 * 1024
"""Blocks of at least this size are returned. Smaller ones, such as batches of narrow rows, are reused, which is faster.
"""

_M_MMAP_THRESHOLD = -3
"""Parameter M_MMAP_THRESHOLD of mallopt(3).

If it is not set, glibc raises the threshold to the size of each large block that is freed (up to 32 MiB). Such blocks
then come from the heap and fragment it: with wide rows a worker needed 30 MB more.
"""


def return_large_blocks() -> None:
    """Sets the threshold for this process. Does nothing if the C library is not glibc. Safe to call twice."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
