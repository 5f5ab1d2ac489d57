"""Finds the line of each value in a valid TOML document, because tomllib does not report positions.

It is imported only when a diagnostic needs a line.
"""

from __future__ import annotations

import re
import tomllib

from resma.catalog.diagnostics import KeyPath

# Strings of TOML 1.0.0, multi-line ones first. A multi-line string may end in up to five quotes.
_STRING = r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\])*"|\'[^\']*\''
_SPACE = re.compile(r"(?:\s|#[^\n]*)*")
_VALUE = re.compile(rf"{_STRING}|[^,\]}}#\n]+", re.DOTALL)
_KEY_PART = re.compile(rf"\s*({_STRING}|[A-Za-z0-9_-]+)\s*(\.?)", re.DOTALL)


def find_lines(text: str) -> dict[KeyPath, int]:
    """Returns the line of each key path, from 1: of tables and array items their start, of values their key."""
    return _Lines(text).lines


def line_of(key_path: KeyPath, lines: dict[KeyPath, int]) -> int:
    """Returns the line of a key path, or of its nearest ancestor that exists; 1 if none exists."""
    return next((lines[key_path[:n]] for n in range(len(key_path), 0, -1) if key_path[:n] in lines), 1)


class _Lines:
    """One pass over the text. `_position` is the current offset."""

    def __init__(self, text: str) -> None:
        self.lines: dict[KeyPath, int] = {}
        self._text = text
        self._position = 0
        self._lengths: dict[KeyPath, int] = {}
        """Number of tables that each array of tables has so far."""
        table: KeyPath = ()
        while self._skip_space():
            table = self._read_header() if self._starts_with("[") else self._read_pair(table)

    def _starts_with(self, token: str) -> bool:
        return self._text.startswith(token, self._position)

    def _skip_space(self) -> bool:
        """Skips white space, comments and commas. Returns False at the end of the text."""
        while (found := _SPACE.match(self._text, self._position)) and (
            found.end() > self._position or self._starts_with(",")
        ):
            self._position = found.end() + self._text.startswith(",", found.end())
        return self._position < len(self._text)

    def _read_header(self) -> KeyPath:
        line = self._current_line()
        is_array = self._starts_with("[[")
        self._position += 2 if is_array else 1
        *outer, last = self._read_key()
        key_path: KeyPath = ()
        for part in outer:
            key_path = self._enter((*key_path, part), line)
        key_path = (*key_path, last)
        if is_array:
            self._lengths[key_path] = self._lengths.get(key_path, 0) + 1
            key_path = self._enter(key_path, line)
        self.lines[key_path] = line
        self._position = self._text.index("]", self._position) + (2 if is_array else 1)
        return key_path

    def _enter(self, key_path: KeyPath, line: int) -> KeyPath:
        """Returns the key path of a table, or of the newest table of an array of tables."""
        self.lines.setdefault(key_path, line)
        return (*key_path, self._lengths[key_path] - 1) if key_path in self._lengths else key_path

    def _read_key(self) -> KeyPath:
        parts: list[str] = []
        while part := _KEY_PART.match(self._text, self._position):
            quoted = part[1][0] in "\"'"
            parts.append(str(tomllib.loads(f"key = {part[1]}")["key"]) if quoted else part[1])
            self._position = part.end()
            if not part[2]:
                break
        return tuple(parts)

    def _read_pair(self, table: KeyPath) -> KeyPath:
        line = self._current_line()
        key_path = table
        for part in self._read_key():
            key_path = (*key_path, part)
            self.lines.setdefault(key_path, line)
        self._position = self._text.index("=", self._position) + 1
        self._skip_space()
        self._read_value(key_path)
        return table

    def _read_value(self, key_path: KeyPath) -> None:
        self.lines.setdefault(key_path, self._current_line())
        if self._starts_with("[") or self._starts_with("{"):
            closing = "]" if self._starts_with("[") else "}"
            self._position += 1
            index = 0
            while self._skip_space() and not self._starts_with(closing):
                if closing == "}":
                    self._read_pair(key_path)
                else:
                    self._read_value((*key_path, index))
                    index += 1
            self._position += 1
        elif value := _VALUE.match(self._text, self._position):
            self._position = value.end()

    def _current_line(self) -> int:
        return self._text.count("\n", 0, self._position) + 1
