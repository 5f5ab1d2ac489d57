"""DEFLATE in blocks of a fixed size, each compressed by itself.

A compressor's memory can't be saved and taken up by another process; blocks have no more of it than 32 KiB of data.
They cost 1 % of size, and C code can compress one while Python makes the next: isal and zlib-ng release Python's lock.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from isal import isal_zlib

from resma.writers.compression.zlib_ng_blocks import MAX_BLOCK_BYTES, compress_block

BLOCK_BYTES = 256 * 1024
LEVEL = 1
"""Of isal's four: 58 MB of CSV became 14.1 MB in 0.07 s; level 2 saves 1 % and level 0 costs 25 %."""

SHEET_LEVEL = 5
"""Of zlib-ng's nine, for sheets, whose references compress badly: half a million rows are 27 MB, and 33 MB with isal's
level 1. Level 4 is 3 % larger and a fifth quicker."""

FINISH = b"\x03\x00"
"""A last, empty block of fixed codes (RFC 1951 §3.2.6)."""

_WINDOW_BYTES = 32 * 1024
"""How far back DEFLATE can refer."""

MAX_IN_FLIGHT = 4
"""Blocks that wait for a thread or for those before them: bounds memory where compressing is the slower part."""


@dataclass(slots=True)
class DeflateState:
    """Plain values: can be saved between two calls."""

    pending: bytearray = field(default_factory=bytearray)
    """Less than a block that waits for more."""
    ready: bytearray = field(default_factory=bytearray)
    """Of `ThreadedDeflate`: compressed while its state was being saved, and not handed on yet."""
    window: bytes = b""
    """Of `ThreadedDeflate`: the end of the last block, to which the next one may refer."""
    crc32: int = 0
    """Of all that came in; of `ThreadedDeflate`, of what no longer waits."""
    bytes_in: int = 0
    bytes_out: int = 0


def deflate(state: DeflateState, data: bytes) -> bytes:
    """Takes data of any length and returns raw DEFLATE (RFC 1951) of whole blocks; the rest waits in the state."""
    packed = b"".join([_block(block) for block in _whole_blocks(state, data, BLOCK_BYTES)])
    state.bytes_out += len(packed)
    return packed


def finish(state: DeflateState) -> bytes:
    """Returns the rest of the stream, its end included."""
    packed = (_block(state.pending) if state.pending else b"") + FINISH
    state.pending.clear()
    state.bytes_out += len(packed)
    return packed


class ThreadedDeflate:
    """The same at `SHEET_LEVEL`, on the threads of a pool: blocks go out in order, so the bytes are always the same.

    What one `add` returns depends on how far the threads have come; call `settle` before the state is saved.
    """

    BLOCK_BYTES = MAX_BLOCK_BYTES
    """Larger, because handing a block over costs up to the 5 ms for which Python lets one thread keep its lock."""

    def __init__(self, state: DeflateState, pool: ThreadPoolExecutor) -> None:
        self._state = state
        self._pool = pool
        self._in_flight: deque[Future[bytes]] = deque()
        self._pieces = [bytes(state.pending)]
        """What waits for more. Joined once for each block: copies of all data were a fifth of the writer's time."""
        self._waiting = len(state.pending)

    def add(self, data: bytes) -> bytes:
        """Takes data of any length and returns what is compressed by now; waits if too much is in flight."""
        self._pieces.append(data)
        self._state.bytes_in += len(data)
        self._waiting += len(data)
        if self._waiting >= self.BLOCK_BYTES:
            self._submit_blocks()
        return self._take()

    def settle(self) -> None:
        """Waits for the threads: after this the state holds everything."""
        self._collect(0)
        self._state.pending = bytearray().join(self._pieces)

    def finish(self) -> bytes:
        """Returns the rest of the stream, its end included."""
        self.settle()
        rest, self._pieces, self._waiting = self._state.pending, [], 0
        self._state.crc32 = isal_zlib.crc32(rest, self._state.crc32)
        packed = compress_block(rest, self._state.window, SHEET_LEVEL) + FINISH
        self._state.pending = bytearray()
        self._state.bytes_out += len(packed)
        return self._take() + packed

    def _submit_blocks(self) -> None:
        """Hands all whole blocks over to the threads; the rest waits."""
        data = b"".join(self._pieces)
        whole = len(data) // self.BLOCK_BYTES * self.BLOCK_BYTES
        view = memoryview(data)
        for at in range(0, whole, self.BLOCK_BYTES):
            block = view[at : at + self.BLOCK_BYTES]
            self._state.crc32 = isal_zlib.crc32(block, self._state.crc32)
            self._in_flight.append(self._pool.submit(compress_block, block, self._state.window, SHEET_LEVEL))
            self._state.window = bytes(block[-_WINDOW_BYTES:])
            self._collect(MAX_IN_FLIGHT)
        self._pieces = [data[whole:]]
        self._waiting = len(data) - whole

    def _collect(self, most: int) -> None:
        """Takes back, in order, the blocks that are ready, and waits until no more than `most` are not."""
        while self._in_flight and (len(self._in_flight) > most or self._in_flight[0].done()):
            self._state.ready += self._in_flight.popleft().result()

    def _take(self) -> bytes:
        packed = bytes(self._state.ready)
        self._state.ready.clear()
        self._state.bytes_out += len(packed)
        return packed


def _whole_blocks(state: DeflateState, data: bytes, size: int) -> list[bytes]:
    """Adds data to what waits, and takes out all that fills blocks."""
    state.crc32 = isal_zlib.crc32(data, state.crc32)
    state.bytes_in += len(data)
    state.pending += data
    whole = len(state.pending) // size * size
    with memoryview(state.pending) as view:
        blocks = [bytes(view[at : at + size]) for at in range(0, whole, size)]
    del state.pending[:whole]
    return blocks


def _block(data: bytes | bytearray) -> bytes:
    """Ends at a byte and refers to nothing before it, so that blocks can be put one after the other."""
    compressor = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, -15)
    return bytes(compressor.compress(data) + compressor.flush(isal_zlib.Z_FULL_FLUSH))
