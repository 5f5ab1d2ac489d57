"""What PDF must know of a CFF font program (Adobe Technical Note #5176): how its glyphs are numbered."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

_CHARSET = (15,)
_CHAR_STRINGS = (17,)
_ROS = (12, 30)


def glyph_cids(cff: bytes) -> list[int]:
    """The CID by which PDF knows each glyph (§9.7.4.2): the font's own, or its number where the font has none."""
    _, names_end = _index(cff, cff[2])
    top, _ = _index(cff, names_end)
    values = dict(_operators(top[0]))
    count = int.from_bytes(cff[values[_CHAR_STRINGS][-1] :][:2], "big")
    if _ROS not in values:
        return list(range(count))
    return [0, *_charset(cff, values[_CHARSET][-1], count - 1)]


def _index(data: bytes, at: int) -> tuple[list[bytes], int]:
    """The objects of an INDEX, and where it ends (section 5)."""
    count = int.from_bytes(data[at : at + 2], "big")
    if not count:
        return [], at + 2
    size = data[at + 2]
    ends = [int.from_bytes(data[at + 3 + i * size :][:size], "big") for i in range(count + 1)]
    base = at + 2 + (count + 1) * size
    return [data[base + a : base + b] for a, b in pairwise(ends)], base + ends[-1]


def _operators(data: bytes) -> Iterator[tuple[tuple[int, ...], list[int]]]:
    """The operators of a DICT with their operands; real numbers are left out (section 4)."""
    operands: list[int] = []
    at = 0
    while at < len(data):
        first = data[at]
        at += 1
        if first <= 21:
            operator = (first, data[at]) if first == 12 else (first,)
            at += len(operator) - 1
            yield operator, operands
            operands = []
        elif first == 30:
            while data[at] & 0xF != 0xF and data[at] >> 4 != 0xF:
                at += 1
            at += 1
        else:
            size = {28: 2, 29: 4}.get(first, 0 if first < 247 else 1)
            operands.append(_integer(first, data[at : at + size]))
            at += size


def _integer(first: int, rest: bytes) -> int:
    if first in (28, 29):
        return int.from_bytes(rest, "big", signed=True)
    if first < 247:
        return first - 139
    return (first - 247) * 256 + rest[0] + 108 if first < 251 else -(first - 251) * 256 - rest[0] - 108


def _charset(data: bytes, at: int, count: int) -> list[int]:
    """The CIDs of all glyphs but the first (section 13): one by one, or in ranges."""
    kind = data[at]
    at += 1
    if kind == 0:
        return [int.from_bytes(data[at + 2 * i :][:2], "big") for i in range(count)]
    cids: list[int] = []
    while len(cids) < count:
        first = int.from_bytes(data[at : at + 2], "big")
        left = int.from_bytes(data[at + 2 : at + 2 + kind], "big")
        cids += range(first, first + left + 1)
        at += 2 + kind
    return cids
