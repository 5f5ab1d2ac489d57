"""The engine as the worker drives it: snapshot, header, writer, sink. The one place here that knows how."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4

import psycopg

from resma.aws import s3_client
from resma.catalogue import ReportType, find_report_type
from resma.header import Column, ReportHeader
from resma.multipart import Clients, MultipartUpload, open_upload
from resma.snapshot import open_snapshot
from resma.summary import Summary
from resma.writers import make_writer
from tests.bench.source import REPORT_TYPE, TENANT

WITHOUT_SUMMARY = frozenset({"CSV", "NDJSON"})
"""Formats that no number of the summary gets into: their clock starts with the rows' query.

PDF and XLSX print totals and charts, and Parquet's type of an amount is as wide as the summary says.
"""

BUCKET = "bench"

gc.set_threshold(50_000, 20, 20)  # as worker.app does


class BytesSink(Protocol):
    """Whatever takes bytes in order: one that discards, or an upload."""

    def write(self, data: bytes) -> object:
        """Takes the next bytes."""
        ...


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Which database, which of its rows, and whether to an object store."""

    database_url: str
    one_day: bool = False
    """Only the first day's rows: loads all that is loaded late."""
    to_s3: bool = False
    """To the store that AWS_ENDPOINT_URL_S3 names; the sink then only counts."""


@dataclass(frozen=True, slots=True)
class Generated:
    """`seconds` from the first query that the file needs to the last byte taken; `summary_seconds` the summary's."""

    rows: int
    seconds: float
    summary_seconds: float


def generate(format_: str, sink: BytesSink, options: EngineOptions) -> Generated:
    """Makes one report, as the worker does after claiming its job."""
    report_type = find_report_type(REPORT_TYPE)
    filters = {"from": "2024-01-01", "to": "2024-01-01"} if options.one_day else {}
    with (
        psycopg.connect(options.database_url, client_encoding="UTF8", prepare_threshold=None) as connection,
        open_snapshot(connection, report_type, TENANT, filters) as snapshot,
    ):
        started = time.perf_counter()
        summary = snapshot.summarise()
        summary_seconds = time.perf_counter() - started
        header = _header(report_type, summary)
        writer = make_writer(format_, header)
        with _destination(sink, writer.media_type, options) as destination:
            if format_ in WITHOUT_SUMMARY:
                started = time.perf_counter()
            destination.write(writer.begin())
            for batch in snapshot.batches([column.name for column in header.columns]):
                destination.write(writer.add(batch))
            destination.write(writer.end())
            destination.finish()
            return Generated(summary.rows, time.perf_counter() - started, summary_seconds)


@dataclass(frozen=True, slots=True)
class _Discarding:
    sink: BytesSink

    def write(self, data: bytes) -> None:
        self.sink.write(data)

    def finish(self) -> None:
        """The last byte was handed over."""


@dataclass(frozen=True, slots=True)
class _Uploading:
    upload: MultipartUpload

    def write(self, data: bytes) -> None:
        self.upload.write(data)

    def finish(self) -> None:
        """The last part and the completion are acknowledged."""
        self.upload.complete()


@contextlib.contextmanager
def _destination(sink: BytesSink, media_type: str, options: EngineOptions) -> Iterator[_Discarding | _Uploading]:
    if not options.to_s3:
        yield _Discarding(sink)
        return
    key = str(uuid4())
    clients = Clients(s3_client(), s3_client(asks_once=True))
    with open_upload(clients, BUCKET, key, media_type=media_type, owner=key) as upload:
        yield _Uploading(upload)
    clients.patient.delete_object(Bucket=BUCKET, Key=key)


def _header(report_type: ReportType, summary: Summary) -> ReportHeader:
    return ReportHeader(
        report_id=str(uuid4()),
        title=report_type.title.say("en"),
        organisation="Demo Bank",
        filters=(),
        as_of=summary.as_of,
        rows=summary.rows,
        totals=summary.totals,
        charts=summary.charts,
        columns=tuple(
            Column(
                name=spec.name,
                heading=spec.heading.say("en"),
                kind=spec.kind,
                width=spec.width,
                align=spec.align,
                wrap=spec.format == "wrap",
                grouped=spec.format == "grouped",
                scale=max(spec.decimals, summary.scales.get(spec.name, 0)),
            )
            for spec in report_type.columns
        ),
        periods=summary.periods,
        balance=summary.balance,
        orientation=report_type.orientation,
    )
