"""Runs the report engine as the worker does: snapshot, header, writer, sink."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol
from uuid import uuid4

import psycopg

import worker.app  # noqa: F401  # for the memory of a worker's process, and its garbage collection settings
from resma.aws.clients import s3_client
from resma.catalog import ReportType, find_report_type
from resma.encryption.pdf_keys import make_pdf_key
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
    """An object to which bytes can be written in order."""

    def write(self, data: bytes) -> object:
        """Writes the next bytes."""
        ...


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """The database to read, the rows to select, and whether to upload the file."""

    database_url: str
    one_month: bool = False
    """Selects only the first month's rows, to warm up: this loads lazy imports and grows the heap."""
    to_s3: bool = False
    """Uploads to the store at AWS_ENDPOINT_URL_S3, instead of writing to the sink."""
    encrypted: bool = False
    """Encrypts a PDF with a password."""


@dataclass(frozen=True, slots=True)
class Generated:
    """A generated report, with the seconds from the rows' query to the last byte, and those of the summary's query."""

    rows: int
    seconds: float
    summary_seconds: float


def generate(format_: str, sink: BytesSink, options: EngineOptions) -> Generated:
    """Generates one report, as the worker does after it has claimed the job."""
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
        if options.encrypted:
            header = replace(header, pdf_key=make_pdf_key("password of the benchmark"))
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
    sink.write(writer.end())  # raises if rows are missing


def _upload(format_: str, header: ReportHeader, batches: Iterator[Batch]) -> str:
    """Uploads the file with the worker's own modules; returns the key of the object."""
    clients = Clients(s3_client(), s3_client(retries=False))
    target = FileTarget(clients, BUCKET, header.report_id, header.report_id)
    with open_files([format_], header, FormatOptions(), target) as files:
        rows = files.write_rows(batches, lambda _rows: True)
        assert rows is not None
        (stored,) = files.publish(rows).stored
    return stored["object_key"]
