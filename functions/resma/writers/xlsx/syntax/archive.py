"""Writes a ZIP archive (APPNOTE 6.3.10) as a stream, with a state of a few plain values.

Python's zipfile and stream-zip cannot be used: they keep a zlib compressor between two calls, whose state cannot be
saved and resumed in another process. The state of `resma.writers.compression.deflate` can.

Entries must not exceed 4 GiB (the writer of the sheets ensures it), so that no entry needs ZIP64: if an entry has
unnecessary ZIP64 fields, Excel offers to repair the file. The archive may exceed 4 GiB: its directory then has 64-bit
offsets (§4.5.3).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from datetime import datetime

from resma.writers.compression.deflate import DeflateState, deflate, finish

MAX_ENTRY_BYTES = 2**32 - 2

_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_DESCRIPTOR = struct.Struct("<4sIII")
_END = struct.Struct("<4sHHHHIIH")
_END_64 = struct.Struct("<4sQHHIIQQQQ")
_LOCATOR_64 = struct.Struct("<4sIQI")

_PLAIN, _ZIP64 = 20, 45
"""Versions needed to extract (§4.4.3.2): 2.0 for DEFLATE, 4.5 for ZIP64."""
_SIZES_FOLLOW = 0x0008
"""Flag (§4.4.4): sizes and CRC come in a descriptor after the data."""
_DEFLATED = 8
_IN_64_BITS = 0xFFFFFFFF
_EARLIEST_YEAR = 1980


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """Entry of one file in the central directory."""

    name: str
    flags: int
    crc32: int
    packed: int
    size: int
    offset: int


@dataclass(slots=True)
class ArchiveState:
    """State of the archive, as plain values that can be saved between two calls. Each part has one entry."""

    offset: int = 0
    """Number of bytes written so far."""
    entries: list[ZipEntry] = field(default_factory=list)
    open_name: str = ""
    open_offset: int = 0


class Archive:
    """Writes one ZIP file. Every call returns the bytes to append. `when` is the modification time of all entries."""

    def __init__(self, state: ArchiveState, when: datetime) -> None:
        self._state = state
        year = max(when.year, _EARLIEST_YEAR)
        self._date = (year - _EARLIEST_YEAR) << 9 | when.month << 5 | when.day
        self._time = when.hour << 11 | when.minute << 5 | when.second // 2

    def store(self, name: str, data: bytes) -> bytes:
        """Returns a whole entry, with its sizes in its header."""
        stream = DeflateState()
        packed = deflate(stream, data) + finish(stream)
        entry = ZipEntry(name, 0, stream.crc32, len(packed), len(data), self._state.offset)
        return self._close(entry, self._local(name, 0, entry.crc32, entry.packed, entry.size) + packed)

    def open(self, name: str) -> bytes:
        """Starts an entry of unknown size. Pass its data through `count`, then call `close`."""
        self._state.open_name, self._state.open_offset = name, self._state.offset
        return self.count(self._local(name, _SIZES_FOLLOW, 0, 0, 0))

    def count(self, data: bytes) -> bytes:
        """Counts the bytes and returns them unchanged."""
        self._state.offset += len(data)
        return data

    def close(self, stream: DeflateState) -> bytes:
        """Ends the open entry. `stream` is the finished stream of its data."""
        sizes = stream.crc32, stream.bytes_out, stream.bytes_in
        entry = ZipEntry(self._state.open_name, _SIZES_FOLLOW, *sizes, self._state.open_offset)
        return self._close(entry, _DESCRIPTOR.pack(b"PK\x07\x08", *sizes))

    def end(self) -> bytes:
        """Returns the central directory."""
        state = self._state
        directory = b"".join(map(self._central, state.entries))
        count, size, offset = len(state.entries), len(directory), state.offset
        end_64 = b""
        if offset >= _IN_64_BITS:
            version = (_ZIP64, _ZIP64, 0, 0)
            end_64 = _END_64.pack(b"PK\x06\x06", _END_64.size - 12, *version, count, count, size, offset)
            end_64 += _LOCATOR_64.pack(b"PK\x06\x07", 0, offset + size, 1)
        end = _END.pack(b"PK\x05\x06", 0, 0, count, count, size, min(offset, _IN_64_BITS), 0)
        return self.count(directory + end_64 + end)

    def _close(self, entry: ZipEntry, data: bytes) -> bytes:
        self._state.entries.append(entry)
        return self.count(data)

    def _local(self, name: str, flags: int, crc32: int, packed: int, size: int) -> bytes:
        fields = (_PLAIN, flags, _DEFLATED, self._time, self._date, crc32, packed, size, len(name), 0)
        return _LOCAL.pack(b"PK\x03\x04", *fields) + name.encode()

    def _central(self, entry: ZipEntry) -> bytes:
        """Returns an entry of the central directory (§4.3.12). An offset over 32 bits is in the ZIP64 extra field."""
        far = entry.offset >= _IN_64_BITS
        extra = struct.pack("<HHQ", 1, 8, entry.offset) if far else b""
        version = _ZIP64 if far else _PLAIN
        fields = (version, version, entry.flags, _DEFLATED, self._time, self._date, entry.crc32, entry.packed)
        lengths = (entry.size, len(entry.name), len(extra), 0, 0, 0, 0)
        head = _CENTRAL.pack(b"PK\x01\x02", *fields, *lengths, min(entry.offset, _IN_64_BITS))
        return head + entry.name.encode() + extra
