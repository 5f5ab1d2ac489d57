"""RFC 4180 CSV in common readers: as many records as rows, with the same text."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resma.report.format_options import FormatOptions
from resma.report.header import Kind
from resma.writers import make_writer, warnings_of
from tests.support.csv_samples import LONE
from tests.support.sample_reports import header, rows_of, write

Strings = Sequence[str | None]


def _write(columns: Sequence[Strings], kinds: Sequence[Kind] = ("text",)) -> bytes:
    head = header([*kinds, *["text" for _ in columns[len(kinds) :]]], len(columns[0]))  # type: ignore[list-item]
    return write(make_writer("CSV", head, FormatOptions()), rows_of(columns), 100)


def _by_csv(data: bytes) -> list[str]:
    return [row["c0"] for row in csv.DictReader(io.StringIO(data.decode(), newline=""), strict=True)]


def _by_pandas(data: bytes) -> list[str]:
    frame = pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False)
    assert len(pd.read_csv(io.BytesIO(data))) == len(frame), "the default options read another number of records"
    return [str(cell) for cell in frame["c0"]]


def _by_pyarrow(data: bytes) -> list[str]:
    table = pa.csv.read_csv(
        pa.BufferReader(data),
        parse_options=pa.csv.ParseOptions(newlines_in_values=True),
        convert_options=pa.csv.ConvertOptions(column_types={"c0": pa.string()}, strings_can_be_null=False),
    )
    return [cell or "" for cell in table["c0"].to_pylist()]


def _by_polars(data: bytes) -> list[str]:
    return [cell or "" for cell in pl.read_csv(data, infer_schema=False)["c0"]]


def _by_duckdb(data: bytes, path: Path, options: str = "delim=',', quote='\"', escape='\"', header=true") -> list[str]:
    path.write_bytes(data)
    rows = duckdb.execute(f"SELECT c0 FROM read_csv('{path}', all_varchar=true, parallel=false, {options})").fetchall()
    return [row[0] or "" for row in rows]


READERS: dict[str, Callable[[bytes], list[str]]] = {
    "csv": _by_csv,
    "pandas": _by_pandas,
    "pyarrow": _by_pyarrow,
    "polars": _by_polars,
}


@pytest.mark.parametrize("reader", [*READERS, "duckdb"])
@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("cells", [LONE, [None] * 50, [""], [None, "x"] * 30, ["\\."] * 3])
def test_as_many_records_as_rows(reader: str, columns: int, cells: Strings, tmp_path: Path) -> None:
    data = _write([cells] * columns)
    read = _by_duckdb(data, tmp_path / "it.csv") if reader == "duckdb" else READERS[reader](data)
    assert read == [text or "" for text in cells]


@pytest.mark.parametrize("lines", [10, 2000])
@pytest.mark.parametrize("null_every", [7, 2000])
def test_duckdb_does_not_find_comments(lines: int, null_every: int, tmp_path: Path) -> None:
    """DuckDB omits lines that begin with `#` if it recognizes them as comments. Its defaults are used here."""
    texts = [None if row % null_every == null_every - 1 or row == lines - 1 else f"#{row}" for row in range(lines)]
    (tmp_path / "it.csv").write_bytes(_write([texts, ["5"] * lines]))
    rows = duckdb.execute(f"SELECT c0, c1 FROM '{tmp_path / 'it.csv'}'").fetchall()
    assert rows == [(text, 5) for text in texts]


@settings(max_examples=60, database=None, deadline=None)
@given(
    st.lists(
        st.none() | st.sampled_from(LONE) | st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1
    )
)
def test_as_many_records_as_rows_of_any_text(texts: list[str | None]) -> None:
    data = _write([texts])
    assert {name: read(data) for name, read in READERS.items()} == {
        name: [text or "" for text in texts] for name in READERS
    }


def test_a_single_column_of_numbers_keeps_numbers_and_nulls() -> None:
    data = _write([["1", None, "-3"]], ["integer"])
    assert pd.read_csv(io.BytesIO(data))["c0"].sum() == -2
    assert pa.csv.read_csv(pa.BufferReader(data))["c0"].to_pylist() == [1, None, -3]
    assert pl.read_csv(data, schema_overrides={"c0": pl.Int64})["c0"].to_list() == [1, None, -3]
    assert pl.read_csv(_write([["1", "-3"]], ["integer"]))["c0"].to_list() == [1, -3]
    assert data == b'c0\r\n1\r\n""\r\n-3\r\n'


def test_a_single_column_of_strings_is_always_quoted() -> None:
    """No line is empty, blank, or an unquoted `\\.`, which ends a COPY in Postgres before version 18."""
    data = _write([["a", None, "", 'say "x"', "\\."]])
    assert data == b'"c0"\r\n"a"\r\n""\r\n""\r\n"say ""x"""\r\n"\\."\r\n'


@pytest.mark.parametrize(
    ("cells", "rows"), [(["a", None, "", None], 2), (["a", None], None), (["a", ""], None), ([], None)]
)
def test_a_warning_reports_nulls_that_look_like_empty_strings(cells: list[str | None], rows: int | None) -> None:
    writer = make_writer("CSV", header(["text"], len(cells)), FormatOptions())
    write(writer, rows_of([cells]), 2)
    assert [(w.code, w.column, w.rows) for w in warnings_of(writer)] == (
        [("null-like-empty-text", "c0", rows)] if rows else []
    )
