"""Rows a second, bytes and peak memory of the PDF writer alone: `python tests/bench/pdf_writer.py [rows]`.

The batches are made once and given again and again, so that only the writer is measured.
"""

from __future__ import annotations

import random
import resource
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "functions"))

from resma.catalogue import Column
from resma.header import Chart, ReportHeader, Series, Total
from resma.rows import Batch
from resma.writers.pdf import PdfWriter

COLUMNS = (
    Column(name="id", heading="Transaction", kind="integer", width=0.8, align="right"),
    Column(name="booked_at", heading="Booked at (UTC)", kind="timestamp", width=1.15),
    Column(name="account", heading="Account", width=1.45),
    Column(name="type", heading="Type", width=0.85),
    Column(name="status", heading="Status", width=0.7),
    Column(name="description", heading="Description", width=2.2),
    Column(name="counterparty", heading="Counterparty", width=1.7),
    Column(name="currency", heading="Currency", width=0.6),
    Column(name="amount", heading="Amount", kind="amount", width=1.2, align="right"),
)

_START = datetime(2024, 1, 1, 0, 0, 3, tzinfo=UTC)
_TYPES = ("card_payment", "transfer_in", "transfer_out", "direct_debit", "fee", "interest", "cash_withdrawal")
_NAMES = (
    "Müller & Söhne GmbH",
    "Société Générale",
    "Acme Ltd",
    "Ferrovie Nord S.p.A.",
    "Kowalski Sp. z o.o.",
    "Nordic Energy AS",
    "O'Brien Consulting",
    "Pharmacy (Central)",
    "Banco de España",
    "City Parking",
)
BATCHES = int(__import__("os").environ.get("B", "100"))
_WORDS = ("Invoice", "Order", "Salary", "Rent", "Subscription", "Refund", "Top-up", "Settlement")


def batch(first: int, rows: int, every_seconds: float) -> Batch:
    """Rows from number `first` on; the same for the same arguments."""
    rng = random.Random(first)
    numbers = range(first, first + rows)
    when = [f"{_START + timedelta(seconds=int(i * every_seconds)):%Y-%m-%d %H:%M:%S}+00" for i in numbers]
    return Batch(
        (
            [str(1_000_000 + i) for i in numbers],
            when,
            [f"DE{rng.randrange(10**20):020d}" for _ in numbers],
            rng.choices(_TYPES, k=rows),
            rng.choices(("posted", "pending", "reversed"), (90, 7, 3), k=rows),
            [f"{rng.choice(_WORDS)} {rng.randrange(10**7)} ref {rng.randrange(16**6):06x}" for _ in numbers],
            [rng.choice(_NAMES) if rng.random() < 0.95 else None for _ in numbers],
            rng.choices(("EUR", "USD", "GBP", "CHF"), (6, 2, 1, 1), k=rows),
            [f"{rng.choice((1, 1, -1)) * 10 ** rng.uniform(0, 6.5):.2f}" for _ in numbers],
        ),
        rows,
    )


def header(rows: int) -> ReportHeader:
    months = tuple(f"{2024 + i // 12}-{i % 12 + 1:02d}" for i in range(18))
    rng = random.Random(1)

    def amounts(name: str, scale: int, count: int) -> Series:
        return Series(name, tuple(Decimal(rng.randrange(scale // 2, scale)) for _ in range(count)))

    return ReportHeader(
        report_id="0199f1c2-7b1e-7c3a-9f57-2b8f6a4d9e10",
        title="Account transactions",
        organisation="Nordbank Aktiengesellschaft",
        filters=(("Period", "2024-01-01 to 2025-06-30"), ("Status", "posted, pending, reversed")),
        as_of=datetime(2025, 7, 1, 6, 30, tzinfo=UTC),
        rows=rows,
        totals=tuple(
            Total(c, rows // 4, Decimal("81234567.89") * (i + 1)) for i, c in enumerate(("EUR", "USD", "GBP", "CHF"))
        ),
        charts=(
            Chart(
                "Amount by month",
                "time",
                "amount",
                months,
                tuple(amounts(c, 4_000_000 // (i + 1), 18) for i, c in enumerate(("EUR", "USD", "GBP", "CHF"))),
            ),
            Chart(
                "Amount by type", "bars", "amount", _TYPES, (amounts("EUR", 9_000_000, 7), amounts("USD", 3_000_000, 7))
            ),
            Chart(
                "Rows by status",
                "share",
                "rows",
                ("posted", "pending", "reversed"),
                (Series("rows", (Decimal(450000), Decimal(35000), Decimal(15000))),),
            ),
        ),
        columns=COLUMNS,
        period_column=1,
    )


def repeated(batches: list[Batch], rows: int) -> Iterator[Batch]:
    """So many rows, the batches over and over."""
    while rows > 0:
        for each in batches:
            if rows <= 0:
                return
            yield each if rows >= each.rows else Batch(tuple(c[:rows] for c in each.columns), rows)
            rows -= each.rows


def main(rows: int, target: Path | None) -> None:
    batches = [batch(i * 5000, 5000, 50_000_000 / max(rows, 1)) for i in range(min(BATCHES, -(-rows // 5000)))]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    writer = PdfWriter(header(rows))
    size = 0
    with (target or Path("/dev/null")).open("wb") as file:
        size += file.write(writer.begin())
        begun = time.perf_counter()
        for each in repeated(batches, rows):
            size += file.write(writer.add(each))
        added = time.perf_counter()
        size += file.write(writer.end())
    ended = time.perf_counter()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"{rows:,} rows: begin {begun - started:.2f} s, add {added - begun:.2f} s, end {ended - added:.2f} s")
    print(f"{rows / (added - begun):,.0f} rows/s, {size:,} bytes, peak memory grew by {grown / 1024:.1f} MiB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500_000, Path(sys.argv[2]) if len(sys.argv) > 2 else None)
