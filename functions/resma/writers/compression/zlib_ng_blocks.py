"""Adapter of zlib-ng's block compressor, which is private to that library: nothing else uses it.

It is what the library's own threads for gzip use. The public compressor takes Python's lock each time that its output
grows, five times per block and for up to 5 ms each; with it, the threads were slower than the writer that feeds them.
`tests/unit/writers/test_zlib_ng_blocks.py` fails if the library changes what is used here.
"""

from __future__ import annotations

from zlib_ng import zlib_ng

MAX_BLOCK_BYTES = 512 * 1024

_BUFFER_BYTES = MAX_BLOCK_BYTES * 9 // 8 + 500
"""Room for the largest block, also where it cannot be compressed."""


def compress_block(data: bytes | bytearray | memoryview, window: bytes, level: int) -> bytes:
    """Returns raw DEFLATE (RFC 1951) that ends at a byte and is not the last block of its stream.

    It may refer to the window: up to 32 KiB of data before the block. `data` has at most `MAX_BLOCK_BYTES`. Threads
    may call it at the same time. Equal arguments give equal bytes: each block has a compressor of its own, because what
    zlib-ng 2.3.3 writes may depend on what the same compressor has compressed before.
    """
    packed, _crc32 = zlib_ng._ParallelCompress(_BUFFER_BYTES, level).compress_and_crc(data, window)
    return bytes(packed)
