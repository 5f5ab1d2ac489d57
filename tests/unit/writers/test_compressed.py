"""gzip and zstd files have one gzip member or one frame, for readers of whole files and for streaming readers."""

from __future__ import annotations

import gzip
import io
import random
import zlib
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from resma.report.format_options import Compression, CsvOptions, FormatOptions, NdjsonOptions
from resma.writers import make_writer
from resma.writers.compression.zstd_sections import END_OF_FRAME, FRAME_HEADER, SECTION_BYTES, compress_section
from tests.support.sample_reports import header, rows_of, write, write_resumed

_RANDOM = random.Random(4)  # constant seed: the samples are the same in every run

_RUNS = b"".join(bytes([_RANDOM.randrange(32, 127)]) * _RANDOM.randrange(1, 50) for _ in range(20_000))
_LINES = b"".join(b"%d,BR%06d,PIX,%030d\r\n" % (i, _RANDOM.randrange(10**6), i % 7) for i in range(12_000))
_NOISE = bytes(_RANDOM.randrange(32, 127) for _ in range(SECTION_BYTES + 5000))
SAMPLES = {
    "nothing": b"",
    "one byte": b"x",
    "one section": _LINES[:SECTION_BYTES],
    "lines": _LINES,
    # For a run at the start of a section, a compressor would use repeat offset 1, as at the start of a frame.
    "one long run": b"0" * (3 * SECTION_BYTES + 1),
    "runs": _RUNS,
    "random digits": bytes(_RANDOM.choice(b"0123456789") for _ in range(3 * SECTION_BYTES)),
    "noise": _NOISE,
    "noise repeated": _NOISE[:4171] * 80,
    "bytes that are not UTF-8": b"\xff\xff\xff\xfe" * 50_000,
}


def _frame(text: bytes) -> bytes:
    sections = [compress_section(text[at : at + SECTION_BYTES]) for at in range(0, len(text), SECTION_BYTES)]
    return FRAME_HEADER + b"".join(sections) + END_OF_FRAME


def _read_as_one_frame(data: bytes) -> bytes:
    """Returns the data of the first frame. Fails if there is more data after it."""
    reader = zstandard.ZstdDecompressor().decompressobj()
    text = reader.decompress(data)
    assert reader.eof
    assert reader.unused_data == b""
    return bytes(text)


@pytest.mark.parametrize("name", SAMPLES)
def test_sections_make_one_frame(name: str) -> None:
    text = SAMPLES[name]
    data = _frame(text)
    assert _read_as_one_frame(data) == text
    at_once = zstandard.ZstdDecompressor().decompress(data, max_output_size=len(text) + 1)
    assert at_once == text
    # The window of 128 KiB limits the memory that readers need.
    assert zstandard.get_frame_parameters(data).window_size == SECTION_BYTES


@pytest.mark.parametrize(
    ("name", "min_ratio"), [("lines", 3), ("one long run", 1000), ("runs", 5), ("noise repeated", 20)]
)
def test_sections_are_compressed(name: str, min_ratio: float) -> None:
    assert len(_frame(SAMPLES[name])) * min_ratio < len(SAMPLES[name])


_PIECES = st.one_of(
    st.text(max_size=40).map(str.encode),
    st.tuples(st.sampled_from([b"0", b",", b" ", b"ab", b"\r\n"]), st.integers(1, 6000)).map(
        lambda run: run[0] * run[1]
    ),
    st.sampled_from([_LINES[:9000], _NOISE[:5000], _RUNS[:7000]]),
)


@settings(max_examples=150, database=None, deadline=None)
@given(
    st.lists(st.lists(_PIECES, max_size=6).map(b"".join).filter(lambda text: len(text) <= SECTION_BYTES), max_size=6)
)
def test_sections_of_any_text_can_follow_one_another(texts: list[bytes]) -> None:
    """In a frame, each section is decoded with the state of earlier ones: offsets, tables and data."""
    assert all(len(text) <= SECTION_BYTES for text in texts)
    sections = [compress_section(text) for text in texts if text]
    assert _read_as_one_frame(FRAME_HEADER + b"".join(sections) + END_OF_FRAME) == b"".join(texts)


def _options(compression: Compression) -> FormatOptions:
    return FormatOptions(csv=CsvOptions(compression=compression), ndjson=NdjsonOptions(compression=compression))


ROWS = rows_of([[str(i) for i in range(40_000)], [f"text {i % 100:020}" for i in range(40_000)]])


@pytest.mark.parametrize("format_", ["CSV", "NDJSON"])
@pytest.mark.parametrize("rows", [0, 1, len(ROWS)])
def test_zstd_files_are_one_frame(format_: str, rows: int, tmp_path: Path) -> None:
    head = header(["integer", "text"], rows)
    plain = write(make_writer(format_, head, _options("none")), ROWS[:rows], 1000)
    data = write(make_writer(format_, head, _options("zstd")), ROWS[:rows], 1000)
    assert _read_as_one_frame(data) == plain
    assert zstandard.ZstdDecompressor().decompress(data, max_output_size=len(plain) + 1) == plain
    with pa.input_stream(pa.BufferReader(data), compression="zstd") as stream:
        assert stream.read() == plain
    assert write_resumed(format_, head, _options("zstd"), ROWS[:rows], 7000) == data
    path = tmp_path / f"it.{format_.lower()}.zst"
    path.write_bytes(data)
    if rows:
        read = "read_csv" if format_ == "CSV" else "read_json"
        assert duckdb.execute(f"SELECT count(*), sum(c0) FROM {read}('{path}')").fetchall() == [
            (rows, sum(range(rows)))
        ]


@pytest.mark.parametrize("format_", ["CSV", "NDJSON"])
@pytest.mark.parametrize("rows", [0, 1, len(ROWS)])
def test_gzip_files_have_one_gzip_member(format_: str, rows: int) -> None:
    head = header(["integer", "text"], rows)
    plain = write(make_writer(format_, head, _options("none")), ROWS[:rows], 1000)
    data = write(make_writer(format_, head, _options("gzip")), ROWS[:rows], 1000)
    # zlib stops after one gzip member.
    reader = zlib.decompressobj(31)
    assert reader.decompress(data) == plain
    assert reader.eof
    assert reader.unused_data == b""
    assert zlib.decompress(data, 31) == plain
    assert gzip.GzipFile(fileobj=io.BytesIO(data)).read() == plain
