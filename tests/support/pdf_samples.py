"""Headers and rows for tests of the PDF writer."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from resma.i18n.locales import LOCALES
from resma.report.format_options import FormatOptions, PdfOptions
from resma.report.header import Column, Period, ReportHeader, Total, TotalColumn
from resma.report.rows import Batch
from resma.report.rows import Row as BytesRow
from resma.writers.pdf import make_pdf_writer
from resma.writers.pdf.writer import PdfWriter

COLUMNS = (
    Column(name="id", heading="Transaction", kind="integer", width=0.9, align="right"),
    Column(name="booked_at", heading="Booked at", kind="timestamp", width=1.2),
    Column(name="memo", heading="Memo", width=2.5),
    Column(name="counterparty", heading="Counterparty", width=1.6),
    Column(name="amount", heading="Amount", kind="amount", width=1.3, align="right", grouped=True),
)

Row = tuple[str | None, ...]
"""The cells of a row as strings, with None for NULL."""


def header(rows: int, **changes: object) -> ReportHeader:
    whole = ReportHeader(
        report_id="0199f1c2-7b1e-7c3a-9f57-2b8f6a4d9e10",
        title="Account transactions",
        organization="Nordbank",
        filters=(("Period", "2024"), ("Status", "posted")),
        as_of=datetime(2025, 7, 1, 6, 30, 5, tzinfo=UTC),
        rows=rows,
        totals=(Total("EUR", rows, (Decimal("1234567.89"),)),),
        charts=(),
        columns=COLUMNS,
        locale=LOCALES["en-GB"],
        total_columns=(TotalColumn("amount", "Valor", 4),),
    )
    return replace(whole, **changes)  # type: ignore[arg-type]  # a test's shorthand


def make(head: ReportHeader, **options: object) -> PdfWriter:
    return make_pdf_writer(head, FormatOptions(pdf=PdfOptions(**options)))  # type: ignore[arg-type]  # a test's shorthand


def pdf(head: ReportHeader, rows: Sequence[Row], sizes: Iterator[int] | None = None, **options: object) -> bytes:
    """Returns the file. Its rows are written in batches of the given sizes, or in one batch."""
    writer = make(head, **options)
    parts = [writer.begin()]
    at = 0
    while at < len(rows):
        size = next(sizes) if sizes else len(rows)
        some = rows[at : at + size]
        parts.append(writer.add(batch(some)))
        at += size
    return b"".join([*parts, writer.end()])


def batch(rows: Sequence[Row]) -> Batch:
    """Encodes rows as a batch of bytes, as read from Postgres."""
    encoded: list[BytesRow] = [tuple(None if cell is None else cell.encode("utf-8") for cell in row) for row in rows]
    return Batch(encoded)


def periods(rows: Sequence[Row], length: int = len("2024-03"), *, amount: int = 4) -> tuple[Period, ...]:
    """Returns the periods of rows that are sorted by their second cell, with totals as the database computes them."""
    found: list[Period] = []
    for row in rows:
        label = row[1][:length] if row[1] else None
        if not found or found[-1].label != label:
            found.append(Period(label, 0, (Total("EUR", 0, (Decimal(0),)),)))
        last, total = found[-1], found[-1].totals[0]
        money = total.amounts[0] + Decimal(row[amount] or 0)
        found[-1] = Period(label, last.rows + 1, (Total("EUR", total.rows + 1, (money,)),))
    return tuple(found)


def plain(count: int, *, minutes: int = 7000) -> list[Row]:
    """Returns rows of ordinary text in chronological order."""
    rng = random.Random(5)
    start = datetime(2024, 1, 1, tzinfo=UTC).timestamp()
    rows: list[Row] = []
    for i in range(count):
        when = datetime.fromtimestamp(start + i * 60 * minutes, UTC)
        cents = rng.randrange(-(10**9), 10**9)
        rows.append(
            (
                str(100_000 + i),
                f"{when:%Y-%m-%d %H:%M:%S}+00",
                rng.choice(("Invoice 17", "Müller & Söhne", "a (b) \\ c", "Rent")) + f" {i}",
                None if i % 17 == 3 else rng.choice(("Acme", "O'Brien", "Société Générale")),
                f"{Decimal(cents) / 100:.2f}",
            )
        )
    return rows
