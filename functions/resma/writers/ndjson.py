"""NDJSON: one JSON object (RFC 8259) a line, keys as the catalog names them, in the order of the columns.

Numbers are JSON numbers with every digit that Postgres has; or, where the request says so, strings, for readers that
take numbers for doubles. `NaN` and infinities, which JSON lacks, are strings.
Moments are as ISO 8601 says: `2024-01-01T00:00:00-03:00`. JSON columns are embedded as they are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from resma.errors import RowCountMismatchError
from resma.report.format_options import FormatOptions
from resma.report.header import Kind, ReportHeader
from resma.report.rows import Batch
from resma.writers import Writer
from resma.writers.compression.compressed import compressed

Cells = Sequence[bytes | None]
Shown = tuple[bytes, Iterable[bytes]]
"""How a batch's cells of a column stand in a line: what is round each of them (`"%b"`), and the cells."""

Encode = Callable[[Cells], Shown]

_MARK = b"\1"
"""Stands for NULL in a joined column; a batch with text that holds it is looked at cell by cell."""

_CONTROLS = bytes(range(1, 32))


@dataclass(slots=True)
class NdjsonState:
    """All that an NDJSON file in the making has to remember."""

    rows: int = 0


class NdjsonWriter:
    """Writes NDJSON. Holds no rows: what comes in with a batch goes out with it."""

    media_type = "application/x-ndjson"

    def __init__(self, header: ReportHeader, *, numbers_as_strings: bool = False) -> None:
        self._rows_expected = header.rows
        encoders = {**_ENCODERS, "integer": _strings, "amount": _strings} if numbers_as_strings else _ENCODERS
        self._encoders = [encoders[column.kind] for column in header.columns]
        # Names are identifiers: nothing in them needs escaping.
        self._names = [column.name.encode() for column in header.columns]
        self.state = NdjsonState()

    def begin(self) -> bytes:
        """Returns nothing: the format has no head."""
        return b""

    def add(self, batch: Batch) -> bytes:
        """Returns the lines of these rows."""
        self.state.rows += len(batch)
        if not batch.rows:
            return b""
        shown = [encode(cells) for encode, cells in zip(self._encoders, batch.columns, strict=True)]
        template = b"{%b}\n" % b",".join(
            [b'"%b":%b' % (name, around) for name, (around, _) in zip(self._names, shown, strict=True)]
        )
        # One C call a row: 0.25 s for 500 thousand rows of nine columns.
        return b"".join(map(template.__mod__, zip(*[cells for _, cells in shown], strict=True)))

    def end(self) -> bytes:
        """Returns nothing more. Raises RowCountMismatchError."""
        if self.state.rows != self._rows_expected:
            raise RowCountMismatchError(self.state.rows, self._rows_expected)
        return b""


def make_ndjson_writer(header: ReportHeader, options: FormatOptions) -> Writer:
    """The writer with the compression that the request asks for."""
    writer = NdjsonWriter(header, numbers_as_strings=options.ndjson.numbers == "string")
    return compressed(writer, options.ndjson.compression)


def _strings(cells: Cells) -> Shown:
    """Texts in quotes. What must be escaped in a batch is found, and escaped, in all of it at once."""
    joined = b"\0".join([_MARK if cell is None else cell for cell in cells] if None in cells else cells)  # type: ignore[arg-type]
    nulls = joined.count(_MARK)
    if len(joined.translate(None, _CONTROLS)) != len(joined) - nulls or nulls != cells.count(None):
        return b"%b", [
            b"null" if cell is None else json.dumps(cell.decode(), ensure_ascii=False).encode() for cell in cells
        ]
    if b"\\" in joined:
        joined = joined.replace(b"\\", b"\\\\")
    if b'"' in joined:
        joined = joined.replace(b'"', b'\\"')
    if not nulls:
        return b'"%b"', joined.split(b"\0")
    quoted = b'"%b"' % joined.replace(b"\0", b'"\0"')
    return b"%b", quoted.replace(b'"\1"', b"null").split(b"\0")


def _numbers(cells: Cells) -> Shown:
    known = [cell for cell in cells if cell is not None]
    joined = b"\0".join(known)
    # How NaN, Infinity and -Infinity are told from numbers.
    if b"N" not in joined and b"I" not in joined and len(known) == len(cells):
        return b"%b", known
    return b"%b", [b"null" if cell is None else b'"%b"' % cell if cell[-1:] in b"Ny" else cell for cell in cells]


def _timestamps(cells: Cells) -> Shown:
    """Moments end in an offset of hours, mostly; infinity and dates BC stay as Postgres prints them."""
    rows = len(cells)
    if None not in cells:
        joined = b"\0".join(cells)  # type: ignore[arg-type]
        # None is infinite or BC, so each has a space and two colons of its time; offsets of whole hours have no more.
        is_plain = b"y" not in joined and b"C" not in joined
        if is_plain and joined.count(b" ") == rows and joined.count(b":") == 2 * rows:
            return b'"%b:00"', joined.replace(b" ", b"T").split(b"\0")
    return b"%b", [b"null" if cell is None else b'"%b"' % _timestamp(cell) for cell in cells]


def _timestamp(cell: bytes) -> bytes:
    if cell.endswith(b"BC") or b":" not in cell:
        return cell
    whole = cell.replace(b" ", b"T", 1)
    return whole + b":00" if whole[-3:-2] in b"+-" else whole


def _embedded(cells: Cells) -> Shown:
    """JSON goes in as it is, on one line: outside of strings, line ends mean nothing to it, and strings hold none."""
    return b"%b", [b"null" if cell is None else cell.translate(_ON_ONE_LINE) for cell in cells]


_ON_ONE_LINE = bytes.maketrans(b"\r\n", b"  ")

_ENCODERS: dict[Kind, Encode] = {
    "text": _strings,
    "integer": _numbers,
    "amount": _numbers,
    "date": _strings,
    "timestamp": _timestamps,
    "json": _embedded,
}
