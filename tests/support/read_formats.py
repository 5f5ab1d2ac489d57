"""What a file holds, found by a reader that shares no code with the writer: rows of plain values."""

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
    """A JSON number with all its digits, as it stands in the file."""

    __slots__ = ()


def read_csv_by_python(data: bytes, separator: str = ",") -> list[list[str]]:
    """All lines, the headings first. NULL and empty text look the same to it, and a line of one NULL is `[]`."""
    return list(csv.reader(io.StringIO(data.decode(), newline=""), delimiter=separator, strict=True))


def read_csv_by_duckdb(data: bytes, columns: int) -> Rows:
    """The rows without the headings, all as text. Tells NULL (nothing) from empty text (two quotes)."""
    names = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(columns))
    options = (
        "auto_detect=false, header=true, allow_quoted_nulls=false, quote='\"', escape='\"', delim=',', parallel=false"
    )
    return _ask_duckdb(data, f"SELECT * FROM read_csv('{{path}}', columns={{{names}}}, {options})")


def read_ndjson(data: bytes) -> list[dict[str, Any]]:
    """The objects. Only a line feed ends a line: texts may hold what else Python takes for line ends."""
    lines = data.decode().split("\n")
    assert lines.pop() == ""
    return [json.loads(line, parse_float=Number, parse_int=Number, parse_constant=_refuse) for line in lines]


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def read_parquet_by_pyarrow(data: bytes) -> Rows:
    """Moments as microseconds since 1970, days as days since then, numbers exact."""
    table = pq.read_table(io.BytesIO(data))
    columns = []
    for column in table.columns:
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.int64())  # noqa: PLW2901
        elif pa.types.is_date32(column.type):
            column = column.cast(pa.int32())  # noqa: PLW2901
        columns.append(column.to_pylist())
    return list(zip(*columns, strict=True))


def read_parquet_by_duckdb(data: bytes) -> Rows:
    """The same by DuckDB."""
    shown = {"TIMESTAMP WITH TIME ZONE": "epoch_us({})", "DATE": "date_diff('day', DATE '1970-01-01', {})"}
    described = _ask_duckdb(data, "DESCRIBE SELECT * FROM read_parquet('{path}')")
    asked = ", ".join(shown.get(kind, "{}").format(name) for name, kind, *_ in described)
    return _ask_duckdb(data, f"SELECT {asked} FROM read_parquet('{{path}}')")


def read_xlsx(data: bytes) -> Rows:
    """The sheet after the summary, its headings first. Empty cells and empty texts are both None."""
    sheet = openpyxl.load_workbook(io.BytesIO(data)).worksheets[1]
    rows = sheet.iter_rows(values_only=True)
    return [tuple(_unescape(cell) or None if isinstance(cell, str) else cell for cell in row) for row in rows]


def _unescape(text: str) -> str:
    """ST_Xstring (ECMA-376 Part 1 §22.9.2.19), which openpyxl leaves in inline strings."""
    return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), text)


def read_pdf(data: bytes, columns: int) -> dict[tuple[int, int], str]:
    """What stands on the last page, by row and column, where all columns have the same width and lines are single.

    By PDFium: its words with their places. Spaces at the ends and between words are lost.
    """
    page = read_pages(data)[-1]
    found: dict[tuple[int, int], list[tuple[float, str]]] = {}
    for word in page.words:
        row = round((word.bottom - _PDF_FIRST_ROW) / _PDF_ROW)
        column = int((word.left - _PDF_MARGIN) / ((page.width - 2 * _PDF_MARGIN) / columns))
        found.setdefault((row, column), []).append((word.left, word.text))
    return {place: "".join(text for _, text in sorted(words)) for place, words in found.items()}


_PDF_MARGIN, _PDF_FIRST_ROW, _PDF_ROW = 30.0, 62.6, 10.0
"""In points: of the page's left, of the first row's lower edge from above, and from row to row."""


def unpack_gzip(data: bytes) -> bytes:
    """By zlib."""
    return gzip.decompress(data)


def unpack_zstd(data: bytes) -> bytes:
    """By Arrow's zstd."""
    if not data:
        return b""
    with pa.input_stream(pa.BufferReader(data), compression="zstd") as stream:
        return bytes(stream.read())


def _ask_duckdb(data: bytes, query: str) -> Rows:
    """DuckDB reads files only: `{path}` in the query is one that is there for a moment."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        # The module's own connection: opening one takes 11 ms, a hundred times as long as a query.
        return duckdb.execute(query.replace("{path}", file.name)).fetchall()
