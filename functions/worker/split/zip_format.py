"""The structures of a ZIP archive whose entries are stored, that is, not compressed.

Sizes and CRC-32 of entries are known before their bytes, so that local headers are complete and need no data
descriptor. Zip64 structures are written where a value needs more than 32 bits, or the number of entries more than 16.
Sections are those of PKWARE's APPNOTE.TXT, version 6.3.10.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime

_MAX_32 = 0xFFFFFFFF
"""This value in a field of 32 bits means that the Zip64 extra field has the value (section 4.5.3)."""

_MAX_16 = 0xFFFF

_STORED_VERSION = 20
_ZIP64_VERSION = 45
_MADE_BY_UNIX = 3 << 8
_REGULAR_FILE = 0o100644 << 16
_UTF8_FLAG = 1 << 11
_ZIP64_EXTRA = 1


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """A file of the archive. `crc32` is that of its content."""

    name: str
    bytes: int
    crc32: int


class ZipFormat:
    """Makes the structures of one archive. All entries have the same date and time in UTC, between 1980 and 2107."""

    def __init__(self, modified: datetime) -> None:
        utc = modified.astimezone(UTC)
        self._date = (utc.year - 1980) << 9 | utc.month << 5 | utc.day
        self._time = utc.hour << 11 | utc.minute << 5 | utc.second // 2

    def local_header(self, entry: ZipEntry) -> bytes:
        """Returns the header before an entry's bytes (section 4.3.7)."""
        # Both sizes must be in the extra field of a local header (section 4.5.3).
        extra = _zip64_extra([entry.bytes, entry.bytes] if entry.bytes >= _MAX_32 else [])
        name = entry.name.encode()
        return b"PK\3\4" + self._description(entry, extra) + _lengths(name, extra) + name + extra

    def directory_entry(self, entry: ZipEntry, offset: int) -> bytes:
        """Returns an entry of the central directory (section 4.3.12). `offset` is that of the local header."""
        extra = _zip64_extra([value for value in (entry.bytes, entry.bytes, offset) if value >= _MAX_32])
        name = entry.name.encode()
        made_by = struct.pack("<H", _MADE_BY_UNIX | _ZIP64_VERSION)
        # No comment, first disk, no internal attributes.
        location = struct.pack("<HHHLL", 0, 0, 0, _REGULAR_FILE, min(offset, _MAX_32))
        described = self._description(entry, extra) + _lengths(name, extra)
        return b"PK\1\2" + made_by + described + location + name + extra

    @staticmethod
    def end(entries: int, directory_offset: int, directory_bytes: int) -> bytes:
        """Returns the end of the archive (sections 4.3.14 to 4.3.16)."""
        zip64 = b""
        if entries >= _MAX_16 or directory_offset >= _MAX_32 or directory_bytes >= _MAX_32:
            counts = (entries, entries, directory_bytes, directory_offset)
            zip64 = b"PK\6\6" + struct.pack(
                "<QHHLLQQQQ", 44, _MADE_BY_UNIX | _ZIP64_VERSION, _ZIP64_VERSION, 0, 0, *counts
            )
            zip64 += b"PK\6\7" + struct.pack("<LQL", 0, directory_offset + directory_bytes, 1)
        shown = min(entries, _MAX_16)
        sizes = (min(directory_bytes, _MAX_32), min(directory_offset, _MAX_32))
        return zip64 + b"PK\5\6" + struct.pack("<HHHHLLH", 0, 0, shown, shown, *sizes, 0)

    def _description(self, entry: ZipEntry, extra: bytes) -> bytes:
        """Returns the fields from the version to the sizes, which both headers have."""
        version = _ZIP64_VERSION if extra else _STORED_VERSION
        flags = 0 if entry.name.isascii() else _UTF8_FLAG
        size = min(entry.bytes, _MAX_32)
        return struct.pack("<HHHHHLLL", version, flags, 0, self._time, self._date, entry.crc32, size, size)


def _lengths(name: bytes, extra: bytes) -> bytes:
    return struct.pack("<HH", len(name), len(extra))


def _zip64_extra(values: list[int]) -> bytes:
    """Returns the Zip64 extra field with these values; nothing without values (section 4.5.3)."""
    return struct.pack(f"<HH{len(values)}Q", _ZIP64_EXTRA, 8 * len(values), *values) if values else b""
