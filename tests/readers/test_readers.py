"""All readers read all cells of all sheets, and the names of the sheets.

The tests of a language that is not installed are skipped, or fail if RESMA_WANTS_LANGUAGES contains the language.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.readers.cells import DOUBLE_DIGITS, differences
from tests.readers.install import LANGUAGES
from tests.readers.python_readers import PYTHON_READERS, Sheets, read_libreoffice
from tests.readers.workbooks import Workbook, make_workbooks
from tests.support.optional_tools import require_tools

READERS = {
    "exceljs": "node",
    "exceljs-stream": "node",
    "sheetjs": "node",
    "read-excel-file": "node",
    "excelize": "go",
    "poi": "java",
    "poi-events": "java",
    "libreoffice": "python",
    **dict.fromkeys(PYTHON_READERS, "python"),
}

KNOWN_BUGS = {("exceljs-stream", "long")}
"""exceljs decodes each chunk of a stream separately, and breaks characters that are split between two chunks."""

SIGNIFICANT_DIGITS = {"libreoffice": 15, "poi-events": 15}
"""Significant digits of numbers in readers that do not preserve all: LibreOffice when it saves, POI when it formats."""

Read = Callable[[str, str], Sheets]


@pytest.fixture(scope="session")
def workbooks() -> dict[str, Workbook]:
    return {workbook.name: workbook for workbook in make_workbooks()}


@pytest.fixture(scope="session")
def files(workbooks: dict[str, Workbook], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("workbooks")
    paths = {name: folder / f"{name}.xlsx" for name in workbooks}
    for name, path in paths.items():
        path.write_bytes(workbooks[name].data)
    return paths


@pytest.fixture(scope="session")
def read(files: dict[str, Path]) -> Read:
    """Returns a function that reads a workbook with a reader. Each language's program runs once, for all workbooks."""
    programs: dict[str, dict[tuple[str, str], Sheets]] = {}

    def read_sheets(reader: str, name: str) -> Sheets:
        if reader in PYTHON_READERS:
            return PYTHON_READERS[reader](files[name])
        language = READERS[reader]
        if language not in programs:
            programs[language] = _run(language, files)
        return programs[language][reader, name]

    return read_sheets


def _run(name: str, files: dict[str, Path]) -> dict[tuple[str, str], Sheets]:
    if name == "python":
        sheets = read_libreoffice(list(files.values()))
        return {("libreoffice", file.stem): file_sheets for file, file_sheets in sheets.items()}
    (language,) = (language for language in LANGUAGES if language.name == name)
    results: dict[tuple[str, str], dict[str, Any]] = {}
    for line in language.read(list(files.values())).split("\n")[:-1]:
        sheet = json.loads(line)
        results.setdefault((sheet["reader"], Path(sheet["file"]).stem), {})[sheet["sheet"]] = [
            row or [] for row in sheet["rows"] or []
        ]
    return results


@pytest.mark.parametrize("reader", READERS)
def test_a_reader_reads_all_cells(reader: str, workbooks: dict[str, Workbook], read: Read) -> None:
    for language in LANGUAGES:
        if language.name == READERS[reader]:
            require_tools(language.name, language.tools, language.remedy)
    errors: list[str] = []
    digits = SIGNIFICANT_DIGITS.get(reader, DOUBLE_DIGITS)
    for name, workbook in workbooks.items():
        if (reader, name) in KNOWN_BUGS:
            continue
        sheets = read(reader, name)
        names = list(sheets)
        if names[1 : 1 + len(workbook.sheets)] != list(workbook.sheets):
            errors.append(f"{name}: the sheets are {names}")
            continue
        for sheet, expected in workbook.sheets.items():
            errors += [f"{name}, {sheet}: {line}" for line in differences(expected, sheets[sheet], digits)]
        summary = sheets[names[0]]
        if not any("Data" in row for row in summary):
            errors.append(f"{name}: no title on the summary {summary[:3]}")
    assert not errors, "\n".join(errors[:40])
