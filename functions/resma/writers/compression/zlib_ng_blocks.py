"""Adapter for the block compressor of zlib-ng, which is a private API: no other module uses it.

The library's own gzip threads use it. The public compressor acquires the GIL each time that its output grows: five
times per block, for up to 5 ms each. With it, the threads were slower than the writer that produces the data.
`tests/unit/writers/test_zlib_ng_blocks.py` fails if the library changes this API.
"""

from __future__ import annotations

from zlib_ng import zlib_ng

MAX_BLOCK_BYTES = 512 * 1024

_BUFFER_BYTES = MAX_BLOCK_BYTES * 9 // 8 + 500
"""Size of the output buffer: enough for the largest block, even if it cannot be compressed."""


def compress_block(data: bytes | bytearray | memoryview, window: bytes, level: int) -> bytes:
    """Compresses one block of at most `MAX_BLOCK_BYTES`. Returns raw DEFLATE (RFC 1951) that ends on a byte boundary.

    The block is not the last one of its stream. It may refer to `window`: up to 32 KiB of data before the block. The
    function is thread-safe. Equal arguments return equal bytes: each block gets a new compressor, because the output
    of zlib-ng 2.3.3 may depend on earlier data of the same compressor.
    """
    packed, _crc32 = zlib_ng._ParallelCompress(_BUFFER_BYTES, level).compress_and_crc(data, window)
    return bytes(packed)
