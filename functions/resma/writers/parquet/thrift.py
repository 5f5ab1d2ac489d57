"""The subset of Thrift's compact protocol that the footer of a Parquet file needs.

The module does not interpret fields: it reads a struct into a dict of numbered fields, which callers can change, and
writes it again. Unchanged fields keep their values. Source: Apache Thrift, `doc/specs/thrift-compact-protocol.md`.
"""

from __future__ import annotations

from typing import Any

# Type codes of the protocol.
TRUE, FALSE, I8, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)

Struct = dict[int, tuple[int, Any]]
"""Fields by number: (type, value). Values are int, bool, bytes, another Struct, or (type of elements, list).

For writing, the bytes that `write_struct` returned can take the place of a Struct."""


def read_struct(data: bytes) -> Struct:
    """Reads one struct from the start of `data`. Raises ValueError for a type that Parquet footers do not use."""
    return _Reader(data).struct()


def write_struct(struct: Struct) -> bytes:
    """Returns the struct's bytes, with its fields in ascending order of their numbers."""
    out = bytearray()
    _put_struct(out, struct)
    return bytes(out)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def struct(self) -> Struct:
        fields: Struct = {}
        number = 0
        while (head := self._byte()) != 0:
            # The upper four bits are the difference from the previous field number, or 0 if it exceeds 15.
            number = number + (head >> 4) if head >> 4 else self._zigzag()
            fields[number] = (head & 15, self._value(head & 15))
        return fields

    def _value(self, kind: int) -> Any:
        if kind in (I16, I32, I64):
            return self._zigzag()
        if kind == STRUCT:
            return self.struct()
        if kind == LIST:
            return self._list()
        if kind in (BINARY, DOUBLE):
            return self._take(8 if kind == DOUBLE else self._varint())
        if kind in (TRUE, FALSE):
            return kind == TRUE
        if kind == I8:
            return self._byte()
        raise ValueError(f"Thrift type {kind} is not supported in a Parquet footer.")

    def _list(self) -> tuple[int, list[Any]]:
        head = self._byte()
        count = head >> 4 if head >> 4 < 15 else self._varint()
        kind = head & 15
        if kind in (TRUE, FALSE):
            return kind, [self._byte() == TRUE for _ in range(count)]
        return kind, [self._value(kind) for _ in range(count)]

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _take(self, count: int) -> bytes:
        self._at += count
        return self._data[self._at - count : self._at]

    def _varint(self) -> int:
        value = shift = 0
        while (byte := self._byte()) > 127:
            value |= (byte & 127) << shift
            shift += 7
        return value | byte << shift

    def _zigzag(self) -> int:
        value = self._varint()
        return value >> 1 ^ -(value & 1)


def _put_struct(out: bytearray, struct: Struct) -> None:
    before = 0
    for number, (kind, value) in sorted(struct.items()):
        # The value of a bool is encoded in its type, so that no value follows.
        head = (TRUE if value else FALSE) if kind in (TRUE, FALSE) else kind
        if 0 < number - before < 16:
            out.append(number - before << 4 | head)
        else:
            out.append(head)
            _put_zigzag(out, number)
        if kind not in (TRUE, FALSE):
            _put_value(out, kind, value)
        before = number
    out.append(0)


def _put_value(out: bytearray, kind: int, value: Any) -> None:
    if kind in (I16, I32, I64):
        _put_zigzag(out, value)
    elif kind == STRUCT and isinstance(value, bytes):
        out += value
    elif kind == STRUCT:
        _put_struct(out, value)
    elif kind == LIST:
        _put_list(out, *value)
    elif kind == BINARY:
        _put_varint(out, len(value))
        out += value
    elif kind == DOUBLE:
        out += value
    else:
        out.append(value)


def _put_list(out: bytearray, kind: int, values: list[Any]) -> None:
    if len(values) < 15:
        out.append(len(values) << 4 | kind)
    else:
        out.append(0xF0 | kind)
        _put_varint(out, len(values))
    for value in values:
        if kind in (TRUE, FALSE):
            out.append(TRUE if value else FALSE)
        else:
            _put_value(out, kind, value)


def _put_varint(out: bytearray, value: int) -> None:
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)


def _put_zigzag(out: bytearray, value: int) -> None:
    _put_varint(out, value << 1 if value >= 0 else -value * 2 - 1)
