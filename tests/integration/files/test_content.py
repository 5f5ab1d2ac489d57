"""The content of files: several formats from one read, and the options of a request."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import openpyxl
import psycopg
import pyarrow.parquet
import pytest
from backports import zstd
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from infra.servers.postgres import PostgresServer
from resma.catalog import find_report_type
from resma.errors import DatabaseUnavailableError
from resma.snapshot.cursor import read_batches
from resma.snapshot.snapshot import open_snapshot
from tests.support.system import PASSWORD, ROWS, System

ALL = ["CSV", "NDJSON", "XLSX", "PDF", "PARQUET"]


def _file(system: System, report_id: UUID, extension: str) -> bytes:
    key = f"demo/{report_id}/1.{extension}"
    return system.s3.get_object(Bucket=system.bucket, Key=key)["Body"].read()


def _make(system: System, **request: Any) -> tuple[UUID, Any]:
    report_id = system.request_report(**request)
    assert system.work_once()
    report = system.show(report_id)
    assert report["status"] == "READY", report["error"]
    return report_id, report


def test_all_formats_are_written_from_one_read(system: System) -> None:
    report_id, report = _make(system, formats=ALL, filters={"currency": ["BRL"]})
    assert [file["format"] for file in report["files"]] == report["formats"] == ALL
    assert (report["format"], report["sha256"]) == ("CSV", report["files"][0]["sha256"])
    for file in report["files"]:
        data = _file(system, report_id, file["format"].lower())
        assert (file["bytes"], file["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
        status, headers, _ = system.call_api(
            "GET", f"/api/v1/reports/{report_id}/download", query={"format": file["format"]}
        )
        assert (status, f"/1.{file['format'].lower()}?" in headers["Location"]) == (303, True)
    assert len(system.objects()) == 5
    assert system.open_uploads() == []

    total = {"currency": "BRL", "rows": report["rows"], "amounts": report["totals"][0]["amounts"]}
    assert report["totals"] == [total]
    records = list(csv.DictReader(io.StringIO(_file(system, report_id, "csv").decode(), newline="")))
    objects = [json.loads(line, parse_float=Decimal) for line in _file(system, report_id, "ndjson").splitlines()]
    table = pyarrow.parquet.read_table(io.BytesIO(_file(system, report_id, "parquet"))).to_pylist()
    book = openpyxl.load_workbook(io.BytesIO(_file(system, report_id, "xlsx")), read_only=True)
    sheet = list(book.worksheets[1].iter_rows(min_row=2, values_only=True))
    amounts = [
        [Decimal(row["amount"]) for row in records],
        [Decimal(row["amount"]) for row in objects],
        [row["amount"] for row in table],
        [Decimal(repr(row[8])) for row in sheet],
    ]
    assert [len(column) for column in amounts] == [report["rows"]] * 4
    assert [sum(column) for column in amounts] == [Decimal(total["amounts"]["amount"])] * 4


def test_a_file_of_a_format_that_was_not_requested_is_not_found(system: System) -> None:
    report_id, _ = _make(system, format="CSV")
    status, _, body = system.call_api("GET", f"/api/v1/reports/{report_id}/download", query={"format": "PDF"})
    assert (status, body["type"]) == (404, "urn:resma:problem:file-not-found")
    assert "CSV" in body["detail"]


def test_files_appear_together_or_not_at_all(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second of two completions fails, and the object of the first is removed."""
    import worker.app
    from resma.errors import ObjectStoreUnavailableError
    from resma.storage.multipart import MultipartUpload

    complete = MultipartUpload.complete

    def refuse_ndjson(self: MultipartUpload) -> Any:
        if self._target["Key"].endswith("ndjson"):
            raise ObjectStoreUnavailableError("unavailable")
        return complete(self)

    report_id = system.request_report(formats=["CSV", "NDJSON"])
    (record,) = system.receive()
    with monkeypatch.context() as patch:
        patch.setattr(MultipartUpload, "complete", refuse_ndjson)
        assert not system.work(record)
    assert system.objects() == []
    assert system.open_uploads() == []
    assert worker.app._resources().bucket == system.bucket
    admin.execute("UPDATE resma.outages SET probe_at = clock_timestamp()")
    assert system.work(record)
    assert sorted(system.objects()) == [f"demo/{report_id}/2.csv", f"demo/{report_id}/2.ndjson"]


