"""Counts the rows of a file with readers that are independent of the writers."""

from __future__ import annotations

import csv
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from pypdf import PdfReader
    from pypdf.generic import ArrayObject, DictionaryObject

_CHUNK_BYTES = 1 << 20
_ROW = b"<row"
_END_BYTES = 5000
"""Number of bytes at the end of a sheet that are searched for the filter, which follows the rows."""


def count_rows(path: Path, format_: str) -> int:
    """Returns the number of rows of a file of one of the five formats. Raises ValueError for an invalid file."""
    return _COUNTERS[format_](path)


def _count_csv_rows(path: Path) -> int:
    with path.open(newline="", encoding="utf-8") as file:
        return sum(1 for _ in csv.reader(file)) - 1


def _count_lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)


def _count_xlsx_rows(path: Path) -> int:
    """Counts the rows of sheets with a filter, without headings. The summary and the data of charts have no filter."""
    with zipfile.ZipFile(path) as book:
        if (damaged := book.testzip()) is not None:
            raise ValueError(f"{path}: {damaged} is damaged")
        sheets = [name for name in book.namelist() if name.startswith("xl/worksheets/sheet")]
        return sum(_count_row_elements(book, name) for name in sheets)


def _count_row_elements(book: zipfile.ZipFile, name: str) -> int:
    rows, tail = -1, b""
    with book.open(name) as sheet:
        while chunk := sheet.read(_CHUNK_BYTES):
            window = tail + chunk
            rows += window.count(_ROW)
            tail = window[-len(_ROW) + 1 :]
    return rows if b"<autoFilter" in window[-_END_BYTES:] else 0


def _count_parquet_rows(path: Path) -> int:
    import duckdb  # noqa: PLC0415  # slow to load, and only used here

    with duckdb.connect() as connection:
        row = connection.execute("SELECT count(*) FROM read_parquet($path)", {"path": str(path)}).fetchone()
    return int(row[0]) if row else -1


def _count_pdf_rows(path: Path) -> int:
    """Returns the row count that the first page states, after checking the number of the last page.

    Only the path to these two pages is read: pypdf itself would read every page, and stop at 100,000.
    """
    from pypdf import PdfReader  # noqa: PLC0415  # slow to load, and not for CSV

    with path.open("rb") as file:
        reader = PdfReader(file)
        tree = cast("DictionaryObject", reader.root_object["/Pages"])
        pages = int(cast("int", tree["/Count"]))
        first, last = (_text_of_page(reader, tree, end) for end in (0, -1))
    if f"Page {pages:,} of {pages:,}" not in last:
        raise ValueError(f"the last page of {path} does not say that it is page {pages:,}")
    stated = re.search(r"Rows\s+([\d,]+)", first)
    return int(stated[1].replace(",", "")) if stated else -1


def _text_of_page(reader: PdfReader, tree: DictionaryObject, end: int) -> str:
    """Returns the text of the first (0) or last (-1) page below a node of the page tree."""
    from pypdf import PageObject  # noqa: PLC0415
    from pypdf.generic import NameObject  # noqa: PLC0415

    node, resources = tree, None
    while True:
        resources = node.get("/Resources", resources)
        if "/Kids" not in node:
            break
        node = cast("DictionaryObject", cast("ArrayObject", node["/Kids"])[end].get_object())
    page = PageObject(reader)
    page.update(node)
    if resources is not None:
        page[NameObject("/Resources")] = resources
    return page.extract_text()


_COUNTERS: dict[str, Callable[[Path], int]] = {
    "CSV": _count_csv_rows,
    "NDJSON": _count_lines,
    "XLSX": _count_xlsx_rows,
    "PDF": _count_pdf_rows,
    "PARQUET": _count_parquet_rows,
}

FORMATS = tuple(_COUNTERS)
"""The formats that the demo can request."""
