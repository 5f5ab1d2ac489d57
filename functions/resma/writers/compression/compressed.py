"""Writers that compress the bytes of another writer with gzip (RFC 1952) or zstd (RFC 8878).

Data is compressed in independent sections. A gzip file still has only one gzip member, and a zstd file only one frame,
because some readers stop after the first.
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
"""RFC 1952 §2.3: DEFLATE, no name, no time (the same rows produce the same bytes), fastest level, unknown system."""


S = TypeVar("S")
"""Type of the state of the inner writer, whose bytes are compressed."""


@dataclass(slots=True)
class GzipState(Generic[S]):
    """State of the inner writer and of the compressor."""

    inner: S
    deflated: DeflateState = field(default_factory=DeflateState)


@dataclass(slots=True)
class ZstdState(Generic[S]):
    """State of the inner writer, and bytes of it that do not fill a section yet."""

    inner: S
    pending: bytearray = field(default_factory=bytearray)


def compressed(writer: Writer, compression: Compression) -> Writer:
    """Returns a writer that compresses the bytes of `writer`, or `writer` itself for `none`."""
    if compression == "gzip":
        return GzipWriter(writer)
    return ZstdWriter(writer) if compression == "zstd" else writer


class GzipWriter:
    """Writes a gzip file. Implements `Writer`."""

    media_type = "application/gzip"

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._deflated = DeflateState()

    @property
    def state(self) -> GzipState[Any]:
        """State of the inner writer and of the compressor; see `Writer.state`."""
        return GzipState(self._writer.state, self._deflated)

    @state.setter
    def state(self, saved: GzipState[Any]) -> None:
        self._writer.state, self._deflated = saved.inner, saved.deflated

    def begin(self) -> bytes:
        """Returns the gzip header and the bytes that are ready."""
        return _GZIP_HEADER + deflate(self._deflated, self._writer.begin())

    def add(self, batch: Batch) -> bytes:
        """Adds rows. Returns the bytes that are ready."""
        return deflate(self._deflated, self._writer.add(batch))

    def end(self) -> bytes:
        """Returns the rest of the data, its CRC-32 and its size modulo 2^32. Raises the errors of the inner writer."""
        state = self._deflated
        packed = deflate(state, self._writer.end()) + finish(state)
        return packed + state.crc32.to_bytes(4, "little") + (state.bytes_in & 0xFFFFFFFF).to_bytes(4, "little")

    def warnings(self) -> tuple[ReportWarning, ...]:
        """Returns the warnings of the inner writer."""
        return warnings_of(self._writer)


class ZstdWriter:
    """Writes a zstd file. Implements `Writer`."""

    media_type = "application/zstd"

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._pending = bytearray()

    @property
    def state(self) -> ZstdState[Any]:
        """State of the inner writer and the pending bytes; see `Writer.state`."""
        return ZstdState(self._writer.state, self._pending)

    @state.setter
    def state(self, saved: ZstdState[Any]) -> None:
        self._writer.state, self._pending = saved.inner, saved.pending

    def begin(self) -> bytes:
        """Returns the frame header and the bytes that are ready."""
        return FRAME_HEADER + self._sections(self._writer.begin())

    def add(self, batch: Batch) -> bytes:
        """Adds rows. Returns the bytes that are ready."""
        return self._sections(self._writer.add(batch))

    def end(self) -> bytes:
        """Returns the rest of the frame. Raises the errors of the inner writer."""
        sections = self._sections(self._writer.end())
        return sections + (compress_section(bytes(self._pending)) if self._pending else b"") + END_OF_FRAME

    def warnings(self) -> tuple[ReportWarning, ...]:
        """Returns the warnings of the inner writer."""
        return warnings_of(self._writer)

    def _sections(self, data: bytes) -> bytes:
        self._pending += data
        whole = len(self._pending) // SECTION_BYTES * SECTION_BYTES
        with memoryview(self._pending) as view:
            sections = [bytes(view[at : at + SECTION_BYTES]) for at in range(0, whole, SECTION_BYTES)]
        del self._pending[:whole]
        return b"".join([compress_section(section) for section in sections])