def test_columns_are_in_the_requested_order(system: System) -> None:
    report_id, report = _make(system, format="CSV", columns=["amount", "id"])
    assert report["columns"] == ["amount", "id"]
    lines = _file(system, report_id, "csv").decode().splitlines()
    assert lines[0] == "amount,id"
    assert len(lines) == ROWS + 1
    assert report["totals"], "totals do not need their columns"


def test_days_and_timestamps_are_in_the_reports_time_zone(system: System, admin: Connection[TupleRow]) -> None:
    zone = "America/Sao_Paulo"
    report_id, report = _make(
        system, format="NDJSON", timeZone=zone, filters={"from": "2024-03-01", "to": "2024-03-01"}
    )
    timestamps = [json.loads(line)["booked_at"] for line in _file(system, report_id, "ndjson").splitlines()]
    assert all(timestamp.startswith("2024-03-01T") and timestamp.endswith("-03:00") for timestamp in timestamps)
    row = admin.execute(
        "SELECT count(*) FROM bank.transactions WHERE (booked_at AT TIME ZONE %s)::date = '2024-03-01'", (zone,)
    ).fetchone()
    assert row == (len(timestamps),)
    assert report["timeZone"] == zone


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Atlantic/Azores", "2024-10-27"),  # midnight occurs twice
        ("America/Havana", "2024-11-03"),
        ("America/Asuncion", "2024-03-24"),  # the hour before midnight occurs twice
        ("Africa/Cairo", "2024-04-26"),  # the day has no midnight
        ("Europe/Lisbon", "2024-03-31"),
    ],
)
@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_days_with_two_midnights_or_none_have_the_right_rows(
    system: System, admin: Connection[TupleRow], zone: str, day: str, offset: int
) -> None:
    admin.execute(
        "INSERT INTO bank.transactions SELECT 'demo', -row_number() OVER (), 'x', at, 'T', '', '', NULL, 'BRL', 1"
        " FROM generate_series(%s::timestamptz - interval '40 h', %s::timestamptz + interval '60 h', '20 min') AS at",
        (day, day),
    )
    try:
        _require_the_day(system, admin, zone, day, offset)
    finally:
        admin.execute("DELETE FROM bank.transactions WHERE transaction_id < 0")


def _require_the_day(system: System, admin: Connection[TupleRow], zone: str, day: str, offset: int) -> None:
    row = admin.execute(
        "SELECT (%s::date + %s)::text, count(*) FROM bank.transactions"
        " WHERE (booked_at AT TIME ZONE %s)::date = %s::date + %s",
        (day, offset, zone, day, offset),
    ).fetchone()
    assert row is not None
    date, expected = row
    report_id, report = _make(system, format="CSV", timeZone=zone, filters={"from": date, "to": date})
    lines = list(csv.DictReader(io.StringIO(_file(system, report_id, "csv").decode(), newline="")))
    assert {line["booked_at"][:10] for line in lines} <= {date}
    assert report["rows"] == expected


def test_csv_for_excel_follows_the_locale(system: System) -> None:
    options = {"csv": {"profile": "excel"}}
    report_id, _ = _make(system, format="CSV", locale="pt-BR", options=options)
    text = _file(system, report_id, "csv").decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=";"))
    assert rows[0][:2] == ["ID", "Lançada em"]
    assert len(rows) == ROWS + 1
    assert "," in rows[1][8]
    assert "+00" not in rows[1][1]


