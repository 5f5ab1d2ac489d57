"""Structures of ZIP archives, read by programs that share no code with the writer."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from datetime import UTC, datetime

import pytest

from worker.split.zip_format import ZipEntry, ZipFormat

MODIFIED = datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)
GIB = 1024**3


def archive_of(contents: dict[str, bytes]) -> bytes:
    """Returns an archive of these files."""
    format_, body, directory = ZipFormat(MODIFIED), bytearray(), bytearray()
    for name, content in contents.items():
        entry = ZipEntry(name, len(content), zlib.crc32(content))
        directory += format_.directory_entry(entry, len(body))
        body += format_.local_header(entry) + content
    return bytes(body + directory) + format_.end(len(contents), len(body), len(directory))


def test_names_and_contents_are_read_back() -> None:
    contents = {"a.csv": b"1,2\r\n", "empty.csv": b"", "João.pdf": b"%PDF" * 1000, "folder/b.csv": b"x"}
    with zipfile.ZipFile(io.BytesIO(archive_of(contents))) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == contents
        assert archive.testzip() is None
        assert {entry.date_time for entry in archive.infolist()} == {(2026, 11, 30, 23, 59, 58)}
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100644}


@pytest.mark.parametrize("count", [0, 1, 65_534, 65_535, 65_536, 70_000])
def test_any_number_of_entries_is_read_back(count: int) -> None:
    contents = {f"{number}.csv": b"%d" % number for number in range(count)}
    data = archive_of(contents)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == list(contents)
        for name in list(contents)[-3:]:
            assert archive.read(name) == contents[name]
    assert (b"PK\6\6" in data) == (count >= 65_535)


@pytest.mark.parametrize("size", [4 * GIB - 2, 4 * GIB - 1, 4 * GIB, 9 * GIB])
def test_sizes_and_offsets_of_four_gigabytes_and_more_are_read_back(size: int) -> None:
    """Only the structures exist: the reader of the directory does not read the files."""
    format_ = ZipFormat(MODIFIED)
    entries = [ZipEntry("large.csv", size, 1), ZipEntry("small.csv", 5, 2)]
    offset, directory, offsets = 0, b"", []
    for entry in entries:
        offsets.append(offset)
        directory += format_.directory_entry(entry, offset)
        offset += len(format_.local_header(entry)) + entry.bytes
    stream = _SparseStream(offset, directory + format_.end(len(entries), offset, len(directory)))
    with zipfile.ZipFile(stream) as archive:
        found = [(info.filename, info.file_size, info.compress_size, info.CRC) for info in archive.infolist()]
        assert [info.header_offset for info in archive.infolist()] == offsets
    assert found == [("large.csv", size, size, 1), ("small.csv", 5, 5, 2)]


def test_the_local_header_of_a_large_file_has_both_sizes_in_its_extra_field() -> None:
    header = ZipFormat(MODIFIED).local_header(ZipEntry("a", 5 * GIB, 7))
    assert struct.unpack("<LHHHHHLLLHH", header[:30])[7:9] == (0xFFFFFFFF, 0xFFFFFFFF)
    assert header[31:] == struct.pack("<HHQQ", 1, 16, 5 * GIB, 5 * GIB)


class _SparseStream(io.RawIOBase):
    """A file of zeros with the given bytes at its end."""

    def __init__(self, zeros: int, end: bytes) -> None:
        super().__init__()
        self._zeros = zeros
        self._end = end
        self._position = 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = 0) -> int:
        size = self._zeros + len(self._end)
        self._position = offset + (0, self._position, size)[whence]
        return self._position

    def read(self, size: int = -1) -> bytes:
        start = self._position - self._zeros
        data = self._end[start:] if size < 0 else self._end[start : start + size]
        self._position += len(data)
        return data
