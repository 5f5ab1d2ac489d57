"""Generates one report as the worker does, in one format after another, and prints the peak memory of each run.

Usage: python -m tests.support.peak_of_report CASE, with a `PeakCase` as JSON. RESMA_PEAK_DATABASE_URL is the URL of the
database, AWS_ENDPOINT_URL_S3 that of the object store. Prints one line of JSON.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import psycopg

import worker.app  # noqa: F401  # loads a worker's modules and its settings of the garbage collector
from resma.aws.clients import dynamodb_client, events_client, s3_client, sns_client, sqs_client
from resma.catalog import ReportType
from resma.errors import ResmaError
from resma.report.format_options import FormatOptions
from resma.snapshot.compose_header import compose_header
from resma.snapshot.snapshot import open_snapshot
from resma.storage.object_store import Clients
from tests.support.report_content import plain_content
from worker.file_set import FileTarget, open_files
from worker.peak_memory import peak_rss_mb, reset_peak

DATABASE_URL = "RESMA_PEAK_DATABASE_URL"
BUCKET = "peaks"


@dataclass(frozen=True)
class PeakCase:
    """A report to generate. `columns` has the kind of each column. `CSV+PDF` in `formats` means two files."""

    query: str
    columns: dict[str, str]
    formats: list[str]
    sort: list[str]
    more: dict[str, Any] = field(default_factory=dict)
    """Other keys of report.toml: charts, totals, period."""
    wrap: list[str] = field(default_factory=list)

    def report_type(self) -> ReportType:
        """Returns the report type that a report.toml and a query.sql for this case would define."""
        columns = [
            {"name": name, "heading": "x", "kind": kind, "wrap": name in self.wrap}
            for name, kind in self.columns.items()
        ]
        return ReportType.model_validate(
            {
                "type": "PEAK",
                "title": "x",
                "file_name": "peak",
                "columns": columns,
                "sort": self.sort,
                "query": f"SELECT * FROM ({self.query.replace('%', '%%')}) AS q WHERE %(tenant_id)s = 'demo'",
                **self.more,
            }
        )


def make(case: PeakCase, formats: list[str]) -> dict[str, Any]:
    """Generates the report once. Returns the peak memory with the number of rows, or with the error's fields."""
    report_type = case.report_type()
    reset_peak()
    try:
        rows = _write(report_type, formats)
    except ResmaError as error:
        location = {name: getattr(error, name, None) for name in ("column", "row")}
        return {"error": error.code, "detail": str(error), **location, "peak_mb": peak_rss_mb()}
    return {"rows": rows, "peak_mb": peak_rss_mb()}


def _write(report_type: ReportType, formats: list[str]) -> int:
    content = plain_content(report_type.type, formats)
    clients = Clients(s3_client(), s3_client(retries=False))
    with (
        psycopg.connect(os.environ[DATABASE_URL], client_encoding="UTF8", prepare_threshold=None) as connection,
        open_snapshot(connection, report_type, "demo", {}) as snapshot,
    ):
        header = compose_header(report_type, content, str(uuid4()), snapshot.summarize(), "Bank", decimal_types={})
        target = FileTarget(clients, BUCKET, header.report_id, header.report_id)
        batches = snapshot.batches([column.name for column in header.columns], personal_masked=False)
        with open_files(formats, header, FormatOptions(), target) as files:
            rows = files.write_rows(batches, lambda _rows: True)
            assert rows is not None
            files.publish(rows)
        return rows


if __name__ == "__main__":
    for create_client in (dynamodb_client, sqs_client, sns_client, events_client):  # a worker has them beside S3's
        create_client()
    case = PeakCase(**json.loads(sys.argv[1]))
    made = {}
    for each in case.formats:
        made[each] = make(case, each.split("+"))
        gc.collect()
    sys.stdout.write(json.dumps(made) + "\n")
