"""The line of each value in a TOML text that tomllib has read without complaint: it keeps none itself.

Only needed when something is wrong, so nothing imports it before.
"""

from __future__ import annotations

import re
import tomllib

from resma.catalog.diagnostics import Place

# Strings of TOML 1.0.0, the longer ones first; those of three quotes may end in up to five.
_STRING = r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\])*"|\'[^\']*\''
_SPACE = re.compile(r"(?:\s|#[^\n]*)*")
_VALUE = re.compile(rf"{_STRING}|[^,\]}}#\n]+", re.DOTALL)
_KEY_PART = re.compile(rf"\s*({_STRING}|[A-Za-z0-9_-]+)\s*(\.?)", re.DOTALL)


def find_lines(text: str) -> dict[Place, int]:
    """Lines, from 1, by place: tables and items of arrays where they begin, values at their key."""
    return _Lines(text).lines


def line_of(place: Place, lines: dict[Place, int]) -> int:
    """The line of a place, or of what it would be in; 1 for what is nowhere."""
    return next((lines[place[:n]] for n in range(len(place), 0, -1) if place[:n] in lines), 1)


class _Lines:
    """One walk over the text. `_at` is where it is."""

    def __init__(self, text: str) -> None:
        self.lines: dict[Place, int] = {}
        self._text = text
        self._at = 0
        self._lengths: dict[Place, int] = {}
        """How many tables each array of tables has so far."""
        table: Place = ()
        while self._skip_space():
            table = self._read_header() if self._here("[") else self._read_pair(table)

    def _here(self, sign: str) -> bool:
        return self._text.startswith(sign, self._at)

    def _skip_space(self) -> bool:
        """To the next sign that means something; whether there is one. Commas mean nothing here."""
        while (found := _SPACE.match(self._text, self._at)) and (found.end() > self._at or self._here(",")):
            self._at = found.end() + self._text.startswith(",", found.end())
        return self._at < len(self._text)

    def _read_header(self) -> Place:
        line = self._note_line()
        is_array = self._here("[[")
        self._at += 2 if is_array else 1
        *outer, last = self._read_key()
        place: Place = ()
        for part in outer:
            place = self._enter((*place, part), line)
        place = (*place, last)
        if is_array:
            self._lengths[place] = self._lengths.get(place, 0) + 1
            place = self._enter(place, line)
        self.lines[place] = line
        self._at = self._text.index("]", self._at) + (2 if is_array else 1)
        return place

    def _enter(self, place: Place, line: int) -> Place:
        """A table by that name, or the newest of an array of tables."""
        self.lines.setdefault(place, line)
        return (*place, self._lengths[place] - 1) if place in self._lengths else place

    def _read_key(self) -> Place:
        parts: list[str] = []
        while part := _KEY_PART.match(self._text, self._at):
            quoted = part[1][0] in "\"'"
            parts.append(str(tomllib.loads(f"key = {part[1]}")["key"]) if quoted else part[1])
            self._at = part.end()
            if not part[2]:
                break
        return tuple(parts)

    def _read_pair(self, table: Place) -> Place:
        line = self._note_line()
        place = table
        for part in self._read_key():
            place = (*place, part)
            self.lines.setdefault(place, line)
        self._at = self._text.index("=", self._at) + 1
        self._skip_space()
        self._read_value(place)
        return table

    def _read_value(self, place: Place) -> None:
        self.lines.setdefault(place, self._note_line())
        if self._here("[") or self._here("{"):
            closing = "]" if self._here("[") else "}"
            self._at += 1
            index = 0
            while self._skip_space() and not self._here(closing):
                if closing == "}":
                    self._read_pair(place)
                else:
                    self._read_value((*place, index))
                    index += 1
            self._at += 1
        elif value := _VALUE.match(self._text, self._at):
            self._at = value.end()

    def _note_line(self) -> int:
        return self._text.count("\n", 0, self._at) + 1
