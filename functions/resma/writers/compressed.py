"""A writer's bytes, compressed: gzip (RFC 1952) or zstd (RFC 8878), in blocks that look back at nothing.

A gzip file is one member, as simple readers expect; a zstd file is a frame for each block, one after the other, which
every reader of the format takes (RFC 8878 §3.1).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from backports import zstd

from resma.options import Compression
from resma.rows import Batch
from resma.writers import Writer
from resma.writers.deflate import DeflateState, deflate, finish

_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"
"""RFC 1952 §2.3: deflate, no name, no time (the same rows give the same bytes), fastest level, any system."""

FRAME_BYTES = 1024 * 1024
_ZSTD_OPTIONS: dict[int, int] = {
    zstd.CompressionParameter.compression_level: 3,  # the format's own default
    zstd.CompressionParameter.checksum_flag: 1,
}


@dataclass(slots=True)
class GzipState:
    """The writer's state inside, and the compressor's."""

    inner: Any
    deflated: DeflateState = field(default_factory=DeflateState)


@dataclass(slots=True)
class ZstdState:
    """The writer's state inside, and less than a frame of its bytes that waits for more."""

    inner: Any
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
    def state(self) -> GzipState:
        """See `Writer`."""
        return GzipState(self._writer.state, self._deflated)

    @state.setter
    def state(self, saved: GzipState) -> None:
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


class ZstdWriter:
    """`Writer` of a zstd file."""

    media_type = "application/zstd"

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._pending = bytearray()

    @property
    def state(self) -> ZstdState:
        """See `Writer`."""
        return ZstdState(self._writer.state, self._pending)

    @state.setter
    def state(self, saved: ZstdState) -> None:
        self._writer.state, self._pending = saved.inner, saved.pending

    def begin(self) -> bytes:
        """What is ready."""
        return self._frames(self._writer.begin())

    def add(self, batch: Batch) -> bytes:
        """What is ready."""
        return self._frames(self._writer.add(batch))

    def end(self) -> bytes:
        """The rest. Raises what the writer inside raises."""
        frames = self._frames(self._writer.end())
        return frames + (_frame(bytes(self._pending)) if self._pending else b"")

    def _frames(self, data: bytes) -> bytes:
        self._pending += data
        frames = []
        while len(self._pending) >= FRAME_BYTES:
            frames.append(_frame(bytes(memoryview(self._pending)[:FRAME_BYTES])))
            del self._pending[:FRAME_BYTES]
        return b"".join(frames)


def _frame(data: bytes) -> bytes:
    return zstd.compress(data, options=_ZSTD_OPTIONS)
