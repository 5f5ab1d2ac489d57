"""DEFLATE in blocks of a fixed size that are compressed independently.

The internal state of a compressor cannot be saved and resumed in another process. Independent blocks need no state
except up to 32 KiB of preceding data. They make files 1 % larger. One block can be compressed in a thread while Python
produces the next, because isal and zlib-ng release the global interpreter lock (GIL).
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from isal import isal_zlib

from resma.writers.compression.zlib_ng_blocks import MAX_BLOCK_BYTES, compress_block

BLOCK_BYTES = 256 * 1024
LEVEL = 1
"""Level of isal (0 to 3): 58 MB of CSV became 14.1 MB in 0.07 s. Level 2 saves 1 %; with level 0 files are 25 %
larger."""

SHEET_LEVEL = 5
"""Level of zlib-ng (1 to 9) for sheets, whose cell references compress badly: 500,000 rows take 27 MB, and 33 MB with
isal's level 1. Level 4 is a fifth faster and makes files 3 % larger."""

FINISH = b"\x03\x00"
"""Final empty block with fixed Huffman codes (RFC 1951 §3.2.6)."""

_WINDOW_BYTES = 32 * 1024
"""Maximum distance of DEFLATE's back-references."""

MAX_IN_FLIGHT = 4
"""Maximum number of blocks submitted but not collected. It bounds memory if compression is slower than the writer."""


@dataclass(slots=True)
class DeflateState:
    """State of a DEFLATE stream, as plain values that can be saved between two calls."""

    pending: bytearray = field(default_factory=bytearray)
    """Data that does not fill a block yet."""
    ready: bytearray = field(default_factory=bytearray)
    """Compressed data that was not returned yet (`ThreadedDeflate` only)."""
    window: bytes = b""
    """End of the last block, to which the next block may refer (`ThreadedDeflate` only)."""
    crc32: int = 0
    """CRC-32 of all input. `ThreadedDeflate` does not include the pending data."""
    bytes_in: int = 0
    bytes_out: int = 0


def deflate(state: DeflateState, data: bytes) -> bytes:
    """Compresses data of any length. Returns raw DEFLATE (RFC 1951) of whole blocks; the rest stays in the state."""
    packed = b"".join([_block(block) for block in _whole_blocks(state, data, BLOCK_BYTES)])
    state.bytes_out += len(packed)
    return packed


def finish(state: DeflateState) -> bytes:
    """Returns the rest of the stream, including its end."""
    packed = (_block(state.pending) if state.pending else b"") + FINISH
    state.pending.clear()
    state.bytes_out += len(packed)
    return packed


class ThreadedDeflate:
    """Compresses at `SHEET_LEVEL` on the threads of a pool. Blocks are returned in order: the stream is reproducible.

    The bytes that one call of `add` returns depend on the progress of the threads. Call `settle` before saving the
    state.
    """

    BLOCK_BYTES = MAX_BLOCK_BYTES
    """Larger than the module's `BLOCK_BYTES`, because submitting a block may take 5 ms, the switch interval of the
    GIL."""

    def __init__(self, state: DeflateState, pool: ThreadPoolExecutor) -> None:
        self._state = state
        self._pool = pool
        self._in_flight: deque[Future[bytes]] = deque()
        self._pieces = [bytes(state.pending)]
        """Data that does not fill a block yet. It is concatenated once per block, because copying it in every call
        took a fifth of the writer's time."""
        self._waiting = len(state.pending)

    def add(self, data: bytes) -> bytes:
        """Adds data of any length. Returns the bytes compressed so far; waits if too many blocks are in flight."""
        self._pieces.append(data)
        self._state.bytes_in += len(data)
        self._waiting += len(data)
        if self._waiting >= self.BLOCK_BYTES:
            self._submit_blocks()
        return self._take()

    def settle(self) -> None:
        """Waits for all threads. Afterwards the state is complete and can be saved."""
        self._collect(0)
        self._state.pending = bytearray().join(self._pieces)

    def finish(self) -> bytes:
        """Returns the rest of the stream, including its end."""
        self.settle()
        rest, self._pieces, self._waiting = self._state.pending, [], 0
        self._state.crc32 = isal_zlib.crc32(rest, self._state.crc32)
        packed = compress_block(rest, self._state.window, SHEET_LEVEL) + FINISH
        self._state.pending = bytearray()
        self._state.bytes_out += len(packed)
        return self._take() + packed

    def _submit_blocks(self) -> None:
        """Submits all whole blocks to the pool, and keeps the rest."""
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

    def _collect(self, max_in_flight: int) -> None:
        """Collects finished blocks in order, and waits until at most `max_in_flight` blocks are unfinished."""
        while self._in_flight and (len(self._in_flight) > max_in_flight or self._in_flight[0].done()):
            self._state.ready += self._in_flight.popleft().result()

    def _take(self) -> bytes:
        packed = bytes(self._state.ready)
        self._state.ready.clear()
        self._state.bytes_out += len(packed)
        return packed


def _whole_blocks(state: DeflateState, data: bytes, size: int) -> list[bytes]:
    """Adds data to the pending data, and removes and returns all whole blocks of it."""
    state.crc32 = isal_zlib.crc32(data, state.crc32)
    state.bytes_in += len(data)
    state.pending += data
    whole = len(state.pending) // size * size
    with memoryview(state.pending) as view:
        blocks = [bytes(view[at : at + size]) for at in range(0, whole, size)]
    del state.pending[:whole]
    return blocks


def _block(data: bytes | bytearray) -> bytes:
    """Compresses one block. It ends on a byte boundary and does not refer to earlier data, so blocks can be joined."""
    compressor = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, -15)
    return bytes(compressor.compress(data) + compressor.flush(isal_zlib.Z_FULL_FLUSH))
