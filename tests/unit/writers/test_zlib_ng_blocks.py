"""Contract tests of zlib-ng's private block compressor, which must pass for every version of the library."""

from __future__ import annotations

import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from resma.writers.compression.deflate import FINISH
from resma.writers.compression.zlib_ng_blocks import MAX_BLOCK_BYTES, compress_block
from tests.support.random_search import make_random

WINDOW = 32 * 1024


def sample(number: int) -> bytes:
    """Returns compressible data that depends on the number."""
    return b"".join([b'<c r="A%d"><v>%d</v></c>' % (number + i, i * i % 977) for i in range(40_000)])[:MAX_BLOCK_BYTES]


@pytest.mark.parametrize("level", [1, 5, 9])
def test_blocks_follow_one_another_in_one_stream(level: int) -> None:
    blocks = [sample(1), sample(2), b"", sample(3)[:1000]]
    packed, before = b"", b""
    for block in blocks:
        packed += compress_block(block, before[-WINDOW:], level)
        before += block
    assert zlib.decompress(packed + FINISH, -15) == before


def test_a_block_refers_to_its_window() -> None:
    text = sample(1)[: WINDOW // 2]
    assert len(compress_block(text, text, 5)) < len(compress_block(text, b"", 5)) / 10


def test_a_block_that_cannot_be_compressed_fits_the_buffer() -> None:
    noise = make_random(1).randbytes(MAX_BLOCK_BYTES)
    assert zlib.decompress(compress_block(noise, b"", 5) + FINISH, -15) == noise


def test_threads_compress_concurrently_with_the_same_result() -> None:
    blocks = [sample(number) for number in range(8)]
    alone = [compress_block(block, b"", 5) for block in blocks]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda block: compress_block(block, b"", 5), blocks)) == alone


def rows(seed: int, length: int) -> bytes:
    """Returns rows of a sheet, as the writer creates them."""
    draw, xml, number = make_random(seed), bytearray(), 1
    while len(xml) < length:
        number += 1
        text, whole, cents = draw.randrange(4000), draw.randrange(-3000, 3000), draw.randrange(100)
        xml += b'<row r="%d"><c r="A%d"><v>%d</v></c>' % (number, number, number)
        xml += b'<c t="s" r="B%d"><v>%d</v></c>' % (number, text)
        xml += b'<c s="2" r="C%d"><v>%d.%02d</v></c></row>' % (number, whole, cents)
    return bytes(xml[:length])


@pytest.mark.parametrize("seed", [17, 48, 133])
def test_earlier_data_does_not_change_a_block(seed: int) -> None:
    """A reused compressor returned other bytes the second time for these seeds."""
    size = 256 * 1024
    text = rows(seed, 3 * size)
    (first, before), other = [(text[at : at + size], text[at - WINDOW : at]) for at in (size, 2 * size)]
    packed = compress_block(first, before, 5)
    compress_block(*other, 5)
    assert compress_block(first, before, 5) == packed
