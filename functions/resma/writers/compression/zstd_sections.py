"""One zstd frame (RFC 8878) out of sections that are compressed separately, so that another process can continue it.

A compressor's state can't be saved. Every section is therefore compressed by a new compressor, and its blocks are put
after those of the section before, in the same frame. Such blocks must not depend on what came before them: not on
earlier text (§3.1.1.4), not on the three repeat offsets (§3.1.1.5), not on earlier entropy tables. A new compressor
assumes the repeat offsets 1, 4 and 8 of a frame's start and would use them, which a decoder in the middle of a frame
does not have. So it is given a primer first, whose own blocks are thrown away and which leaves offsets behind that no
text can match; and every section is decoded again, under offsets at which it would fail, before it is used.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

from backports import zstd

SECTION_BYTES = 128 * 1024
"""The largest block that the format has. 58 MB of CSV became 3 % smaller than in sections of 1 MiB, and sooner."""

FRAME_HEADER = b"\x28\xb5\x2f\xfd\x00\x38"
"""The magic number; no size, checksum or dictionary; a window of 128 KiB (§3.1.1.1)."""

END_OF_FRAME = b"\x01\x00\x00"
"""A last block, raw and empty (§3.1.1.2)."""

PRIMER_OFFSET = 4096
"""All offsets that the primer leaves behind are larger."""

_OPTIONS: dict[int, int] = {
    zstd.CompressionParameter.compression_level: 3,  # the format's own default
    zstd.CompressionParameter.window_log: 18,  # holds the primer and a section
    zstd.CompressionParameter.content_size_flag: 0,
    zstd.CompressionParameter.checksum_flag: 0,
}
_NEVER_IN_TEXT = b"\xff"
"""A byte that UTF-8 does not have (RFC 3629 §3)."""


def compress_section(text: bytes) -> bytes:
    """Returns blocks that give these bytes, at most SECTION_BYTES, wherever they stand in the frame.

    Where a whole section depends on what comes before it, its halves may not: all of a short one is nearer to its
    start than the primer's offsets. A raw block never does.
    """
    blocks = _compress(text)
    if _NEVER_IN_TEXT not in text and _is_independent(blocks, text):
        return blocks
    if len(text) > PRIMER_OFFSET:
        half = len(text) // 2
        return compress_section(text[:half]) + compress_section(text[half:])
    return (len(text) << 3).to_bytes(3, "little") + text  # type 0: a raw block


def _compress(text: bytes) -> bytes:
    compressor = zstd.ZstdCompressor(options=_OPTIONS)
    compressor.compress(_primer(), mode=zstd.ZstdCompressor.FLUSH_BLOCK)
    return compressor.compress(text, mode=zstd.ZstdCompressor.FLUSH_BLOCK)


def _is_independent(blocks: bytes, text: bytes) -> bool:
    """Whether the blocks give the text under other initial offsets and tables.

    The dictionary's repeat offsets reach from every byte of a section to before its start, where the dictionary has
    nothing but bytes that are not in the text. So each use of them, and of earlier text, gives something else.
    """
    try:
        return zstd.decompress(FRAME_HEADER + blocks + END_OF_FRAME, zstd_dict=_hostile_dictionary()) == text
    except zstd.ZstdError:
        return False


@lru_cache(maxsize=1)
def _primer() -> bytes:
    """Three words, a filler without repetition, and the words again, each found at more than PRIMER_OFFSET."""
    words = [_noise(b"word %d" % number, 24) for number in range(3)]
    filler = _noise(b"filler", PRIMER_OFFSET)
    return b"".join([*words, filler, words[0], _noise(b"gap", 3), words[1], _noise(b"another gap", 8), words[2]])


def _noise(seed: bytes, size: int) -> bytes:
    """Bytes from F8 to FF in no order, the same ones each time: none of them is in UTF-8."""
    return bytes([byte | 0xF8 for byte in hashlib.shake_128(seed).digest(size)])


@lru_cache(maxsize=1)
def _hostile_dictionary() -> zstd.ZstdDict:
    """A dictionary (§5) whose repeat offsets are larger than a section."""
    content = _NEVER_IN_TEXT * (SECTION_BYTES + 8)
    samples = [_noise(b"sample %d" % number, 256) for number in range(64)]
    raw = zstd.ZstdDict(content, is_raw=True)
    made = zstd.finalize_dict(raw, samples, len(content) + 4096, 3).dict_content
    # The offsets, of four bytes each, are the last thing before the content.
    offsets = b"".join([(SECTION_BYTES + number).to_bytes(4, "little") for number in (1, 2, 3)])
    tables = made[: -len(content) - len(offsets)]
    return zstd.ZstdDict(tables + offsets + content)
