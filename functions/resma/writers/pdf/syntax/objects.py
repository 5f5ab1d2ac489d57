"""Objects, strings, streams and cross-reference sections of a PDF file (ISO 32000-1, clause 7)."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate

from isal import isal_zlib

from resma.writers.saved_state import Numbers

HEADER = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
"""§7.5.2: the version, and a comment with bytes over 127, so that file transfer programs detect binary data."""

SECTION_OBJECTS = 32_768
"""Number of objects per cross-reference section: 640 KiB of entries, and 256 KiB of memory until it is written."""

_ENTRIES_AT_ONCE = 4_096

_MAX_NUMBERS = 2_000

_FREE = -1
_HEAD_OF_FREE = "0000000000 65535 f \n"

PAGE_LEVEL = 0
"""Fastest level of isal: 0.09 s for the pages of 500,000 rows, 2.9 kB each. Level 1 takes 0.16 s and makes pages of
2.3 kB; higher levels save nothing. Threads are not faster, because each page acquires the GIL again."""

ONCE_LEVEL = 1
"""Level of streams of which a file has only a few, such as fonts, forms and the first pages."""


@dataclass(slots=True)
class FileState:
    """State of the file's objects, as plain values whose size is bounded by `SECTION_OBJECTS`."""

    position: int = 0
    """Number of bytes returned so far."""
    runs: list[list[int]] = field(default_factory=list)
    """Objects since the last cross-reference section, as runs: first object number, and number of objects."""
    offsets: Numbers = field(default_factory=lambda: array("Q"))
    """Offset of each of these objects from the start of the file, in the order of the runs."""
    last_section: int = 0
    """Offset of the last cross-reference section; 0 before the first is written."""
    highest: int = 0
    """Highest object number in use."""


def reference(number: int) -> bytes:
    """Returns an indirect reference (§7.3.10)."""
    return b"%d 0 R" % number


def stream(dictionary: bytes, data: bytes, level: int = ONCE_LEVEL) -> bytes:
    """Returns a compressed stream object (§7.3.8). `dictionary` has further entries, without the brackets."""
    packed = isal_zlib.compress(data, level)
    return b"<<%b/Filter/FlateDecode/Length %d>>stream\n%b\nendstream" % (dictionary, len(packed), packed)


def text_string(text: str) -> bytes:
    """Returns a text string for dictionaries (§7.9.2.2): ASCII, or UTF-16 with a byte order mark."""
    if text.isascii() and text.isprintable():
        return b"(%b)" % escaped(text.encode("ascii"))
    return b"<FEFF%b>" % text.encode("utf-16-be", "replace").hex().encode("ascii")


def escaped(data: bytes) -> bytes:
    """Escapes bytes for a literal string (§7.3.4.2). The bytes must not include line ends."""
    if b"\\" in data:
        data = data.replace(b"\\", b"\\\\")
    if b"(" in data:
        data = data.replace(b"(", b"\\(")
    return data.replace(b")", b"\\)") if b")" in data else data


@lru_cache(_MAX_NUMBERS)
def number(value: float) -> bytes:
    """Formats a number with at most two decimals, as short as possible. Cached, because positions repeat."""
    return f"{value:.2f}".rstrip("0").rstrip(".").encode("ascii")


def put(state: FileState, object_number: int, body: bytes) -> bytes:
    """Returns an indirect object (§7.3.10) and records its offset."""
    data = b"%d 0 obj\n%b\nendobj\n" % (object_number, body)
    last = state.runs[-1] if state.runs else [0, 0]
    if last[0] + last[1] == object_number and last[1]:
        last[1] += 1
    else:
        state.runs.append([object_number, 1])
    state.offsets.append(state.position)
    state.position += len(data)
    return data


def claim(state: FileState) -> int:
    """Returns the next free object number."""
    state.highest += 1
    return state.highest


def section(state: FileState, trailer: bytes) -> bytes:
    """Returns a cross-reference section of the objects since the last one, as for an incremental update (§7.5.6).

    Each section refers to the previous one, so that a file of any length needs the offsets of at most
    `SECTION_OBJECTS` objects in memory. `trailer` has the trailer's entries except Size and Prev.
    """
    start = state.position
    parts = [b"xref\n"]
    for first, entries in _in_order(state):
        parts += _subsection(first, entries)
    previous = b"/Prev %d" % state.last_section if state.last_section else b""
    parts.append(b"trailer\n<</Size %d%b%b>>\n" % (state.highest + 1, previous, trailer))
    parts.append(b"startxref\n%d\n%%%%EOF\n" % start)
    data = b"".join(parts)
    del state.runs[:], state.offsets[:]
    state.last_section = start
    state.position += len(data)
    return data


def _in_order(state: FileState) -> Iterator[tuple[int, list[int]]]:
    """Yields runs of consecutive object numbers, as few as possible.

    A file without updates must have one run from 0 (§7.5.4). Object 0, the head of the list of free objects, is in the
    first section; `_FREE` takes the place of its offset.
    """
    ends = list(accumulate(count for _, count in state.runs))
    runs = [
        (first, list(state.offsets[end - count : end])) for (first, count), end in zip(state.runs, ends, strict=True)
    ]
    if not state.last_section:
        runs.append((0, [_FREE]))
    run: tuple[int, list[int]] | None = None
    for first, offsets in sorted(runs):
        if run and run[0] + len(run[1]) == first:
            run[1].extend(offsets)
        else:
            if run:
                yield run
            run = (first, offsets)
    if run:
        yield run


def _subsection(first: int, offsets: list[int]) -> Iterator[bytes]:
    """Yields the entries of consecutive objects, 20 bytes each (§7.5.4), in several parts to save memory."""
    yield b"%d %d\n" % (first, len(offsets))
    for i in range(0, len(offsets), _ENTRIES_AT_ONCE):
        some = offsets[i : i + _ENTRIES_AT_ONCE]
        yield "".join([f"{at:010d} 00000 n \n" if at != _FREE else _HEAD_OF_FREE for at in some]).encode("ascii")
