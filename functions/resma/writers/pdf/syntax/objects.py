"""The grammar of a PDF file: objects, strings, streams and cross-reference sections (ISO 32000-1, clause 7)."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate

from isal import isal_zlib

from resma.writers.saved_state import Numbers

HEADER = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
"""§7.5.2: the version, and a comment of bytes over 127 so that file transfers see binary data."""

SECTION_OBJECTS = 32_768
"""Objects after which a cross-reference section is written: 640 KiB of entries, 256 KiB of memory until then."""

_ENTRIES_AT_ONCE = 4_096

_FREE = -1
_HEAD_OF_FREE = "0000000000 65535 f \n"

DEFLATE_LEVEL = 0
"""isal's fastest: 0.09 s for the pages of half a million rows, 2.9 kB each. Level 1 takes 0.16 s and makes 2.3 kB, no
higher level less. Threads gain nothing: each page asks for Python's lock again."""


@dataclass(slots=True)
class FileState:
    """How far the file has come: plain values, their size bounded by `SECTION_OBJECTS`."""

    position: int = 0
    """Bytes given out so far."""
    runs: list[list[int]] = field(default_factory=list)
    """Objects written since the last cross-reference section: runs of a first number and how many follow on."""
    offsets: Numbers = field(default_factory=lambda: array("Q"))
    """Where each of them begins, in bytes from the start of the file, run after run."""
    last_section: int = 0
    """Offset of the last cross-reference section, 0 before the first."""
    highest: int = 0
    """The highest object number in use."""


def reference(number: int) -> bytes:
    return b"%d 0 R" % number


def stream(dictionary: bytes, data: bytes) -> bytes:
    """A deflated stream object (§7.3.8). `dictionary` holds further entries, without the brackets."""
    packed = isal_zlib.compress(data, DEFLATE_LEVEL)
    return b"<<%b/Filter/FlateDecode/Length %d>>stream\n%b\nendstream" % (dictionary, len(packed), packed)


def text_string(text: str) -> bytes:
    """A text string for dictionaries (§7.9.2.2): plain where ASCII, else UTF-16 with a byte order mark."""
    if text.isascii() and text.isprintable():
        return b"(%b)" % escaped(text.encode("ascii"))
    return b"<FEFF%b>" % text.encode("utf-16-be", "replace").hex().encode("ascii")


def escaped(data: bytes) -> bytes:
    """The inside of a literal string (§7.3.4.2). Line ends must not be among the bytes."""
    if b"\\" in data:
        data = data.replace(b"\\", b"\\\\")
    if b"(" in data:
        data = data.replace(b"(", b"\\(")
    return data.replace(b")", b"\\)") if b")" in data else data


def number(value: float) -> bytes:
    """A number of points, to a hundredth, as short as it goes."""
    return f"{value:.2f}".rstrip("0").rstrip(".").encode("ascii")


def put(state: FileState, object_number: int, body: bytes) -> bytes:
    """One indirect object (§7.3.10), its offset noted."""
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
    """The next free object number."""
    state.highest += 1
    return state.highest


def section(state: FileState, trailer: bytes) -> bytes:
    """A cross-reference section of the objects since the last one, as an incremental update ends (§7.5.6).

    Sections point back at one another, so a file of any length needs the offsets of no more than
    `SECTION_OBJECTS` objects in memory. `trailer` holds the entries besides Size and Prev.
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
    """Runs of consecutive objects by number, as few as can be: a file without updates has one, from 0 (§7.5.4).

    Object 0, the head of the free list, is in the first section; with an offset that is none.
    """
    ends = list(accumulate(count for _, count in state.runs))
    found = [
        (first, list(state.offsets[end - count : end])) for (first, count), end in zip(state.runs, ends, strict=True)
    ]
    if not state.last_section:
        found.append((0, [_FREE]))
    run: tuple[int, list[int]] | None = None
    for first, offsets in sorted(found):
        if run and run[0] + len(run[1]) == first:
            run[1].extend(offsets)
        else:
            if run:
                yield run
            run = (first, offsets)
    if run:
        yield run


def _subsection(first: int, offsets: list[int]) -> Iterator[bytes]:
    """Consecutive objects: entries of exactly 20 bytes (§7.5.4), some thousands at a time to save memory."""
    yield b"%d %d\n" % (first, len(offsets))
    for i in range(0, len(offsets), _ENTRIES_AT_ONCE):
        some = offsets[i : i + _ENTRIES_AT_ONCE]
        yield "".join([f"{at:010d} 00000 n \n" if at != _FREE else _HEAD_OF_FREE for at in some]).encode("ascii")