@pytest.mark.parametrize(
    ("format_", "compression", "extension"),
    [
        ("CSV", "gzip", "csv.gz"),
        ("CSV", "zstd", "csv.zst"),
        ("NDJSON", "gzip", "ndjson.gz"),
        ("NDJSON", "zstd", "ndjson.zst"),
    ],
)
def test_a_compressed_file_has_the_same_content(system: System, format_: str, compression: str, extension: str) -> None:
    plain_id, _ = _make(system, format=format_)
    report_id, report = _make(system, format=format_, options={format_.lower(): {"compression": compression}})
    unpack = gzip.decompress if compression == "gzip" else zstd.decompress
    assert unpack(_file(system, report_id, extension)) == _file(system, plain_id, format_.lower())
    assert report["files"][0]["mediaType"] == f"application/{compression}"
    status, headers, _ = system.call_api("GET", f"/api/v1/reports/{report_id}/download")
    assert (status, f"{extension}%22" in headers["Location"]) == (303, True)


def test_a_database_of_another_encoding_is_read_as_utf_8(system: System, admin: Connection[TupleRow]) -> None:
    admin.execute("CREATE DATABASE western ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'")
    try:
        info = admin.info
        address = {"host": info.host, "port": info.port, "user": info.user, "password": info.password}
        with psycopg.connect(dbname="western", client_encoding="UTF8", **address) as connection:  # type: ignore[arg-type]
            query = sql.SQL("SELECT 'Conceição' AS a, NULL::text AS b, 1.50::numeric AS c").format()
            batches = list(read_batches(connection, query, {}, 100))
        assert [batch.rows for batch in batches] == [[("Conceição".encode(), None, b"1.50")]]
    finally:
        admin.execute("DROP DATABASE western WITH (FORCE)")


def _read(admin: Connection[TupleRow], take: Callable[[Connection[TupleRow], int], None]) -> None:
    """Reads ids as a worker does, calling `take` for each batch."""
    info = admin.info
    connection = psycopg.connect(
        host=info.host, port=info.port, dbname=info.dbname, user="resma_reader", password=PASSWORD
    )
    with open_snapshot(connection, find_report_type("TRANSACTIONS"), "demo", {}) as snapshot:
        for number, _ in enumerate(snapshot.batches(["id"], personal_masked=False)):
            take(connection, number)
    assert connection.execute("SELECT 1").fetchone() == (1,), "a connection that was read to the end can be reused"
    connection.close()


def test_a_read_that_is_abandoned_ends_the_query(postgres: PostgresServer, admin: Connection[TupleRow]) -> None:
    """If a writer fails, rows are still in flight: the connection is closed, and the next job opens a new one."""
    connections = []

    def fail(connection: Connection[TupleRow], number: int) -> None:
        connections.append(connection)
        raise ZeroDivisionError(number)

    with pytest.raises(ZeroDivisionError):
        _read(admin, fail)
    assert [connection.closed for connection in connections] == [True]
    _read(admin, lambda *_: None)


def test_a_connection_lost_while_rows_are_read_is_transient(
    postgres: PostgresServer, admin: Connection[TupleRow]
) -> None:
    def cut(connection: Connection[TupleRow], number: int) -> None:
        if number == 0:
            admin.execute("SELECT pg_terminate_backend(%s, 5000)", (connection.info.backend_pid,))

    with pytest.raises(DatabaseUnavailableError):
        _read(admin, cut)


def test_a_query_that_fails_on_a_late_row_raises_its_own_error(
    postgres: PostgresServer, admin: Connection[TupleRow]
) -> None:
    query = sql.SQL("SELECT 1 / (2500 - i) FROM generate_series(1, 5000) AS i").format()
    rows = []
    with psycopg.connect(admin.info.dsn, password=admin.info.password) as connection:
        batches = read_batches(connection, query, {}, 100)
        with pytest.raises(psycopg.errors.DivisionByZero):
            rows += [len(batch) for batch in batches]
        assert connection.closed


