"""Parquet files of one report type and several days can be read as one table, whatever their rows contain."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import fastparquet
import polars as pl
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

from resma.catalog import load_catalog
from resma.report.decimal_types import DecimalType
from resma.report.format_options import FormatOptions
from resma.report.header import ReportHeader
from resma.report.rows import Row
from resma.report.summary import Summary
from resma.snapshot.compose_header import compose_header
from resma.writers import make_writer
from tests.support.report_content import plain_content
from tests.support.sample_reports import write

TYPE = "DAILY_SUMMARY"
DAYS: list[list[Row]] = [
    [],
    [(b"2024-01-01", b"JPY", b"PIX", b"1", b"7", b"0", b"7")],
    [
        (b"2024-01-02", b"BRL", b"FEE", b"2", b"0.00", b"-0.01", b"-0.01"),
        (b"2024-01-02", b"KWD", b"FEE", b"1", b"0.005", b"0", b"0.005"),
    ],
    [(b"2024-01-03", b"BRL", b"FEE", b"0", None, b"-12345678901234567890123456789.0001", None)],
]
NETS = [Decimal("7"), Decimal("-0.01"), Decimal("0.005"), None]


def _header(rows: int, scales: dict[str, int], query_types: dict[str, DecimalType] | None = None) -> ReportHeader:
    summary = Summary(
        as_of=datetime(2024, 3, 9, tzinfo=UTC), rows=rows, totals=(), charts=(), periods=(), balance=None, scales=scales
    )
    content = plain_content(TYPE, ["PARQUET"])
    return compose_header(load_catalog()[TYPE], content, "r", summary, "Banco", decimal_types=query_types or {})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file for each day. By the snapshot's summary, rows have 0 to 20 decimals."""
    path = tmp_path_factory.mktemp("days")
    for number, rows in enumerate(DAYS):
        header = _header(len(rows), {"credits": number * 5, "debits": 20 - number, "net": number})
        (path / f"{number}.parquet").write_bytes(write(make_writer("PARQUET", header, FormatOptions()), rows))
    return path


def _by_duckdb(folder: Path) -> list[Decimal | None]:
    return [
        row[0]
        for row in duckdb.execute(
            f"SELECT net FROM read_parquet('{folder}/*.parquet') ORDER BY day, currency"
        ).fetchall()
    ]


def _by_pyarrow(folder: Path) -> list[Decimal | None]:
    values: list[Decimal | None] = pyarrow.dataset.dataset(folder).to_table()["net"].to_pylist()
    return values


def _by_polars(folder: Path) -> list[Decimal | None]:
    return pl.read_parquet(folder / "*.parquet").sort("day", "currency")["net"].to_list()


@pytest.mark.parametrize("read", [_by_duckdb, _by_pyarrow, _by_polars])
def test_readers_read_all_digits(read: Callable[[Path], list[Decimal | None]], folder: Path) -> None:
    assert read(folder) == NETS


def test_fastparquet_reads_all_files(folder: Path) -> None:
    """It converts decimals to doubles."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = fastparquet.ParquetFile([str(path) for path in sorted(folder.iterdir())]).to_pandas()
    assert frame["net"].tolist()[:3] == [7.0, -0.01, 0.005]
    assert len(frame) == len(NETS)


def test_all_days_have_the_same_schema(folder: Path) -> None:
    schemas = [pq.read_schema(path) for path in sorted(folder.iterdir())]
    assert all(schema.equals(schemas[0]) for schema in schemas)
    columns = [pq.ParquetFile(path).schema for path in sorted(folder.iterdir())]
    assert all(column.equals(columns[0]) for column in columns)


@pytest.mark.parametrize("name", [name for name, kind in load_catalog().items()])
def test_amounts_of_all_report_types_fit_bigquerys_numeric(name: str) -> None:
    """It has 29 digits before the decimal point and 9 after it ("Decimal types" in BigQuery's documentation)."""
    for column in load_catalog()[name].columns:
        if column.kind == "amount":
            assert column.decimal is not None, f"{column.name} has no type"
            assert column.decimal.whole_digits <= 29
            assert column.decimal.scale <= 9


def test_types_of_the_report_type_take_precedence_over_the_query() -> None:
    query_types = {"net": DecimalType(10, 1)}
    assert {column.decimal for column in _header(0, {}, query_types).columns if column.kind == "amount"} == {
        DecimalType(33, 4)
    }
