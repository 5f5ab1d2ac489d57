"""CFF font programs (Adobe Technical Note #5176): the CIDs by which PDF refers to their glyphs (§9.7.4.2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

_CHARSET = (15,)
_ROS = (12, 30)
_LONG = 29
_TOP_BYTES = 4096
"""Number of bytes that contain the header, the name and the top DICT."""


def has_cids(path: Path, index: int) -> bool:
    """Returns whether the font's glyphs have CIDs rather than names, which would need another encoding.

    `index` is the index of the font in a font collection.
    """
    with path.open("rb") as file:
        start = 0
        if file.read(4) == b"ttcf":
            file.seek(12 + 4 * index)
            start = int.from_bytes(file.read(4), "big")
        file.seek(start + 4)
        tables = int.from_bytes(file.read(2), "big")
        file.seek(start + 12)
        records = [file.read(16) for _ in range(tables)]
        file.seek(next(int.from_bytes(record[8:12], "big") for record in records if record[:4] == b"CFF "))
        return any(operator == _ROS for operator, _ in _top_operators(file.read(_TOP_BYTES)))


def renumbered(cff: bytes, cids: Sequence[int]) -> bytes:
    """Returns the font program with these CIDs for its glyphs. The first CID must be 0.

    A charset of format 0 (section 13) is appended, and the charset offset in the top DICT is changed to refer to it.
    HarfBuzz writes this offset as a long integer, so that it can be overwritten in place. Raises ValueError if it is
    not one.
    """
    offset = next(offset for operator, offset in _top_operators(cff) if operator == _CHARSET)
    if cff[offset] != _LONG:
        raise ValueError("The charset offset in the top DICT is not a long integer.")
    charset = b"\0" + b"".join([cid.to_bytes(2, "big") for cid in cids[1:]])
    return cff[: offset + 1] + len(cff).to_bytes(4, "big") + cff[offset + 5 :] + charset


def _top_operators(cff: bytes) -> Iterator[tuple[tuple[int, ...], int]]:
    """Yields the operators of the top DICT (section 4), each with the offset of its last operand."""
    _, at = _index(cff, cff[2])
    start, _ = _index(cff, at)
    at, end = start
    operand = at
    while at < end:
        first = cff[at]
        if first <= 21:
            operator = tuple(cff[at : at + 2]) if first == 12 else (first,)
            yield operator, operand
            at += len(operator)
        else:
            operand = at
            at += _operand_bytes(cff, at)


def _operand_bytes(data: bytes, at: int) -> int:
    first = data[at]
    if first == 30:  # a real number: nibbles that end with the value 15
        end = next(offset for offset in range(at + 1, len(data)) if data[offset] & 15 == 15)
        return end + 1 - at
    return {28: 3, _LONG: 5}.get(first, 1 if first < 247 else 2)


def _index(data: bytes, at: int) -> tuple[tuple[int, int], int]:
    """Returns the start and end of the first object of an INDEX (section 5), and the end of the INDEX."""
    count = int.from_bytes(data[at : at + 2], "big")
    size = data[at + 2]
    base = at + 2 + (count + 1) * size
    first, second = (base + int.from_bytes(data[at + 3 + i * size :][:size], "big") for i in (0, 1))
    last = base + int.from_bytes(data[at + 3 + count * size :][:size], "big")
    return (first, second), last
