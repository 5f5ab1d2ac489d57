"""Small files: account statements of one page, which `make bench` writes by the thousand, without a database."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from resma.catalog import find_report_type
from resma.report.content import ReportContent
from resma.report.format_options import FormatOptions, PdfOptions
from resma.report.header import Balance, Period, ReportHeader, Total
from resma.report.rows import Batch, Row
from resma.report.summary import Summary
from resma.snapshot.compose_header import compose_header
from resma.writers import make_writer

OPTIONS = FormatOptions(pdf=PdfOptions(cover=False))
REPORT_ID = "0199f1c2-7b1e-7c3a-9f57-2b8f6a4d9e10"

MIN_ROWS, MAX_ROWS = 15, 25

_AS_OF = datetime(2026, 11, 2, 3, 0, 0, tzinfo=UTC)
_FIRST_DAY = datetime(2026, 10, 1, 8, 15, 0, tzinfo=UTC)
_TYPES = ("CARD", "TRANSFER", "FEE", "DIRECT_DEBIT", "INTEREST")
_TEXTS = (
    "Compra no débito, padaria São João",
    "Salary October",
    "Miete Oktober, Wohnung 4, Rechnung 2026-10-0417",
    "Monthly fee",
    "Pagamento de boleto: energia elétrica",
    "Transfer to savings (monthly)",
)
_NAMES = ("Ana", "Björn", "Zoë", "João", "Françoise", "Wolfgang", "Xavier", "Quirin", "Inês", "Gaël", "Jürgen", "Kay")
_SURNAMES = (
    "Gonçalves",
    "Vogt",
    "Weiß",
    "Ávila",
    "Yilmaz",
    "Hernández",
    "Krüger",
    "O'Brien",
    "Queiroz",
    "Jansen",
    "Dupré",
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One file to write."""

    header: ReportHeader
    batch: Batch


def statements(count: int, locale: str = "en-GB") -> Iterator[Statement]:
    """Yields statements of different accounts with 15 to 25 rows each. They are the same in every run."""
    for number in range(count):
        rows = list(_rows(number, MIN_ROWS + number * 7 % (MAX_ROWS - MIN_ROWS + 1)))
        yield Statement(_header(number, rows, locale), Batch(rows))


def _party(seed: int) -> str | None:
    return f"{_NAMES[seed % 12]} {_SURNAMES[seed // 12 % 11]}" if seed % 7 else None


def _rows(number: int, count: int) -> Iterator[Row]:
    balance = Decimal(number * 7919 % 1_000_000) / 100
    for at in range(count):
        seed = (number * 31 + at) * 2_654_435_761 % 2**32
        amount = Decimal(seed % 400_000 - 200_000) / 100 if at else Decimal(0)
        balance += amount
        booked = _FIRST_DAY + timedelta(minutes=at * 43_000 // count + seed % 600)
        text, party = (_TEXTS[seed % 6], _party(seed // 6)) if at else (None, None)
        cells = (
            str(seed % 10_000_000 if at else 0),
            f"{booked:%Y-%m-%d %H:%M:%S}+00",
            _TYPES[seed % 5] if at else "OPENING",
            text,
            party,
            "EUR",
            f"{amount:.2f}",
            f"{balance:.2f}",
        )
        yield tuple([None if cell is None else cell.encode() for cell in cells])


def _header(number: int, rows: list[Row], locale: str) -> ReportHeader:
    report_type = find_report_type("ACCOUNT_STATEMENT")
    content = ReportContent(
        type=report_type.type,
        formats=["PDF"],
        filters={"account": f"PT50{number:021}", "from": "2026-10-01", "to": "2026-10-31"},
        columns=None,
        locale=locale,
        time_zone="UTC",
        title=None,
        personal_masked=False,
        options={},
    )
    amounts, balances = ([(row[at] or b"").decode() for row in rows] for at in (6, 7))
    totals = (Total("EUR", len(rows), (sum(map(Decimal, amounts), Decimal(0)),)),)
    summary = Summary(
        as_of=_AS_OF,
        rows=len(rows),
        totals=totals,
        charts=(),
        periods=(Period("2026-10", len(rows), totals),),
        scales={"amount": 2, "balance": 2},
        widths={"type": 12, "description": 50, "counterparty": 30, "currency": 3},
        balance=Balance(balances[0], balances[-1]),
    )
    return compose_header(report_type, content, REPORT_ID, summary, "Nordbank", decimal_types={})


def write_all(format_: str, files: list[Statement]) -> int:
    """Writes and hashes files, as a worker does for the keys of a split report. Returns the sum of their bytes."""
    size = 0
    for each in files:
        writer = make_writer(format_, each.header, OPTIONS)
        data = b"".join((writer.begin(), writer.add(each.batch), writer.end()))
        hashlib.sha256(data).hexdigest()
        size += len(data)
    return size
