"""Files of a report type in all formats, from one snapshot of a database, without the stack."""

from __future__ import annotations

from collections.abc import Set

import psycopg

from resma.catalog import ReportType
from resma.report.rows import Batch
from resma.snapshot.compose_header import compose_header
from resma.snapshot.snapshot import open_snapshot
from resma.writers import EXTENSIONS, make_writer
from tests.support.report_content import plain_content


def render_report(
    url: str, report_type: ReportType, tenant: str = "demo", without: Set[str] = frozenset()
) -> tuple[int, dict[str, bytes]]:
    """Returns the number of rows, and the file of each format by its name, but for the formats in `without`."""
    content = plain_content(report_type.type, EXTENSIONS)
    with psycopg.connect(url) as connection, open_snapshot(connection, report_type, tenant, {}) as snapshot:
        summary = snapshot.summarize()
        types = snapshot.decimal_types()
        header = compose_header(report_type, content, "id", summary, "Traders", decimal_types=types)
        names = [column.name for column in header.columns]
        rows = [row for batch in snapshot.batches(names, personal_masked=False) for row in batch.rows]
    files = {}
    for format_ in EXTENSIONS.keys() - without:
        writer = make_writer(format_, header)
        files[format_] = writer.begin() + writer.add(Batch(rows)) + writer.end()
    return len(rows), files