def test_wide_rows_are_read_in_small_batches(postgres: PostgresServer, admin: Connection[TupleRow]) -> None:
    """A thousand rows of 20 kB would be 20 MB, and twice that with the rows in flight."""
    query = sql.SQL(
        "SELECT i, repeat('x', CASE WHEN i > 3000 THEN 20000 ELSE 10 END) FROM generate_series(1, 8000) AS i"
    )
    with psycopg.connect(admin.info.dsn, password=admin.info.password) as connection:
        sizes = [
            (len(batch), sum(len(row[1] or b"") for row in batch.rows))
            for batch in read_batches(connection, query.format(), {}, 100)
        ]
    assert sum(rows for rows, _ in sizes) == 8000
    assert max(rows for rows, _ in sizes) == 1000
    assert all(size < 1_000_000 for _, size in sizes[-20:])


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"locale": "xx-YY"}, "/locale"),
        ({"timeZone": "Mars/Olympus"}, "/timeZone"),
        ({"timeZone": "../etc/passwd"}, "/timeZone"),
        ({"timeZone": "America"}, "/timeZone"),
        ({"columns": []}, "/columns"),
        ({"columns": ["id", "id"]}, "/columns/1"),
        ({"columns": ["secret"]}, "/columns/0"),
        ({"options": {"pdf": {"paper": "A4"}}}, "/options/pdf"),
        ({"options": {"csv": {"profile": "lotus"}}}, "/options/csv/profile"),
        ({"formats": ["CSV", "PDF"]}, "/formats"),
        ({"format": None, "formats": []}, "/formats"),
        ({"format": None, "formats": ["CSV", "CSV"]}, "/formats"),
        ({"format": None}, "/formats"),
        ({"title": ""}, "/title"),
        ({"title": "a\nb"}, "/title"),
    ],
)
def test_invalid_content_is_refused(system: System, change: dict[str, Any], pointer: str) -> None:
    request = {"type": "TRANSACTIONS", "format": "CSV", **change}
    request = {name: value for name, value in request.items() if value is not None}
    status, _, body = system.call_api("POST", "/api/v1/reports/generate", request)
    assert status in {400, 422}, body
    assert pointer in [error["pointer"] for error in body["errors"]], body
    assert system.receive() == []


def test_report_types_in_the_openapi_document(system: System) -> None:
    _, _, types = system.call_api("GET", "/api/v1/report-types", query={"locale": "pt-BR"})
    by_type = {item["type"]: item for item in types["items"]}
    assert by_type["TRANSACTIONS"]["title"] == "Transações"
    assert by_type["TRANSACTIONS"]["filters"]["properties"]["from"]["title"] == "De"
    _, _, document = system.call_api("GET", "/openapi.json")
    request = document["components"]["schemas"]["ReportRequest"]["properties"]
    assert set(request["type"]["enum"]) == set(by_type)
    assert set(request["filters"]["x-filters-by-type"]) == set(by_type)
    name = request["filters"]["x-filters-by-type"]["TRANSACTIONS"]["$ref"].rpartition("/")[2]
    assert "currency" in document["components"]["schemas"][name]["properties"]
    post = document["paths"]["/api/v1/reports/generate"]["post"]
    assert [parameter["name"] for parameter in post["parameters"]] == ["Idempotency-Key"]
    assert "application/problem+json" in post["responses"]["422"]["content"]


def test_metrics_are_in_the_row_and_in_the_log(system: System, capsys: pytest.CaptureFixture[str]) -> None:
    _, report = _make(system, formats=["CSV", "NDJSON"])
    assert {
        "connect",
        "summarize",
        "write",
        "read",
        "encode",
        "upload",
        "save",
        "publish",
        "generate",
        "queued",
    } == set(report["metrics"]["seconds"])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"CloudWatchMetrics"' in line]
    (emf,) = [line for line in lines if "PeakRssMb" in line]
    assert emf["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Resma"
    assert (emf["ReportType"], emf["Rows"]) == ("TRANSACTIONS", [float(ROWS)])
    assert emf["PeakRssMb"][0] > 0
