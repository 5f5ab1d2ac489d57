"""Encodes rows as lines of CSV (RFC 4180): the performance-critical code of the RFC 4180 profile."""

from __future__ import annotations

from collections.abc import Sequence

from resma.report.rows import Row

_END_OF_LINE = b"\r\n"

_join = b"\0".join

_EMPTY = b"\1"
"""Represents an empty string until the end, when it is replaced by `""`."""

_QUOTE = ord('"')


def encode_lines(rows: Sequence[Row], separator: bytes) -> bytes:
    """Encodes rows as lines of CSV, including line ends. Cells are concatenated before quotes are added.

    Checking each of 4.5 million cells takes longer than reading them from the database. Therefore all cells of a batch
    form one string with zero bytes between them, which Postgres text cannot contain, and the few cells that need quotes
    are found by searching that string: 0.2 s for 500,000 rows, instead of 0.5 s cell by cell.
    """
    if not rows:
        return b""
    empty: list[Row] = []

    def filled(row: Row) -> bytes:
        line = _join([b"" if cell is None else cell or _EMPTY for cell in row])
        if _EMPTY in line:
            empty.append(row)
        return line

    # `all` is false if a cell is NULL or empty.
    lines = [_join(row) if all(row) else filled(row) for row in rows]  # type: ignore[arg-type]
    text = _join(lines)
    if b"\n" in text or b"\r" in text:
        return _careful(rows, separator)
    if empty and text.count(_EMPTY) != sum([row.count(b"") for row in empty]):
        return _careful(rows, separator)
    text = _END_OF_LINE.join([*lines, b""])
    for mark in (b'"', separator):
        if mark in text:
            text = _quote_cells(text, mark)
    if empty:
        text = text.replace(_EMPTY, b'""')
    return text.replace(b"\0", separator)


def encode_one_column(cells: Sequence[bytes | None], *, quoted: bool) -> bytes:
    """Encodes lines of one field each. NULL is `""`, like an empty string. `quoted` is True for columns of strings.

    Some readers skip unquoted lines of one field: csv, pandas and pyarrow skip empty lines, pandas also skips spaces,
    and DuckDB skips values that start like a comment. `\\.` ends a COPY in Postgres before version 18. Numbers and
    dates are not quoted, because polars reads a quoted number as a string.
    """
    if not quoted:
        return b"".join([cell + _END_OF_LINE if cell else b'""\r\n' for cell in cells])
    if not cells:
        return b""
    text = _join([cell or b"" for cell in cells]).replace(b'"', b'""')
    return b'"' + text.replace(b"\0", b'"\r\n"') + b'"\r\n'


def _quote_cells(text: bytes, mark: bytes) -> bytes:
    """Quotes the cells that contain the mark. Cells end at a zero byte or at the end of their line."""
    parts = []
    done = 0
    at = text.find(mark)
    while at >= 0:
        start = max(text.rfind(b"\0", done, at), text.rfind(b"\n", done, at)) + 1 or done
        end = text.find(b"\0", at)
        end_of_line = text.find(b"\r", at, end if end >= 0 else None)
        if end_of_line >= 0:
            end = end_of_line
        # A cell that contains the separator and starts with a quote was already quoted by the call for quotes.
        if mark == b'"' or text[start] != _QUOTE:
            parts += [text[done:start], _quoted(text[start:end])]
            done = end
        at = text.find(mark, end)
    return b"".join([*parts, text[done:]])


def _careful(rows: Sequence[Row], separator: bytes) -> bytes:
    """Encodes rows cell by cell. Used for rows with line breaks in their cells."""
    lines = [separator.join([_field(cell, separator) for cell in row]) for row in rows]
    return _END_OF_LINE.join(lines) + _END_OF_LINE


def _field(cell: bytes | None, separator: bytes) -> bytes:
    """Quotes a field if necessary (RFC 4180 §2.5 to §2.7)."""
    if cell is None:
        return b""
    if not cell or b'"' in cell or separator in cell or b"\n" in cell or b"\r" in cell:
        return _quoted(cell)
    return cell


def _quoted(cell: bytes) -> bytes:
    return b'"' + cell.replace(b'"', b'""') + b'"'
