"""Proves that the files of a split report add up to the report: each key has a file, and each row is in one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal

from resma.errors import ManifestMismatchError
from resma.report.records import TotalRecord
from resma.short_text import counted
from worker.split.file_rows import FileRow

_EXACT = Context(prec=1000, traps=[])
"""Sums are exact, because amounts that are not rounded have at most 100 digits. A sum of infinities is NaN."""

_ZERO = Decimal(0)


@dataclass(frozen=True)
class ReportSums:
    """What the files of each format must add up to: the summary of the report's snapshot."""

    keys: int
    rows: int
    totals: Sequence[TotalRecord]
    are_totals_complete: bool
    """Whether `totals` has all currencies. If not, totals are not compared, because files omit other currencies."""


@dataclass(slots=True)
class _Sum:
    rows: int = 0
    amounts: dict[str, Decimal] = field(default_factory=dict)
    rounded: frozenset[str] = frozenset()
    """Names of amounts that cannot be compared, because one of them has too many digits (`show_amount`)."""

    def add(self, total: TotalRecord) -> None:
        self.rows += total["rows"]
        for name, amount in total["amounts"].items():
            self.amounts[name] = _EXACT.add(self.amounts.get(name, _ZERO), Decimal(amount))
            if "E" in amount:
                self.rounded |= {name}


class FormatProof:
    """Adds up the files of one format in the order of their numbers. Memory does not depend on their number."""

    def __init__(self, format_: str, report: ReportSums) -> None:
        self._format = format_
        self._report = report
        self._expected = _sums(report.totals)
        self._sums = {currency: _Sum() for currency in self._expected}
        self._missing: int | None = None
        self.files = 0
        self.rows = 0

    def add(self, file: FileRow) -> None:
        """Adds a file. Raises ManifestMismatchError if it has a currency that the report does not have."""
        self.files += 1
        if file.number != self.files and self._missing is None:
            self._missing = self.files
        self.rows += file.rows
        if not self._report.are_totals_complete:
            return
        for total in file.totals:
            found = self._sums.get(total["currency"])
            if found is None:
                raise ManifestMismatchError(
                    f"{self._format}: file {file.number} has {counted(total['rows'], 'row')} of currency "
                    f"{total['currency']}, and the report has 0."
                )
            found.add(total)

    def check(self) -> None:
        """Raises ManifestMismatchError, with both numbers, if the files do not add up to the report."""
        report = self._report
        if self.files != report.keys or self._missing is not None:
            missing = "" if self._missing is None else f" There is no file number {self._missing}."
            raise ManifestMismatchError(
                f"{self._format}: there are {counted(self.files, 'file')} for {counted(report.keys, 'key')}.{missing}"
            )
        self._require_equal("rows", self.rows, report.rows)
        if not report.are_totals_complete:
            return
        for currency, expected in self._expected.items():
            found = self._sums[currency]
            of_currency = "" if currency is None else f" of currency {currency}"
            self._require_equal(f"rows{of_currency}", found.rows, expected.rows)
            for name in sorted({*expected.amounts, *found.amounts} - expected.rounded - found.rounded):
                self._require_same_amount(f"`{name}`{of_currency}", found.amounts.get(name), expected.amounts.get(name))

    def _require_equal(self, subject: str, found: int, expected: int) -> None:
        if found != expected:
            raise ManifestMismatchError(
                f"{self._format}: the files have {found:,} {subject}, and the report has {expected:,}."
            )

    def _require_same_amount(self, subject: str, found: Decimal | None, expected: Decimal | None) -> None:
        if _are_equal(found, expected):
            return
        raise ManifestMismatchError(
            f"{self._format}: {subject} is {_show(found)} in the files, and {_show(expected)} in the report."
        )


def _sums(totals: Sequence[TotalRecord]) -> dict[str | None, _Sum]:
    """Returns totals by currency. Long names of several currencies may have been shortened to the same name."""
    sums: dict[str | None, _Sum] = {}
    for total in totals:
        sums.setdefault(total["currency"], _Sum()).add(total)
    return sums


def _are_equal(found: Decimal | None, expected: Decimal | None) -> bool:
    if found is None or expected is None:
        return found is expected
    return found == expected or (found.is_nan() and expected.is_nan())


def _show(amount: Decimal | None) -> str:
    return "missing" if amount is None else f"{amount:f}"
