"""Parquet: pyarrow and DuckDB, which are independent readers, read all values, their types and the metadata."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import duckdb
import fastparquet
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.paths import ROOT
from resma.errors import CheckpointUnusableError, FormatLimitError, PermanentError, RowCountMismatchError
from resma.report.decimal_types import DEFAULT_DECIMAL, DecimalType, decimal_of_numeric
from resma.report.format_options import FormatOptions
from resma.report.header import Column, ReportHeader, Total
from resma.report.rows import Batch, Row
from resma.writers import make_writer
from resma.writers.parquet.writer import BLOCK_ROWS, COLUMNS_AT_ONCE, GROUP_ROWS, ParquetWriter, make_parquet_writer
from resma.writers.saved_state import dump_state, load_state
from tests.support.sample_reports import NOT_SHOWN

COLUMNS = (
    Column("id", "Número", kind="integer"),
    Column("booked_at", "Data", kind="timestamp"),
    Column("amount", "Valor", kind="amount", decimal=DecimalType(38, 2)),
    Column("memo", "Observação"),
    Column("value_date", "Data-valor", kind="date"),
    Column("details", "Detalhes", kind="json"),
)
ROWS: list[Row] = [
    (b"1", b"2024-01-01 00:00:00.123456-03", b"-0.05", "ação 🧾".encode(), b"2024-02-29", b'{"a": [1, null]}'),
    (b"-9223372036854775808", b"2024-07-01 12:00:00-03", b"9" * 36 + b".99", b"", b"0001-01-01", b'""'),
    (b"9223372036854775807", b"1890-05-06 07:08:09-03:06:28", b"12345678901234567.5", b"\x01\r\n", b"9999-12-31", b"1"),
    (None, None, None, None, None, None),
    (b"0", b"2018-11-04 01:00:00.5-02", b"7", b"NULL", b"1900-03-01", b"null"),
]


def _header(rows: int, columns: tuple[Column, ...] = COLUMNS, time_zone: str = "America/Sao_Paulo") -> ReportHeader:
    totals = (Total("BRL", 3, (Decimal("1234567890123456789012.10"),)), Total("JPY", 1, (Decimal(5),)))
    as_of = datetime(2024, 3, 9, 12, 30, tzinfo=UTC)
    return ReportHeader(
        "r-1", "Extrato", "Banco", (), as_of, rows, totals, (), columns, time_zone=time_zone, total_columns=NOT_SHOWN
    )


def _write(writer: ParquetWriter, rows: Sequence[Row], batch_rows: int) -> list[bytes]:
    batches = [Batch(rows[at : at + batch_rows]) for at in range(0, len(rows), batch_rows)]
    return [writer.begin(), *(writer.add(batch) for batch in batches), writer.end()]


def _file(rows: Sequence[Row], columns: tuple[Column, ...] = COLUMNS, batch_rows: int = 2) -> bytes:
    return b"".join(_write(make_parquet_writer(_header(len(rows), columns), FormatOptions()), rows, batch_rows))


def _one(kind: str, cells: Sequence[bytes | None], decimal: DecimalType = DEFAULT_DECIMAL) -> bytes:
    return _file([(cell,) for cell in cells], (Column("it", "It", kind=kind, decimal=decimal),))  # type: ignore[arg-type]


def test_pyarrow_reads_exact_values() -> None:
    table = pq.read_table(BytesIO(_file(ROWS)))
    assert table["id"].to_pylist() == [1, -(2**63), 2**63 - 1, None, 0]
    assert table["amount"].to_pylist() == [
        Decimal("-0.05"),
        Decimal("9" * 36 + ".99"),
        Decimal("12345678901234567.50"),
        None,
        Decimal("7.00"),
    ]
    assert table["memo"].to_pylist() == ["ação 🧾", "", "\x01\r\n", None, "NULL"]
    assert table["value_date"].to_pylist() == [
        date(2024, 2, 29),
        date(1, 1, 1),
        date(9999, 12, 31),
        None,
        date(1900, 3, 1),
    ]
    timestamps = [cell and cell.astimezone(UTC).isoformat() for cell in table["booked_at"].to_pylist()]
    assert timestamps == [
        "2024-01-01T03:00:00.123456+00:00",
        "2024-07-01T15:00:00+00:00",
        "1890-05-06T10:14:37+00:00",
        None,
        "2018-11-04T03:00:00.500000+00:00",
    ]


def test_types_time_zone_and_headings() -> None:
    schema = pq.read_schema(BytesIO(_file(ROWS)))
    assert [schema.field(column.name).type for column in COLUMNS] == [
        pa.int64(),
        pa.timestamp("us", tz="America/Sao_Paulo"),
        pa.decimal128(38, 2),
        pa.string(),
        pa.date32(),
        pa.json_(),
    ]
    assert all(field.nullable for field in schema)
    assert [field.metadata[b"heading"].decode() for field in schema] == [column.heading for column in COLUMNS]


def _query_duckdb(path: Path, columns: str, where: str = "true") -> list[tuple[Any, ...]]:
    with duckdb.connect() as database:
        return database.execute(f"SELECT {columns} FROM '{path}' WHERE {where}").fetchall()


def test_duckdb_reads_the_same_values(tmp_path: Path) -> None:
    path = tmp_path / "it.parquet"
    path.write_bytes(_file(ROWS))
    types = _query_duckdb(path, ", ".join(f"typeof({column.name})" for column in COLUMNS))[0]
    assert types == ("BIGINT", "TIMESTAMP WITH TIME ZONE", "DECIMAL(38,2)", "VARCHAR", "DATE", "JSON")
    rows = _query_duckdb(path, "id, epoch_us(booked_at), amount, memo, value_date::text, details")
    assert rows[0] == (1, 1704078000123456, Decimal("-0.05"), "ação 🧾", "2024-02-29", '{"a": [1, null]}')
    assert rows[1][2] == Decimal("9" * 36 + ".99")
    assert rows[3] == (None,) * 6
    # The filter uses the statistics of the row groups.
    assert _query_duckdb(path, "id", "amount > 1e20::decimal(38, 2)") == [(-(2**63),)]


def test_a_row_group_with_more_columns_than_are_written_at_once(tmp_path: Path) -> None:
    """Readers see one row group, in which each column has its values, types and statistics."""
    copies = 2 * COLUMNS_AT_ONCE // len(COLUMNS) + 1
    columns = tuple(replace(column, name=f"{column.name}_{copy}") for copy in range(copies) for column in COLUMNS)
    path = tmp_path / "wide.parquet"
    path.write_bytes(_file([row * copies for row in ROWS], columns))
    narrow, wide = pq.read_table(BytesIO(_file(ROWS))), pq.read_table(path)
    metadata = pq.read_metadata(path)
    group, footer = metadata.row_group(0), metadata.row_group(0).to_dict()["columns"]
    assert (metadata.num_row_groups, group.num_columns, group.num_rows) == (1, len(columns), len(ROWS))
    assert group.total_byte_size == sum(column["total_uncompressed_size"] for column in footer)
    for copy in range(copies):
        assert (
            wide.select([f"{column.name}_{copy}" for column in COLUMNS]).rename_columns(narrow.schema.names) == narrow
        )
    ids = ", ".join(f"id_{copy}" for copy in range(copies))
    assert _query_duckdb(path, ids, f"amount_{copies - 1} > 1e20::decimal(38, 2)") == [(-(2**63),) * copies]
    memos = fastparquet.ParquetFile(BytesIO(path.read_bytes())).to_pandas()[f"memo_{copies - 1}"]
    assert list(memos) == narrow["memo"].to_pylist()


def test_metadata_describes_the_report() -> None:
    file_metadata = pq.read_metadata(BytesIO(_file(ROWS))).metadata
    metadata = {k.decode(): v.decode() for k, v in file_metadata.items() if k.startswith(b"resma.")}
    totals = json.loads(metadata.pop("resma.totals"))
    assert totals[0] == {"currency": "BRL", "rows": 3, "amounts": {"amount": "1234567890123456789012.10"}}
    assert metadata == {
        "resma.generator": "Resma",
        "resma.report_id": "r-1",
        "resma.title": "Extrato",
        "resma.organization": "Banco",
        "resma.as_of": "2024-03-09T12:30:00+00:00",
        "resma.rows": "5",
        "resma.time_zone": "America/Sao_Paulo",
        "resma.locale": "en-US",
    }


def test_metadata_has_at_most_a_hundred_totals() -> None:
    totals = tuple(Total(f"C{i}", 1, (Decimal(i),)) for i in range(6000))
    header = replace(_header(0), totals=totals)
    writer = make_parquet_writer(header, FormatOptions())
    metadata = pq.read_metadata(BytesIO(writer.begin() + writer.end())).metadata
    assert [total["currency"] for total in json.loads(metadata[b"resma.totals"])] == [f"C{i}" for i in range(100)]
    assert metadata[b"resma.totals_omitted"] == b"5900"


def test_a_checkpoint_with_other_types_cannot_be_resumed() -> None:
    header = _header(1)
    writer = make_parquet_writer(header, FormatOptions())
    writer.begin()
    saved = load_state(dump_state(writer.state), writer.state)
    columns = tuple(replace(column, decimal=DecimalType(18, 4)) for column in COLUMNS)
    with pytest.raises(CheckpointUnusableError):
        make_parquet_writer(_header(1, columns), FormatOptions()).state = saved


def test_row_groups_are_returned_when_they_are_full(tmp_path: Path) -> None:
    rows: list[Row] = [(b"%d" % i, b"x" * (i % 50)) for i in range(2 * GROUP_ROWS + 10)]
    columns = (Column("n", "N", kind="integer"), Column("t", "T"))
    parts = _write(make_parquet_writer(_header(len(rows), columns), FormatOptions()), rows, 25_000)
    assert [len(part) > 0 for part in parts] == [True, False, True, True, True]
    data = b"".join(parts)
    file = pq.ParquetFile(BytesIO(data))
    assert [file.metadata.row_group(i).num_rows for i in range(3)] == [GROUP_ROWS, GROUP_ROWS, 10]
    assert file.read()["n"].to_pylist() == list(range(len(rows)))
    path = tmp_path / "it.parquet"
    path.write_bytes(data)
    sums = _query_duckdb(path, "count(*), sum(n), sum(length(t))")
    assert sums == [(len(rows), sum(range(len(rows))), sum(i % 50 for i in range(len(rows))))]


def test_long_values_end_a_group_early() -> None:
    rows: list[Row] = [(b"%06d" % i * 500,) for i in range(8 * BLOCK_ROWS)]
    file = pq.ParquetFile(BytesIO(_file(rows, (Column("t", "T", max_bytes=3000),), batch_rows=500)))
    # The sixth block of 3 MB reaches 16 MiB.
    groups = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
    assert groups == [6 * BLOCK_ROWS, 2 * BLOCK_ROWS]
    assert file.read()["t"].to_pylist() == [row[0].decode() for row in rows if row[0]]


@pytest.mark.parametrize("batch_rows", [1999, BLOCK_ROWS, 100_000])
def test_bytes_do_not_depend_on_batches_and_resuming(batch_rows: int) -> None:
    rows = [(b"%d" % i, *ROWS[i % len(ROWS)][1:]) for i in range(GROUP_ROWS + BLOCK_ROWS + 7)]
    header = _header(len(rows))
    whole = b"".join(_write(make_parquet_writer(header, FormatOptions()), rows, 20_000))

    writer = make_writer("PARQUET", header)
    out = writer.begin()
    for at in range(0, len(rows), batch_rows):
        saved = dump_state(writer.state)
        writer = make_writer("PARQUET", header)
        writer.state = load_state(saved, writer.state)
        out += writer.add(Batch(rows[at : at + batch_rows]))
    assert out + writer.end() == whole


def test_a_file_without_rows_has_its_columns() -> None:
    file = pq.ParquetFile(BytesIO(_file([])))
    assert (file.metadata.num_rows, file.num_row_groups, file.schema_arrow.names[0]) == (0, 0, "id")


@pytest.mark.parametrize("expected", [4, 6])
def test_a_wrong_number_of_rows_is_an_error(expected: int) -> None:
    with pytest.raises(RowCountMismatchError):
        _write(make_parquet_writer(_header(expected), FormatOptions()), ROWS, 2)


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        ("integer", b"9223372036854775808"),
        ("integer", b"1.5"),
        ("integer", b"NaN"),
        ("amount", b"NaN"),
        ("amount", b"Infinity"),
        ("amount", b"-Infinity"),
        ("amount", b"9" * 37),
        ("amount", b"0.005"),
        ("amount", b"1e+20"),
        ("date", b"infinity"),
        ("date", b"0044-03-15 BC"),
        ("date", b"10000-01-01"),
        ("date", b"2024-01-01 10:00:00"),
        ("timestamp", b"-infinity"),
        ("timestamp", b"0044-03-15 10:00:00+00 BC"),
        ("timestamp", b"10000-01-01 00:00:00+00"),
        ("timestamp", b"0001-01-01 00:00:00+03:06:28"),
        ("timestamp", b"0001-01-01 00:00:00+03"),
        ("timestamp", b"9999-12-31 23:59:59.999999-03"),
        ("timestamp", b"9999-12-31 23:59:59.999999-04:56:02"),
        ("text", b"\xff"),
    ],
)
def test_cells_without_an_exact_value_are_an_error(kind: str, cell: bytes) -> None:
    """The message has the row, the column and a remedy, but not the value, because errors are logged."""
    good = {"integer": b"1", "amount": b"1.25", "date": b"2024-01-01", "timestamp": b"2024-01-01 00:00:00+00"}
    with pytest.raises(FormatLimitError, match=r"row 5002 of column `it`, which") as caught:
        _one(kind, [None, *[good.get(kind, b"x")] * 5000, cell, None], DecimalType(38, 2))
    assert isinstance(caught.value, PermanentError)
    assert (caught.value.column, caught.value.row) == ("it", 5002)
    assert cell.decode(errors="replace") not in str(caught.value).replace("is NaN or infinite", "")


@pytest.mark.parametrize(
    ("decimal", "fits", "does_not"),
    [
        (DecimalType(9, 2), b"-9999999.99", b"10000000"),
        (DecimalType(18, 2), b"9999999999999999.99", b"10000000000000000.00"),
        (DecimalType(4, 4), b"-0.9999", b"1"),
        (DecimalType(3, 0), b"999.000", b"999.1"),
        (DecimalType(38, 38), b"-0." + b"9" * 38, b"0." + b"0" * 38 + b"1"),
        (DEFAULT_DECIMAL, b"9" * 29 + b"." + b"9" * 9, b"9" * 30),
        (DEFAULT_DECIMAL, b"0.1234567890000000000000", b"0.1234567891"),
    ],
)
def test_values_that_do_not_fit_their_type_are_an_error(decimal: DecimalType, fits: bytes, does_not: bytes) -> None:
    """Nothing is rounded. Zeros beyond the scale are not significant."""
    table = pq.read_table(BytesIO(_one("amount", [fits], decimal)))
    assert table["it"].type == pa.decimal128(decimal.precision, decimal.scale)
    assert table["it"].to_pylist() == [Decimal(fits.decode())]
    with pytest.raises(FormatLimitError, match=r"does not fit DECIMAL\(\d+, \d+\).* Set `precision` and `scale`"):
        _one("amount", [b"0", does_not], decimal)


@pytest.mark.parametrize(
    ("numeric", "decimal"),
    [
        ((18, 2), DecimalType(18, 2)),
        ((3, -2), DecimalType(5, 0)),
        ((2, 4), DecimalType(4, 4)),
        ((50, 20), DecimalType(38, 20)),
        ((1000, 1000), DecimalType(38, 38)),
    ],
)
def test_postgres_numeric_types_become_decimals(numeric: tuple[int, int], decimal: DecimalType) -> None:
    assert decimal_of_numeric(*numeric) == decimal


def test_an_unknown_time_zone_is_an_error() -> None:
    columns = (Column("it", "It", kind="timestamp"),)
    with pytest.raises(FormatLimitError, match="Unknown time zone 'Mars/Olympus'"):
        make_parquet_writer(_header(0, columns, "Mars/Olympus"), FormatOptions())


_PEAK = """
import sys
from datetime import UTC, datetime
from resma.report.header import Column, ReportHeader
from resma.report.format_options import FormatOptions
from resma.report.rows import Batch
from resma.writers.parquet.writer import make_parquet_writer
batches = int(sys.argv[1])
columns = (Column("n", "N", kind="integer"), Column("a", "A", kind="amount", scale=2), Column("t", "T"))
header = ReportHeader("r", "t", "o", (), datetime.now(UTC), batches * 5000, (), (), columns)
writer = make_parquet_writer(header, FormatOptions())
writer.begin()
for at in range(batches):
    writer.add(Batch([(b"%d" % i, b"%d.25" % i, b"text %d" % i) for i in range(at * 5000, at * 5000 + 5000)]))
writer.end()
# Unlike ru_maxrss, VmHWM does not include the process from which this one was forked.
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows() -> None:
    """150,000 and 900,000 rows, each in a process of its own, take about 60 MB, including the interpreter."""
    peaks = [_peak_kilobytes(batches) for batches in (30, 180)]
    assert peaks[1] < peaks[0] * 1.15, peaks
    assert peaks[0] < 120_000


def _peak_kilobytes(batches: int) -> int:
    command = [sys.executable, "-c", _PEAK, str(batches)]
    functions = ROOT / "functions"
    done = subprocess.run(command, env={"PYTHONPATH": str(functions)}, capture_output=True, text=True, check=True)
    return int(done.stdout)
