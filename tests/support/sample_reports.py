"""Headers and rows for tests of writers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from resma.i18n.locales import DEFAULT_LOCALE, Locale
from resma.report.format_options import FormatOptions
from resma.report.header import Column, Kind, ReportHeader, TotalColumn
from resma.report.rows import Batch, Row
from resma.writers import Writer, make_writer
from resma.writers.saved_state import dump_state, load_state

NOT_SHOWN = (TotalColumn("amount", "Amount"),)
"""Totals of an amount whose column is not in the report."""

AS_OF = datetime(2026, 3, 9, 12, 0, 0, tzinfo=UTC)


def header(kinds: Sequence[Kind], rows: int, locale: Locale = DEFAULT_LOCALE, **more: Any) -> ReportHeader:
    """Returns a header with columns c0, c1, ... of these kinds and the headings C0, C1, ..."""
    columns = tuple(Column(name=f"c{i}", heading=f"C{i}", kind=kind) for i, kind in enumerate(kinds))
    return ReportHeader(
        report_id="0199f1c2-7b1e-7c3a-9f57-2b8f6a4d9e10",
        title="Sample",
        organization="Nordbank",
        filters=(),
        as_of=AS_OF,
        rows=rows,
        totals=(),
        total_columns=NOT_SHOWN,
        charts=(),
        columns=columns,
        locale=locale,
        **more,
    )


def rows_of(columns: Sequence[Sequence[str | None]]) -> list[Row]:
    """Converts columns of strings to rows of bytes."""
    return [tuple(None if cell is None else cell.encode() for cell in row) for row in zip(*columns, strict=True)]


def batches(rows: Sequence[Row], size: int) -> Iterator[Batch]:
    """Yields the rows in batches of `size` rows."""
    for start in range(0, len(rows), size):
        yield Batch(rows[start : start + size])


def write(writer: Writer, rows: Sequence[Row], size: int = 3) -> bytes:
    """Writes the rows and returns the complete file."""
    return writer.begin() + b"".join([writer.add(batch) for batch in batches(rows, size)]) + writer.end()


def write_resumed(format_: str, head: ReportHeader, options: FormatOptions, rows: Sequence[Row], size: int) -> bytes:
    """Returns the whole file. Each batch is written by a new writer that resumes from the saved state."""
    writer = make_writer(format_, head, options)
    out = [writer.begin()]
    for batch in batches(rows, size):
        saved = dump_state(writer.state)
        writer = make_writer(format_, head, options)
        writer.state = load_state(saved, writer.state)
        out.append(writer.add(batch))
    return b"".join([*out, writer.end()])
