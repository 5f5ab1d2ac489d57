"""The engine as the worker drives it: snapshot, header, writer, sink. The one place here that knows how."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4

import psycopg

import worker.app  # noqa: F401  # what a worker's process holds, and how often it collects garbage
from resma.aws.clients import s3_client
from resma.catalog import ReportType, find_report_type
from resma.report.content import ReportContent
from resma.report.format_options import FormatOptions
from resma.report.header import ReportHeader
from resma.report.rows import Batch
from resma.report.summary import Summary
from resma.snapshot.compose_header import compose_header
from resma.snapshot.snapshot import open_snapshot
from resma.storage.object_store import Clients, remove_object
from resma.writers import make_writer
from tests.bench.source import REPORT_TYPE, TENANT
from worker.file_set import FileTarget, open_files

BUCKET = "bench"


class BytesSink(Protocol):
    """Whatever takes bytes in order."""

    def write(self, data: bytes) -> object:
        """Takes the next bytes."""
        ...


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Which database, which of its rows, and whether to an object store."""

    database_url: str
    one_month: bool = False
    """Only the first month's rows: loads all that is loaded late, and grows the heap as a first report does."""
    to_s3: bool = False
    """To the store that AWS_ENDPOINT_URL_S3 names; nothing goes to the sink then."""


@dataclass(frozen=True, slots=True)
class Generated:
    """`seconds` from the rows' query to the last byte taken; `summary_seconds` of the summary's query before it."""

    rows: int
    seconds: float
    summary_seconds: float


def generate(format_: str, sink: BytesSink, options: EngineOptions) -> Generated:
    """Makes one report, as the worker does after claiming its job."""
    report_type = find_report_type(REPORT_TYPE)
    filters = {"from": "2024-01-01", "to": "2024-01-31"} if options.one_month else {}
    with (
        psycopg.connect(options.database_url, client_encoding="UTF8", prepare_threshold=None) as connection,
        open_snapshot(connection, report_type, TENANT, filters) as snapshot,
    ):
        started = time.perf_counter()
        summary = snapshot.summarize()
        summary_seconds = time.perf_counter() - started
        started = time.perf_counter()
        header = _header(report_type, filters, summary)
        batches = snapshot.batches([column.name for column in header.columns], personal_masked=False)
        if options.to_s3:
            key = _upload(format_, header, batches)
        else:
            _write(format_, header, batches, sink)
        made = Generated(summary.rows, time.perf_counter() - started, summary_seconds)
        if options.to_s3:
            remove_object(s3_client(), BUCKET, key)
        return made


def _header(report_type: ReportType, filters: dict[str, str], summary: Summary) -> ReportHeader:
    content = ReportContent(
        type=report_type.type,
        formats=[],
        filters=filters,
        columns=None,
        locale="en-US",
        time_zone="UTC",
        title=None,
        personal_masked=False,
        options={},
    )
    return compose_header(report_type, content, str(uuid4()), summary, "Demo Bank", decimal_types={})


def _write(format_: str, header: ReportHeader, batches: Iterator[Batch], sink: BytesSink) -> None:
    writer = make_writer(format_, header)
    sink.write(writer.begin())
    for batch in batches:
        sink.write(writer.add(batch))
    sink.write(writer.end())  # raises where not every row came


def _upload(format_: str, header: ReportHeader, batches: Iterator[Batch]) -> str:
    """By way of the worker's own parts. The object is there when this returns its key."""
    clients = Clients(s3_client(), s3_client(asks_once=True))
    target = FileTarget(clients, BUCKET, header.report_id, header.report_id)
    with open_files([format_], header, FormatOptions(), target) as files:
        rows = files.write_rows(batches, lambda _rows: True)
        assert rows is not None
        (stored,) = files.publish(rows).stored
    return stored["object_key"]
