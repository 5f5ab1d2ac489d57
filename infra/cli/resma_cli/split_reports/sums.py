"""Adds up the list of files of a split report, and compares the sums with its manifest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Context, Decimal

from resma_cli.amounts import count
from resma_cli.api_client import Json

_MAX_NUMBERS = 20
"""Maximum number of missing numbers that one problem names."""
_EXACT = Context(prec=10_000, traps=[])
"""Sums are exact: amounts that are not rounded have at most 100 digits. A sum of opposite infinities is NaN."""


@dataclass
class _Sum:
    rows: int = 0
    amounts: dict[str, Decimal] = field(default_factory=dict)
    rounded: set[str] = field(default_factory=set)
    """Amounts that have too many digits to be exact, and are not compared."""

    def add(self, total: Json) -> None:
        self.rows += int(total["rows"])
        for name, amount in total["amounts"].items():
            self.amounts[name] = _EXACT.add(self.amounts.get(name, Decimal(0)), Decimal(str(amount)))
            if "E" in str(amount).upper():
                self.rounded.add(name)


@dataclass
class FormatSums:
    """Sums over the files of one format."""

    numbers: set[int] = field(default_factory=set)
    rows: int = 0
    totals: dict[str | None, _Sum] = field(default_factory=dict)

    def add(self, line: Json) -> None:
        """Adds a line of the list. Raises KeyError, TypeError, ValueError or InvalidOperation if it is not valid."""
        self.numbers.add(int(line["number"]))
        self.rows += int(line["rows"])
        for total in line["totals"]:
            self.totals.setdefault(total["currency"], _Sum()).add(total)


def compare_sums(format_: str, sums: FormatSums, manifest: Json) -> Iterator[str]:
    """Yields what of the files of a format does not add up to the manifest."""
    yield from _compare_numbers(format_, sums.numbers, manifest["keys"])
    if sums.rows != manifest["rows"]:
        yield f"{format_}: the files have {count(sums.rows, 'row')}, and the manifest {manifest['rows']:,}."
    if not manifest.get("totalsOmitted"):
        yield from _compare_totals(format_, sums.totals, manifest["totals"])


def _compare_numbers(format_: str, numbers: set[int], keys: int) -> Iterator[str]:
    missing = []
    for number in range(1, keys + 1):  # it ends soon after the last number of the set
        if number not in numbers:
            missing.append(str(number))
            if len(missing) > _MAX_NUMBERS:
                break
    if missing:
        shown = ", ".join(missing[:_MAX_NUMBERS]) + (" and more" if len(missing) > _MAX_NUMBERS else "")
        yield f"{format_}: the list has no file number {shown}."
    if outside := sum(not 1 <= number <= keys for number in numbers):
        yield f"{format_}: {count(outside, 'number')} of files not from 1 to {keys:,}."


def _compare_totals(format_: str, sums: dict[str | None, _Sum], totals: list[Json]) -> Iterator[str]:
    expected: dict[str | None, _Sum] = {}
    for total in totals:
        expected.setdefault(total["currency"], _Sum()).add(total)
    for currency in sorted({*sums, *expected}, key=str):
        of_currency = "" if currency is None else f" of currency {currency}"
        ours, theirs = sums.get(currency, _Sum()), expected.get(currency, _Sum())
        if ours.rows != theirs.rows:
            yield f"{format_}: the files have {ours.rows:,} rows{of_currency}, and the manifest {theirs.rows:,}."
        for name in sorted({*ours.amounts, *theirs.amounts} - ours.rounded - theirs.rounded):
            in_files, in_manifest = ours.amounts.get(name), theirs.amounts.get(name)
            if not _are_equal(in_files, in_manifest):
                both = f"{_show(in_files)} in the files, and {_show(in_manifest)} in the manifest"
                yield f"{format_}: `{name}`{of_currency} is {both}."


def _are_equal(one: Decimal | None, other: Decimal | None) -> bool:
    if one is None or other is None:
        return one is other
    return one == other or (one.is_nan() and other.is_nan())


def _show(amount: Decimal | None) -> str:
    return "missing" if amount is None else f"{amount:f}"
