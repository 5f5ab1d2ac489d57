"""Shared strings (ECMA-376 Part 1 §18.4): repeated strings are written once, and cells refer to them by number.

Repeated strings such as accounts, types and statuses make cells shorter and the file smaller. The table is kept until
the end, so its size is bounded: if a column has too many or too long strings, it keeps sharing the strings that are in
the table, and other strings are written in their cells. A column whose strings rarely repeat stops sharing entirely.
Numbers are assigned in the order of rows, then columns, so that they do not depend on how rows are split into batches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from resma.report.rows import Batch, Row
from resma.writers.xlsx.sheets.cells import Cells, ColumnCells, escape, is_text, needs_inline_string
from resma.writers.xlsx.syntax.xml import DECLARATION, MAIN

MAX_COLUMN_STRINGS = 4096
"""Maximum number of shared strings of one column."""
MAX_STRING_BYTES = 128
"""Maximum length of a shared string."""
MAX_ENTRIES = 32_768
"""Maximum number of shared strings of all columns together; a string in two columns counts twice."""
MAX_BYTES = 512 * 1024
"""Maximum total size of all distinct strings."""


MIN_ROWS_PER_STRING = 3
"""A column that reaches a limit with fewer rows than this per shared string stops sharing."""


@dataclass(slots=True)
class SharedStringsState:
    """State of the table, as plain values that are bounded by the limits above."""

    numbers: dict[bytes, int] = field(default_factory=dict)
    """Number of each shared string, in ascending order."""
    columns: dict[int, list[bytes]] = field(default_factory=dict)
    """Strings of each sharing column, by the index of the column."""
    full: list[int] = field(default_factory=list)
    """Indexes of sharing columns to which no more strings are added."""
    string_bytes: int = 0
    """Total size of the distinct strings."""
    entries: int = 0
    """Number of strings of all columns."""


class SharedStrings:
    """Encodes the columns that share their strings."""

    def __init__(self, columns: Sequence[ColumnCells], state: SharedStringsState) -> None:
        self._columns = columns
        self._state = state
        self._tables: dict[int, dict[bytes | None, bytes]] = {}
        for at, strings in state.columns.items():
            self._tables[at] = {None: columns[at].null, **{text: self._element(at, text) for text in strings}}

    def encode(self, batch: Batch, first_row: int) -> Mapping[int, Cells]:
        """Returns the encoded cells of the sharing columns by index. Raises FormatLimitError."""
        encoded: dict[int, Cells] = {}
        full = set(self._state.full)
        try:
            for at, table in self._tables.items():
                if at not in full:
                    encoded[at] = True, list(map(table.__getitem__, batch.columns[at]))
        except KeyError:
            encoded = self._encode_new(batch, first_row)
        for at in self._state.full:
            if at not in encoded:
                encoded[at] = True, self._encode_known(at, batch.columns[at], first_row)
        return encoded

    def part(self) -> bytes:
        """Returns `xl/sharedStrings.xml`; no bytes if no string is shared."""
        numbers = self._state.numbers
        if not numbers:
            return b""
        items = b"".join([b"<si><t>%b</t></si>" % escape(text) for text in numbers])
        head = f'{DECLARATION}<sst xmlns="{MAIN}" uniqueCount="{len(numbers)}">'
        return head.encode() + items + b"</sst>"

    def _encode_new(self, batch: Batch, first_row: int) -> dict[int, Cells]:
        """Encodes a batch with new strings: the columns that were not full before it."""
        columns = [at for at in self._tables if at not in self._state.full]
        stops = self._add_strings(batch.rows, first_row)
        encoded: dict[int, Cells] = {}
        for at in columns:
            cells, stop = batch.columns[at], stops.get(at, len(batch))
            known = self._encode_known(at, cells[:stop], first_row)
            encoded[at] = True, [*known, *self._columns[at].encode_whole(cells[stop:], first_row + stop)]
        for at in stops:
            del self._tables[at], self._state.columns[at]
        return encoded

    def _encode_known(self, at: int, cells: Sequence[bytes | None], first_row: int) -> list[bytes]:
        """Returns cells that refer to strings of the table; other strings are written in their cells."""
        elements = list(map(self._tables[at].get, cells))
        others = [cell for cell, element in zip(cells, elements, strict=True) if element is None]
        column = self._columns[at]
        if any(len(cell) > MAX_STRING_BYTES for cell in others if cell):
            return [
                element if element is not None else cell
                for element, cell in zip(elements, column.encode_whole(cells, first_row), strict=True)
            ]
        whole = iter(column.encode_whole(others, first_row))
        return [next(whole) if element is None else element for element in elements]

    def _add_strings(self, rows: Sequence[Row], first_row: int) -> dict[int, int]:
        """Adds the strings of these rows to the tables. Returns the row indexes at which columns stop sharing."""
        stops: dict[int, int] = {}
        growing = [(at, table) for at, table in self._tables.items() if at not in self._state.full]
        for row_at, row in enumerate(rows):
            for at, table in growing:
                text = row[at]
                if text in table or at in stops or at in self._state.full:
                    continue
                assert text is not None  # every table contains None
                if self._has_room(at, text):
                    self._add(at, text)
                elif first_row + row_at < MIN_ROWS_PER_STRING * len(self._state.columns[at]) or len(table) == 1:
                    stops[at] = row_at
                else:
                    self._state.full.append(at)
        return stops

    def _has_room(self, at: int, text: bytes) -> bool:
        state = self._state
        return (
            len(text) <= MAX_STRING_BYTES
            and len(state.columns[at]) < MAX_COLUMN_STRINGS
            and state.entries < MAX_ENTRIES
            and state.string_bytes < MAX_BYTES
        )

    def _add(self, at: int, text: bytes) -> None:
        state = self._state
        if text not in state.numbers and not needs_inline_string(text):
            state.numbers[text] = len(state.numbers)
            state.string_bytes += len(text)
        state.entries += 1
        state.columns[at].append(text)
        self._tables[at][text] = self._element(at, text)

    def _element(self, at: int, text: bytes) -> bytes:
        """Returns a cell that refers to the shared string, or an inline string if the string needs escapes.

        Strings with escapes are not shared, because only some readers unescape shared strings.
        """
        column, number = self._columns[at], self._state.numbers.get(text)
        return column.text(text) if number is None else column.shared(number)


def new_shared_strings(columns: Sequence[ColumnCells]) -> SharedStringsState:
    """Returns the state before the first row, in which every column of strings shares."""
    return SharedStringsState(columns={at: [] for at, cells in enumerate(columns) if is_text(cells.column)})
