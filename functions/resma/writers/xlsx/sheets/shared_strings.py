"""Texts that repeat, written once (ECMA-376 Part 1 §18.4): cells refer to them by number.

Accounts, types and statuses make the cells shorter and the file smaller. The table must be held until the end, so it is
bounded: a column whose texts are too many or too long shares those that it has by then, and its other texts stand in
their cells. A column whose texts hardly ever repeat stops sharing altogether. Numbers are given in the order of rows,
then columns, so that they do not depend on how rows are cut into batches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from resma.report.rows import Batch, Row
from resma.writers.xlsx.sheets.cells import Cells, ColumnCells, escape, is_odd, is_text
from resma.writers.xlsx.syntax.xml import DECLARATION, MAIN

MAX_COLUMN_TEXTS = 4096
MAX_TEXT_BYTES = 128
MAX_ENTRIES = 32_768
"""Of all columns together; a text that two columns hold counts twice."""
MAX_BYTES = 512 * 1024
"""Of all different texts."""


MIN_ROWS_PER_TEXT = 3
"""A column that has fewer rows for each of its texts, when it may have no more of them, stops sharing."""


@dataclass(slots=True)
class SharedStringsState:
    """Plain values, bounded by the limits above."""

    numbers: dict[bytes, int] = field(default_factory=dict)
    """Each text's number, in order."""
    columns: dict[int, list[bytes]] = field(default_factory=dict)
    """The texts of each column that shares, by the column's position."""
    full: list[int] = field(default_factory=list)
    """The columns that share, but take no more texts."""
    text_bytes: int = 0
    entries: int = 0


class SharedStrings:
    """Encodes the columns that share their texts."""

    def __init__(self, columns: Sequence[ColumnCells], state: SharedStringsState) -> None:
        self._columns = columns
        self._state = state
        self._tables: dict[int, dict[bytes | None, bytes]] = {}
        for at, texts in state.columns.items():
            self._tables[at] = {None: columns[at].null, **{text: self._element(at, text) for text in texts}}

    def encode(self, batch: Batch, first_row: int) -> Mapping[int, Cells]:
        """The cells of the columns that share, by position. Raises FormatLimitError."""
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
        """`xl/sharedStrings.xml`; nothing where no text is shared."""
        numbers = self._state.numbers
        if not numbers:
            return b""
        items = b"".join([b"<si><t>%b</t></si>" % escape(text) for text in numbers])
        head = f'{DECLARATION}<sst xmlns="{MAIN}" uniqueCount="{len(numbers)}">'
        return head.encode() + items + b"</sst>"

    def _encode_new(self, batch: Batch, first_row: int) -> dict[int, Cells]:
        """Of a batch that has new texts: all columns that are not full before it."""
        wanted = [at for at in self._tables if at not in self._state.full]
        stops = self._learn(batch.rows, first_row)
        encoded: dict[int, Cells] = {}
        for at in wanted:
            cells, stop = batch.columns[at], stops.get(at, len(batch))
            known = self._encode_known(at, cells[:stop], first_row)
            encoded[at] = True, [*known, *self._columns[at].encode_whole(cells[stop:], first_row + stop)]
        for at in stops:
            del self._tables[at], self._state.columns[at]
        return encoded

    def _encode_known(self, at: int, cells: Sequence[bytes | None], first_row: int) -> list[bytes]:
        """References to the texts that the table has; the others stand in their cells."""
        found = list(map(self._tables[at].get, cells))
        others = [cell for cell, element in zip(cells, found, strict=True) if element is None]
        column = self._columns[at]
        if any(len(cell) > MAX_TEXT_BYTES for cell in others if cell):
            return [
                element if element is not None else cell
                for element, cell in zip(found, column.encode_whole(cells, first_row), strict=True)
            ]
        whole = iter(column.encode_whole(others, first_row))
        return [next(whole) if element is None else element for element in found]

    def _learn(self, rows: Sequence[Row], first_row: int) -> dict[int, int]:
        """Adds the texts of these rows to the tables. Returns where in them columns have stopped sharing."""
        stops: dict[int, int] = {}
        growing = [(at, table) for at, table in self._tables.items() if at not in self._state.full]
        for row_at, row in enumerate(rows):
            for at, table in growing:
                text = row[at]
                if text in table or at in stops or at in self._state.full:
                    continue
                assert text is not None  # every table has None
                if self._has_room(at, text):
                    self._add(at, text)
                elif first_row + row_at < MIN_ROWS_PER_TEXT * len(self._state.columns[at]) or len(table) == 1:
                    stops[at] = row_at
                else:
                    self._state.full.append(at)
        return stops

    def _has_room(self, at: int, text: bytes) -> bool:
        state = self._state
        return (
            len(text) <= MAX_TEXT_BYTES
            and len(state.columns[at]) < MAX_COLUMN_TEXTS
            and state.entries < MAX_ENTRIES
            and state.text_bytes < MAX_BYTES
        )

    def _add(self, at: int, text: bytes) -> None:
        state = self._state
        if text not in state.numbers and not is_odd(text):
            state.numbers[text] = len(state.numbers)
            state.text_bytes += len(text)
        state.entries += 1
        state.columns[at].append(text)
        self._tables[at][text] = self._element(at, text)

    def _element(self, at: int, text: bytes) -> bytes:
        """Odd texts stand in their cells, because some readers unescape shared texts and others do not."""
        column, number = self._columns[at], self._state.numbers.get(text)
        return column.text(text) if number is None else column.shared(number)


def new_shared_strings(columns: Sequence[ColumnCells]) -> SharedStringsState:
    """The state before the first row: every column of texts shares."""
    return SharedStringsState(columns={at: [] for at, cells in enumerate(columns) if is_text(cells.column)})
