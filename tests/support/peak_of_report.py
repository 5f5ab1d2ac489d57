"""A process that makes one report as the worker does, again and again in other formats, and says what it took.

Usage: python -m tests.support.peak_of_report ORDER, with an `Order` as JSON. The database is
RESMA_PEAK_DATABASE_URL, the store that of AWS_ENDPOINT_URL_S3. Prints one line of JSON.
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

import worker.app  # noqa: F401  # what a worker's process holds, and how often it collects garbage
from resma.aws.clients import s3_client
from resma.catalog import ReportType
from resma.errors import ResmaError
from resma.report.content import ReportContent
from resma.report.format_options import FormatOptions
from resma.snapshot.compose_header import compose_header
from resma.snapshot.snapshot import open_snapshot
from resma.storage.object_store import Clients
from worker.file_set import FileTarget, open_files
from worker.peak_memory import peak_rss_mb, reset_peak

DATABASE_URL = "RESMA_PEAK_DATABASE_URL"
BUCKET = "peaks"


@dataclass(frozen=True)
class Order:
    """What to make. `columns` are kinds by name; `formats` like `CSV`, or `CSV+PDF` for two files of one report."""

    query: str
    columns: dict[str, str]
    formats: list[str]
    sort: list[str]
    more: dict[str, Any] = field(default_factory=dict)
    """Further keys of report.toml: charts, totals, period."""
    wrap: list[str] = field(default_factory=list)

    def report_type(self) -> ReportType:
        """The report type that report.toml and query.sql of this order would describe."""
        said = {"en": "x", "pt": "x"}
        columns = [
            {"name": name, "heading": said, "kind": kind, **({"format": "wrap"} if name in self.wrap else {})}
            for name, kind in self.columns.items()
        ]
        return ReportType.model_validate(
            {
                "type": "PEAK",
                "title": said,
                "description": said,
                "file_name": "peak",
                "columns": columns,
                "sort": self.sort,
                "query": f"SELECT * FROM ({self.query.replace('%', '%%')}) AS q WHERE %(tenant_id)s = 'demo'",
                **self.more,
            }
        )


def make(order: Order, formats: list[str]) -> dict[str, Any]:
    """Makes the report once. Says its rows, or the error's code, column and row."""
    report_type = order.report_type()
    reset_peak()
    try:
        rows = _write(report_type, formats)
    except ResmaError as error:
        place = {name: getattr(error, name, None) for name in ("column", "row")}
        return {"error": error.code, "detail": str(error), **place, "peak_mb": peak_rss_mb()}
    return {"rows": rows, "peak_mb": peak_rss_mb()}


def _write(report_type: ReportType, formats: list[str]) -> int:
    content = ReportContent(
        type=report_type.type,
        formats=formats,
        filters={},
        columns=None,
        locale="en-US",
        time_zone="UTC",
        title=None,
        personal_masked=False,
        options={},
    )
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
    wanted = Order(**json.loads(sys.argv[1]))
    made = {}
    for each in wanted.formats:
        made[each] = make(wanted, each.split("+"))
        gc.collect()
    sys.stdout.write(json.dumps(made) + "\n")
