"""Warnings of the PDF writer: characters without a font, and columns that are too narrow."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from infra.checks.report_types.check_folder import check_catalog
from infra.paths import ROOT
from resma.errors import FormatLimitError
from resma.report.header import Column
from resma.report.warnings import ReportWarning
from resma.writers import Warns
from resma.writers.saved_state import dump_state, load_state
from tests.support.pdf_samples import Row, batch, header, make
from tests.support.sample_reports import NOT_SHOWN

PHOENICIAN = "\U00010900"
CUNEIFORM = "\U00012000"


def rows_with(count: int, **cells: dict[int, str]) -> list[Row]:
    """Returns rows with these memos and counterparties, by row number from 1."""
    memos, others = cells.get("memo", {}), cells.get("counterparty", {})
    return [
        (str(row), "2024-01-01 00:00:00+00", memos.get(row, "plain"), others.get(row), "1.00")
        for row in range(1, count + 1)
    ]


def warnings_of(rows: list[Row], size: int | None = None, **options: object) -> tuple[ReportWarning, ...]:
    """Writes a report in batches of this size, each with a new writer that resumes from the saved state."""
    head = header(len(rows), **options)
    writer = make(head)
    writer.begin()
    for at in range(0, len(rows), size or len(rows)):
        later = make(head)
        later.state = load_state(dump_state(writer.state), writer.state)
        writer = later
        writer.add(batch(rows[at : at + (size or len(rows))]))
    writer.end()
    assert isinstance(writer, Warns)
    return writer.warnings()


def test_a_report_without_missing_characters_has_no_warning() -> None:
    assert warnings_of(rows_with(5, memo={2: "\ufffd हिन्दी 中文 a\u00adb \u200d"})) == ()


@pytest.mark.parametrize("size", [None, 1, 700, 1200])
def test_characters_without_a_font_are_reported_by_column_and_row(size: int | None) -> None:
    rows = rows_with(
        2500,
        memo={7: PHOENICIAN, 8: f"a{PHOENICIAN}", 1900: f"Ж{PHOENICIAN}{CUNEIFORM}"},
        counterparty={2400: CUNEIFORM},
    )
    found = warnings_of(rows, size)
    assert [(warning.code, warning.column, warning.row, warning.rows) for warning in found] == [
        ("characters-without-font", "memo", 7, 3),
        ("characters-without-font", "counterparty", 2400, 1),
    ]
    assert "Phoenician, Cuneiform" in found[0].detail
    assert PHOENICIAN not in found[0].detail


def test_a_row_of_several_lines_counts_once() -> None:
    columns = tuple(
        Column(name=name, heading=name, wrap=name == "memo") for name in ("id", "at", "memo", "counterparty", "amount")
    )
    rows = rows_with(3, memo={2: f"{PHOENICIAN} word " * 200})
    [found] = warnings_of(rows, columns=columns)
    assert (found.column, found.row, found.rows) == ("memo", 2, 1)


def test_a_title_without_a_font_is_a_warning_of_the_file() -> None:
    [found] = warnings_of(rows_with(1), title=PHOENICIAN)
    assert (found.code, found.column, found.row) == ("characters-without-font", None, None)


def columns_of(count: int) -> tuple[Column, ...]:
    return tuple(Column(name=f"c{at}", heading=f"Column {at}", kind="amount") for at in range(count))


def test_a_column_without_space_is_an_error_with_a_remedy() -> None:
    """The page is wide enough for all columns, but the widths of the report type leave no space for one of them."""
    columns = tuple(replace(column, width=width) for column, width in zip(columns_of(3), (1, 1, 0.001), strict=True))
    writer = make(header(1, columns=columns, total_columns=NOT_SHOWN))
    with pytest.raises(FormatLimitError, match=r"`c2` .* Choose fewer columns .* XLSX") as raised:
        writer.begin()
    assert raised.value.column == "c2"


def test_narrow_columns_are_a_warning() -> None:
    rows: list[Row] = [("1.00",) * 3]
    columns = tuple(replace(column, width=width) for column, width in zip(columns_of(3), (1, 1, 0.06), strict=True))
    [found] = warnings_of(rows, columns=columns, total_columns=NOT_SHOWN)
    assert (found.code, found.column) == ("columns-too-narrow", "c2")
    assert "XLSX" in found.detail


@pytest.mark.parametrize(("count", "groups"), [(20, 1), (30, 1), (42, 3), (120, 7)])
def test_columns_that_do_not_fit_a_page_are_split(count: int, groups: int) -> None:
    rows: list[Row] = [("1.00",) * count]
    found = warnings_of(rows, columns=columns_of(count), total_columns=NOT_SHOWN)
    expected = [f"The page is too narrow for {count} columns. The PDF has {groups} pages for each page of rows"]
    assert [warning.detail.partition(",")[0] for warning in found] == (expected if groups > 1 else [])


def test_the_catalog_check_warns_about_report_types_with_too_many_columns(tmp_path: Path) -> None:
    sample = ROOT / "tests" / "support" / "report_types" / "fees"
    folder = Path(shutil.copytree(sample, tmp_path / "fees"))
    assert check_catalog(tmp_path, None).warnings == []
    columns = "".join(f'c{at} = {{ heading = "C", width = 12 }}\n' for at in range(100))
    toml, query = folder / "report.toml", folder / "query.sql"
    before, mark, after = toml.read_text("utf-8").partition("[filters.")
    assert mark
    toml.write_text(f"{before.rstrip()}\n{columns}\n{mark}{after}", "utf-8")
    selected = "".join(f"       '' AS c{at},\n" for at in range(100))
    query.write_text(
        query.read_text("utf-8").replace("       t.currency,\n", f"{selected}       t.currency,\n"), "utf-8"
    )
    report = check_catalog(tmp_path, None)
    assert report.errors == []
    [warning] = report.warnings
    assert "The page is too narrow for 106 columns." in warning.message
    assert "XLSX" in warning.message
    assert toml.read_text("utf-8").splitlines()[warning.line - 1] == "[columns]"
