"""Parquet: pyarrow and DuckDB, which did not write the file, find every value, its type and the metadata."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from resma.errors import FormatCannotHold, PermanentError, RowCountMismatch
from resma.header import Column, ReportHeader, Total
from resma.options import FormatOptions
from resma.rows import Batch, Row
from resma.writers import make_writer
from resma.writers.parquet import BLOCK_ROWS, GROUP_ROWS, ParquetWriter, make_parquet_writer

COLUMNS = (
    Column("id", "Número", kind="integer"),
    Column("booked_at", "Data", kind="timestamp"),
    Column("amount", "Valor", kind="amount", scale=2),
    Column("note", "Observação"),
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
    totals = (Total("BRL", 3, Decimal("1234567890123456789012.10")), Total("JPY", 1, Decimal(5)))
    as_of = datetime(2024, 3, 9, 12, 30, tzinfo=UTC)
    return ReportHeader("r-1", "Extrato", "Banco", (), as_of, rows, totals, (), columns, time_zone=time_zone)


def _write(writer: ParquetWriter, rows: Sequence[Row], batch_rows: int) -> list[bytes]:
    batches = [Batch(rows[at : at + batch_rows]) for at in range(0, len(rows), batch_rows)]
    return [writer.begin(), *(writer.add(batch) for batch in batches), writer.end()]


def _file(rows: Sequence[Row], columns: tuple[Column, ...] = COLUMNS, batch_rows: int = 2) -> bytes:
    return b"".join(_write(make_parquet_writer(_header(len(rows), columns), FormatOptions()), rows, batch_rows))


def _one(kind: str, cells: Sequence[bytes | None], scale: int = 0) -> bytes:
    return _file([(cell,) for cell in cells], (Column("it", "It", kind=kind, scale=scale),))  # type: ignore[arg-type]


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
    assert table["note"].to_pylist() == ["ação 🧾", "", "\x01\r\n", None, "NULL"]
    assert table["value_date"].to_pylist() == [
        date(2024, 2, 29),
        date(1, 1, 1),
        date(9999, 12, 31),
        None,
        date(1900, 3, 1),
    ]
    moments = [cell and cell.astimezone(UTC).isoformat() for cell in table["booked_at"].to_pylist()]
    assert moments == [
        "2024-01-01T03:00:00.123456+00:00",
        "2024-07-01T15:00:00+00:00",
        "1890-05-06T10:14:37+00:00",
        None,
        "2018-11-04T03:00:00.500000+00:00",
    ]


def test_types_zone_and_headings() -> None:
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


def _ask_duckdb(path: Path, columns: str, where: str = "true") -> list[tuple[Any, ...]]:
    with duckdb.connect() as database:
        return database.execute(f"SELECT {columns} FROM '{path}' WHERE {where}").fetchall()


def test_duckdb_reads_the_same(tmp_path: Path) -> None:
    path = tmp_path / "it.parquet"
    path.write_bytes(_file(ROWS))
    types = _ask_duckdb(path, ", ".join(f"typeof({column.name})" for column in COLUMNS))[0]
    assert types == ("BIGINT", "TIMESTAMP WITH TIME ZONE", "DECIMAL(38,2)", "VARCHAR", "DATE", "JSON")
    rows = _ask_duckdb(path, "id, epoch_us(booked_at), amount, note, value_date::text, details")
    assert rows[0] == (1, 1704078000123456, Decimal("-0.05"), "ação 🧾", "2024-02-29", '{"a": [1, null]}')
    assert rows[1][2] == Decimal("9" * 36 + ".99")
    assert rows[3] == (None,) * 6
    # Searches go by the row groups' statistics.
    assert _ask_duckdb(path, "id", "amount > 1e20::decimal(38, 2)") == [(-(2**63),)]


def test_metadata_says_what_the_report_was() -> None:
    found = pq.read_metadata(BytesIO(_file(ROWS))).metadata
    said = {k.decode(): v.decode() for k, v in found.items() if k.startswith(b"resma.")}
    totals = json.loads(said.pop("resma.totals"))
    assert totals[0] == {"currency": "BRL", "rows": 3, "amount": "1234567890123456789012.10"}
    assert said == {
        "resma.generator": "Resma",
        "resma.report_id": "r-1",
        "resma.title": "Extrato",
        "resma.organisation": "Banco",
        "resma.as_of": "2024-03-09T12:30:00+00:00",
        "resma.rows": "5",
        "resma.time_zone": "America/Sao_Paulo",
        "resma.locale": "en-US",
    }


def test_row_groups_go_out_when_they_are_full(tmp_path: Path) -> None:
    rows: list[Row] = [(b"%d" % i, b"x" * (i % 50)) for i in range(2 * GROUP_ROWS + 10)]
    columns = (Column("n", "N", kind="integer"), Column("t", "T"))
    parts = _write(make_parquet_writer(_header(len(rows), columns), FormatOptions()), rows, 50_000)
    assert [len(part) > 0 for part in parts] == [True, False, True, True, True]
    data = b"".join(parts)
    file = pq.ParquetFile(BytesIO(data))
    assert [file.metadata.row_group(i).num_rows for i in range(3)] == [GROUP_ROWS, GROUP_ROWS, 10]
    assert file.read()["n"].to_pylist() == list(range(len(rows)))
    path = tmp_path / "it.parquet"
    path.write_bytes(data)
    found = _ask_duckdb(path, "count(*), sum(n), sum(length(t))")
    assert found == [(len(rows), sum(range(len(rows))), sum(i % 50 for i in range(len(rows))))]


def test_long_texts_end_a_group_early() -> None:
    rows: list[Row] = [(b"%06d" % i * 500,) for i in range(8 * BLOCK_ROWS)]
    file = pq.ParquetFile(BytesIO(_file(rows, (Column("t", "T"),), batch_rows=500)))
    # 16 MiB are reached in the sixth block of 3 MB each.
    groups = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
    assert groups == [6 * BLOCK_ROWS, 2 * BLOCK_ROWS]
    assert file.read()["t"].to_pylist() == [row[0].decode() for row in rows if row[0]]


@pytest.mark.parametrize("batch_rows", [1999, BLOCK_ROWS, 100_000])
def test_batches_do_not_show_and_a_saved_state_goes_on(batch_rows: int) -> None:
    rows = [(b"%d" % i, *ROWS[i % len(ROWS)][1:]) for i in range(GROUP_ROWS + BLOCK_ROWS + 7)]
    header = _header(len(rows))
    whole = b"".join(_write(make_parquet_writer(header, FormatOptions()), rows, 20_000))

    writer = make_writer("PARQUET", header)
    out = writer.begin()
    for at in range(0, len(rows), batch_rows):
        saved = pickle.dumps(writer.state)
        writer = make_writer("PARQUET", header)
        writer.state = pickle.loads(saved)
        out += writer.add(Batch(rows[at : at + batch_rows]))
    assert out + writer.end() == whole


def test_no_rows_is_a_file_with_its_columns() -> None:
    file = pq.ParquetFile(BytesIO(_file([])))
    assert (file.metadata.num_rows, file.num_row_groups, file.schema_arrow.names[0]) == (0, 0, "id")


@pytest.mark.parametrize("promised", [4, 6])
def test_other_rows_than_promised_are_an_error(promised: int) -> None:
    with pytest.raises(RowCountMismatch):
        _write(make_parquet_writer(_header(promised), FormatOptions()), ROWS, 2)


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
        ("text", b"\xff"),
    ],
)
def test_what_has_no_exact_value_is_refused(kind: str, cell: bytes) -> None:
    """With the place and a remedy, and without the value: errors are logged."""
    good = {"integer": b"1", "amount": b"1.25", "date": b"2024-01-01", "timestamp": b"2024-01-01 00:00:00+00"}
    with pytest.raises(FormatCannotHold, match=r"row 5002 of column it is") as caught:
        _one(kind, [None, *[good.get(kind, b"x")] * 5000, cell, None], scale=2)
    assert isinstance(caught.value, PermanentError)
    assert cell.decode(errors="replace") not in str(caught.value).replace("NaN, infinite", "")


def test_a_scale_that_does_not_fit_is_refused() -> None:
    with pytest.raises(FormatCannotHold, match="column it has 39 digits after its mark"):
        _one("amount", [], scale=39)
    # All of the digits may be after the mark.
    assert pq.read_table(BytesIO(_one("amount", [b"-0." + b"9" * 38], scale=38)))["it"].to_pylist() == [
        Decimal("-0." + "9" * 38)
    ]


def test_an_unknown_time_zone_is_refused() -> None:
    columns = (Column("it", "It", kind="timestamp"),)
    with pytest.raises(FormatCannotHold, match="Mars/Olympus is no IANA time zone"):
        make_parquet_writer(_header(0, columns, "Mars/Olympus"), FormatOptions())


_PEAK = """
import sys
from datetime import UTC, datetime
from resma.header import Column, ReportHeader
from resma.options import FormatOptions
from resma.rows import Batch
from resma.writers.parquet import make_parquet_writer
batches = int(sys.argv[1])
columns = (Column("n", "N", kind="integer"), Column("a", "A", kind="amount", scale=2), Column("t", "T"))
header = ReportHeader("r", "t", "o", (), datetime.now(UTC), batches * 5000, (), (), columns)
writer = make_parquet_writer(header, FormatOptions())
writer.begin()
for at in range(batches):
    writer.add(Batch([(b"%d" % i, b"%d.25" % i, b"text %d" % i) for i in range(at * 5000, at * 5000 + 5000)]))
writer.end()
# Unlike ru_maxrss, this begins anew with the program and not with what it was forked from.
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def test_memory_does_not_grow_with_the_rows() -> None:
    """150 thousand rows and 900 thousand, each in a process of its own: some 60 MB both, the interpreter included."""
    peaks = [_peak_kilobytes(batches) for batches in (30, 180)]
    assert peaks[1] < peaks[0] * 1.15, peaks
    assert peaks[0] < 120_000


def _peak_kilobytes(batches: int) -> int:
    command = [sys.executable, "-c", _PEAK, str(batches)]
    functions = Path(__file__).parents[2] / "functions"
    done = subprocess.run(command, env={"PYTHONPATH": str(functions)}, capture_output=True, text=True, check=True)
    return int(done.stdout)
