"""A writer's bytes, compressed: gzip (RFC 1952) or zstd (RFC 8878), in sections that do not depend on each other.

A gzip file is one member and a zstd file one frame: readers that take the whole file at once stop after the first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from resma.report.format_options import Compression
from resma.report.rows import Batch
from resma.report.warnings import ReportWarning
from resma.writers import Writer, warnings_of
from resma.writers.compression.deflate import DeflateState, deflate, finish
from resma.writers.compression.zstd_sections import END_OF_FRAME, FRAME_HEADER, SECTION_BYTES, compress_section

_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"
"""RFC 1952 §2.3: deflate, no name, no time (the same rows give the same bytes), fastest level, any system."""


S = TypeVar("S")
"""The state of the writer whose bytes are compressed."""


@dataclass(slots=True)
class GzipState(Generic[S]):
    """The writer's state inside, and the compressor's."""

    inner: S
    deflated: DeflateState = field(default_factory=DeflateState)


@dataclass(slots=True)
class ZstdState(Generic[S]):
    """The writer's state inside, and less than a section of its bytes that waits for more."""

    inner: S
    pending: bytearray = field(default_factory=bytearray)


def compressed(writer: Writer, compression: Compression) -> Writer:
    """The writer itself, or one that compresses what it writes."""
    if compression == "gzip":
        return GzipWriter(writer)
    return ZstdWriter(writer) if compression == "zstd" else writer


class GzipWriter:
    """`Writer` of a gzip file."""

    media_type = "application/gzip"

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._deflated = DeflateState()

    @property
    def state(self) -> GzipState[Any]:
        """See `Writer`."""
        return GzipState(self._writer.state, self._deflated)

    @state.setter
    def state(self, saved: GzipState[Any]) -> None:
        self._writer.state, self._deflated = saved.inner, saved.deflated

    def begin(self) -> bytes:
        """The header, and what is ready."""
        return _GZIP_HEADER + deflate(self._deflated, self._writer.begin())

    def add(self, batch: Batch) -> bytes:
        """What is ready."""
        return deflate(self._deflated, self._writer.add(batch))

    def end(self) -> bytes:
        """The rest, the checksum and the size modulo 2^32. Raises what the writer inside raises."""
        state = self._deflated
        packed = deflate(state, self._writer.end()) + finish(state)
        return packed + state.crc32.to_bytes(4, "little") + (state.bytes_in & 0xFFFFFFFF).to_bytes(4, "little")

    def warnings(self) -> tuple[ReportWarning, ...]:
        """Returns those of the writer inside."""
        return warnings_of(self._writer)


class ZstdWriter:
    """`Writer` of a zstd file."""

    media_type = "application/zstd"

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._pending = bytearray()

    @property
    def state(self) -> ZstdState[Any]:
        """See `Writer`."""
        return ZstdState(self._writer.state, self._pending)

    @state.setter
    def state(self, saved: ZstdState[Any]) -> None:
        self._writer.state, self._pending = saved.inner, saved.pending

    def begin(self) -> bytes:
        """Returns the frame's header, and what is ready."""
        return FRAME_HEADER + self._sections(self._writer.begin())

    def add(self, batch: Batch) -> bytes:
        """Returns what is ready."""
        return self._sections(self._writer.add(batch))

    def end(self) -> bytes:
        """Returns the rest of the frame. Raises what the writer inside raises."""
        sections = self._sections(self._writer.end())
        return sections + (compress_section(bytes(self._pending)) if self._pending else b"") + END_OF_FRAME

    def warnings(self) -> tuple[ReportWarning, ...]:
        """Returns those of the writer inside."""
        return warnings_of(self._writer)

    def _sections(self, data: bytes) -> bytes:
        self._pending += data
        whole = len(self._pending) // SECTION_BYTES * SECTION_BYTES
        with memoryview(self._pending) as view:
            texts = [bytes(view[at : at + SECTION_BYTES]) for at in range(0, whole, SECTION_BYTES)]
        del self._pending[:whole]
        return b"".join([compress_section(text) for text in texts])
