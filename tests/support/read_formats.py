"""Reads report files with libraries that share no code with the writers; returns rows of plain values."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import tempfile
from typing import Any

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.pdf_readers import read_pages

Rows = list[tuple[Any, ...]]


class Number(str):
    """A JSON number with all digits that it has in the file."""

    __slots__ = ()


def read_csv_by_python(data: bytes, separator: str = ",") -> list[list[str]]:
    """Returns all lines, with the headings first.

    NULL and an empty string are not distinguished, and a line with one NULL is `[]`.
    """
    return list(csv.reader(io.StringIO(data.decode(), newline=""), delimiter=separator, strict=True))


def read_csv_by_duckdb(data: bytes, columns: int) -> Rows:
    """Returns the rows without the headings. Cells are strings; NULL (no characters) differs from '' (two quotes)."""
    names = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(columns))
    options = (
        "auto_detect=false, header=true, allow_quoted_nulls=false, quote='\"', escape='\"', delim=',', parallel=false"
    )
    return _query_duckdb(data, f"SELECT * FROM read_csv('{{path}}', columns={{{names}}}, {options})")


def read_ndjson(data: bytes) -> list[dict[str, Any]]:
    """Returns the objects. Lines are split at line feeds only, since strings can contain other line ends."""
    lines = data.decode().split("\n")
    assert lines.pop() == ""
    return [json.loads(line, parse_float=Number, parse_int=Number, parse_constant=_refuse) for line in lines]


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not valid JSON.")


def read_parquet_by_pyarrow(data: bytes) -> Rows:
    """Returns rows with timestamps as microseconds since 1970, dates as days since 1970, and exact numbers."""
    table = pq.read_table(io.BytesIO(data))
    columns = []
    for column in table.columns:
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.int64())  # noqa: PLW2901
        elif pa.types.is_date32(column.type):
            column = column.cast(pa.int32())  # noqa: PLW2901
        columns.append([_comparable(value) for value in column.to_pylist()])
    return list(zip(*columns, strict=True))


def _comparable(value: Any) -> Any:
    """Returns a float as a string, because NaN is not equal to itself."""
    if isinstance(value, float):
        return repr(value)
    return value


def read_parquet_by_duckdb(data: bytes) -> Rows:
    """Returns the same values as `read_parquet_by_pyarrow`, read by DuckDB."""
    expressions = {
        "TIMESTAMP WITH TIME ZONE": "epoch_us({})",
        "TIMESTAMP": "epoch_us({})",
        "DATE": "date_diff('day', DATE '1970-01-01', {})",
    }
    described = _query_duckdb(data, "DESCRIBE SELECT * FROM read_parquet('{path}')")
    selected = ", ".join(expressions.get(kind, "{}").format(_identifier(name)) for name, kind, *_ in described)
    rows = _query_duckdb(data, f"SELECT {selected} FROM read_parquet('{{path}}')")
    return [tuple(map(_comparable, row)) for row in rows]


def _identifier(name: str) -> str:
    return '"{}"'.format(name.replace('"', '""'))


def read_xlsx(data: bytes) -> Rows:
    """Returns the rows of the sheet after the summary, with the headings first. Empty cells and strings are None."""
    sheet = openpyxl.load_workbook(io.BytesIO(data)).worksheets[1]
    rows = sheet.iter_rows(values_only=True)
    return [tuple(_unescape(cell) or None if isinstance(cell, str) else cell for cell in row) for row in rows]


def _unescape(text: str) -> str:
    """Decodes ST_Xstring escapes (ECMA-376 Part 1 §22.9.2.19), which openpyxl does not decode in inline strings."""
    return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), text)


def read_pdf(data: bytes, columns: int) -> dict[tuple[int, int], str]:
    """Returns the text of the last page by row and column, read by PDFium.

    All columns must have the same width, and each row must have one line. Spaces are lost.
    """
    page = read_pages(data)[-1]
    cells: dict[tuple[int, int], list[tuple[float, str]]] = {}
    for word in page.words:
        row = round((word.bottom - _PDF_FIRST_ROW) / _PDF_ROW)
        column = int((word.left - _PDF_MARGIN) / ((page.width - 2 * _PDF_MARGIN) / columns))
        cells.setdefault((row, column), []).append((word.left, word.text))
    return {position: "".join(text for _, text in sorted(words)) for position, words in cells.items()}


_PDF_MARGIN, _PDF_FIRST_ROW, _PDF_ROW = 30.0, 62.6, 10.0
"""Left margin, distance of the first row's lower edge from the top of the page, and row height, in points."""


def unpack_gzip(data: bytes) -> bytes:
    """Decompresses gzip with zlib."""
    return gzip.decompress(data)


def unpack_zstd(data: bytes) -> bytes:
    """Decompresses zstd with Arrow."""
    if not data:
        return b""
    with pa.input_stream(pa.BufferReader(data), compression="zstd") as stream:
        return bytes(stream.read())


def _query_duckdb(data: bytes, query: str) -> Rows:
    """Runs a query on a temporary file with this content, whose path replaces `{path}`: DuckDB reads files only."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        # Uses the default connection: opening a new one takes 11 ms, a hundred times as long as a query.
        return duckdb.execute(query.replace("{path}", file.name)).fetchall()
