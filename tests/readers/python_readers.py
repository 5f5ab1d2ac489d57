"""Spreadsheet readers in Python, and LibreOffice. Each returns the sheets of a file by name, in tab order."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import polars
import python_calamine

from tests.support.accept_files import convert_by_libreoffice

Sheets = dict[str, list[list[Any]]]


def read_openpyxl(file: Path) -> Sheets:
    """Reads a file with openpyxl's full document model."""
    return _openpyxl(file, streaming=False)


def read_openpyxl_stream(file: Path) -> Sheets:
    """Reads a file with openpyxl's read-only mode, which relies on the sheet's dimension."""
    return _openpyxl(file, streaming=True)


def _openpyxl(file: Path, *, streaming: bool) -> Sheets:
    book = openpyxl.load_workbook(file, read_only=streaming)
    try:
        return {sheet.title: [list(row) for row in sheet.iter_rows(values_only=True)] for sheet in book.worksheets}
    finally:
        book.close()


def read_calamine(file: Path) -> Sheets:
    """Reads a file with calamine's own Python binding."""
    book = python_calamine.CalamineWorkbook.from_path(str(file))
    return {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}


def read_polars_calamine(file: Path) -> Sheets:
    """Reads a file with polars and calamine (fastexcel)."""
    return _polars(polars.read_excel(file, sheet_id=0, engine="calamine", has_header=False, drop_empty_rows=False))


def read_polars_xlsx2csv(file: Path) -> Sheets:
    """Reads a file with polars and xlsx2csv, which returns only strings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations within polars
        frames = polars.read_excel(
            file,
            sheet_id=0,
            engine="xlsx2csv",
            has_header=False,
            infer_schema_length=0,
            drop_empty_rows=False,
            raise_if_empty=False,
        )
    return _polars(frames)


def _polars(frames: dict[str, polars.DataFrame]) -> Sheets:
    return {name: [list(row) for row in frame.iter_rows()] for name, frame in frames.items()}


def read_libreoffice(files: list[Path]) -> dict[Path, Sheets]:
    """Saves files with LibreOffice, and reads the results with calamine.

    All files are converted at once, because LibreOffice starts slowly.
    """
    with tempfile.TemporaryDirectory() as folder:
        convert_by_libreoffice(files, "xlsx", Path(folder))
        return {file: read_calamine(Path(folder) / f"{file.stem}.xlsx") for file in files}


PYTHON_READERS: dict[str, Callable[[Path], Sheets]] = {
    "openpyxl": read_openpyxl,
    "openpyxl-stream": read_openpyxl_stream,
    "calamine": read_calamine,
    "polars-calamine": read_polars_calamine,
    "polars-xlsx2csv": read_polars_xlsx2csv,
}
