"""CSV: independent readers read the values that were written."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest

from resma.errors import RowCountMismatchError
from resma.report.rows import Batch
from resma.writers.csv.writer import CsvWriter
from tests.support.csv_samples import NASTY
from tests.support.sample_reports import header, rows_of, write


def _write(columns: Sequence[Sequence[str | None]], batch_rows: int = 3) -> bytes:
    writer = CsvWriter(header(["text"] * len(columns), len(columns[0])))
    return write(writer, rows_of(columns), batch_rows)


def test_python_csv_reads_the_same_strings() -> None:
    data = _write([NASTY, NASTY[::-1]])
    read = list(csv.reader(io.StringIO(data.decode(), newline="")))
    assert read[0] == ["c0", "c1"]
    assert [row[0] for row in read[1:]] == NASTY
    assert [row[1] for row in read[1:]] == NASTY[::-1]


def test_null_and_the_empty_string_differ() -> None:
    data = _write([["", None, "x"], ["a", "b", "c"]])
    assert data == b'c0,c1\r\n"",a\r\n,b\r\nx,c\r\n'


def test_duckdb_reads_the_same_strings(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    values: list[str | None] = [*NASTY, None]
    path.write_bytes(_write([values, [str(i) for i in range(len(values))]]))
    relation = duckdb.sql(
        f"SELECT c0 FROM read_csv('{path}', columns={{'c0': 'VARCHAR', 'c1': 'INT'}}, auto_detect=false, header=true,"
        " allow_quoted_nulls=false, quote='\"', escape='\"', delim=',', parallel=false) ORDER BY c1"
    )
    assert relation is not None
    assert [row[0] for row in relation.fetchall()] == values


@pytest.mark.parametrize("batch_rows", [1, 2, 7, 100])
def test_bytes_do_not_depend_on_batches(batch_rows: int) -> None:
    assert _write([NASTY, NASTY], batch_rows) == _write([NASTY, NASTY], 1000)


def test_only_necessary_fields_are_quoted() -> None:
    assert _write([["a b", "-1.50"], ["x", "y"]]) == b"c0,c1\r\na b,x\r\n-1.50,y\r\n"


def test_a_file_without_rows_has_only_the_header() -> None:
    writer = CsvWriter(header(["text", "text"], 0))
    assert writer.begin() + writer.end() == b"c0,c1\r\n"


def test_missing_rows_are_an_error() -> None:
    writer = CsvWriter(header(["text"], 2))
    writer.add(Batch([(b"only one",)]))
    with pytest.raises(RowCountMismatchError, match="The snapshot counted 2 rows, but the writer received 1\\."):
        writer.end()


ON_ONE_LINE = [text for text in NASTY if "\n" not in text and "\r" not in text]


@pytest.mark.parametrize("column", [ON_ONE_LINE, [text for text in ON_ONE_LINE if "\x01" not in text]])
def test_batches_without_line_breaks_are_encoded_the_same_as_cell_by_cell(column: list[str]) -> None:
    """Cells are at the start, in the middle and at the end of lines, with quotes, commas, empty strings and NULL."""
    columns: list[list[str | None]] = [[*column, None], [*column[::-1], ""], [None, *column]]
    data = _write(columns, 100)
    read = list(csv.reader(io.StringIO(data.decode(), newline="")))[1:]
    assert [tuple(row) for row in read] == [tuple(cell or "" for cell in row) for row in zip(*columns, strict=True)]
    careful = _write([[*cells, "\n"] for cells in columns], 100)
    assert careful.startswith(data), "the encoding cell by cell differs"
