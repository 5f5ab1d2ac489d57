"""Hypothesis strategies for reports with any content that a database can hold.

Cells are strings in the format in which Postgres prints the type. Only data classes are imported from the code under
test.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, get_args
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from resma.i18n.locales import LOCALES
from resma.report.decimal_types import DecimalType
from resma.report.header import Column, Kind, ReportHeader
from resma.report.rows import Batch, Row
from tests.support.generate_kinds import FURTHER_CELLS, Strategies

ZONES = ("UTC", "America/Sao_Paulo", "Asia/Kolkata", "Europe/Berlin", "America/St_Johns", "Pacific/Apia")

# The characters of the Postgres type text: no zero byte and no lone surrogate.
_characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")

_RISKY = (
    "", " ", " a ", '"', '""', "'", "'=1", "=1+1", "+5", "-5", "-5,5", "-x", "@a", "\ta", "\rb", "\n", "\r\n", "a\r",
    ",", ";", "a;b,c", "00123", "0", "12345678901", "123456789012", "1234567890123456789", "٣", "1e5", "NULL", "null",
    "\\N", "\\", "\x01", "\x1f", "\x7f", "\x85", "\u2028", "\ufeff", "\ufffe", "\uffff", "_x0041_", "_x005F_x0041_",
    "_", "&<>]]>", "true", "NaN", "é", "e\u0301", "🧾🇧🇷", "日本語", "עברית", "العربية", "a\u202eb", "2024-01-01",
    "\U0010ffff",
)  # fmt: skip

_strings = st.sampled_from(_RISKY) | st.text(_characters, max_size=12) | st.text("\"',;=+-@\t\r\n01 a_x", max_size=8)

# The heading in a catalog can begin with any character, but contains no control characters.
_headings = st.sampled_from(["Data", "Observação", "=1+1", "-x", "@", "00123", 'a "b"', "a;b,c"]) | st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co", "Zl", "Zp"]), min_size=1, max_size=8
)

_integers = st.integers(-(2**63), 2**63 - 1) | st.integers(-20, 20)


@st.composite
def _numerics(draw: st.DrawFn) -> str:
    """Draws a `numeric` as Postgres prints it: with all digits and without an exponent."""
    unscaled = draw(st.integers(-(10**45), 10**45) | st.integers(-(10**17), 10**17))
    return f"{Decimal(unscaled).scaleb(-draw(st.integers(0, 22))):f}"


_amounts = st.integers(-(10**6), 10**6).map(lambda cents: f"{Decimal(cents).scaleb(-2):f}")

_NOT_FINITE = st.sampled_from(["NaN", "Infinity", "-Infinity"])

_DAYS_2024 = st.dates(date(2024, 1, 1), date(2024, 12, 31)).map(date.isoformat)
# Excel counts days from 1900 or from 1904.
_days = (st.dates() | st.dates(date(1899, 12, 1), date(1904, 1, 5))).map(date.isoformat)
_UNUSUAL_DAYS = st.sampled_from(["infinity", "-infinity", "0044-03-15 BC", "4713-01-01 BC", "10000-01-01"])


@st.composite
def _timestamps(draw: st.DrawFn, zone: ZoneInfo) -> str:
    # Two days from the limits, so that the year has four digits both in the zone and in UTC.
    every = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29))  # noqa: DTZ001  # the zone is set below
    recent = st.datetimes(datetime(1883, 1, 1), datetime(2030, 1, 1))  # noqa: DTZ001
    return print_timestamp(draw(every | recent).replace(tzinfo=UTC).astimezone(zone))


def _timestamps_2024(zone: ZoneInfo) -> st.SearchStrategy[str]:
    whole_seconds = st.integers(1704067200, 1735689599)
    return whole_seconds.map(lambda seconds: print_timestamp(datetime.fromtimestamp(seconds, zone)))


def _unusual_timestamps(zone: ZoneInfo) -> st.SearchStrategy[str]:
    """Draws timestamps beyond the range of `datetime`. The years BC have the same offset as the year 1."""
    early = print_timestamp(datetime(1, 2, 3, 10, 30, 45, tzinfo=zone))
    return st.sampled_from(["infinity", "-infinity", f"{early} BC", f"10{early}"])


def print_timestamp(timestamp: datetime) -> str:
    """Formats a timestamp as Postgres prints a timestamptz: without trailing zeros in the fraction or the offset."""
    text = f"{timestamp:%H:%M:%S}" + (f".{timestamp.microsecond:06d}".rstrip("0") if timestamp.microsecond else "")
    offset = timestamp.utcoffset() or timedelta()
    seconds = abs(int(offset.total_seconds()))
    zone = f"{'-' if offset < timedelta() else '+'}{seconds // 3600:02d}"
    if seconds % 3600:
        zone += f":{seconds // 60 % 60:02d}"
    if seconds % 60:
        zone += f":{seconds % 60:02d}"
    return f"{timestamp.date().isoformat()} {text}{zone}"


_json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(_characters, max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(_characters, max_size=4), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def _jsons(draw: st.DrawFn) -> str:
    """Draws a cell of type json, which keeps its white space, or jsonb."""
    indent = draw(st.sampled_from([None, None, 1]))
    text = json.dumps(draw(_json_values), ensure_ascii=draw(st.booleans()), indent=indent)
    return text.replace("\n", "\r\n") if draw(st.booleans()) else text


def _cells(kind: Kind, zone: ZoneInfo) -> Strategies:
    """Returns strategies for usual cells, for any cells, and for special values such as NaN or infinity."""
    strategies: dict[str, Strategies] = {
        **FURTHER_CELLS,
        "text": (st.sampled_from(["PIX", "Cartão", "BR1245-152799", "a b"]), _strings),
        "integer": (st.integers(0, 9999).map(str), _integers.map(str)),
        "amount": (_amounts, _numerics(), _NOT_FINITE),
        "date": (_DAYS_2024, _days, _UNUSUAL_DAYS),
        "timestamp": (_timestamps_2024(zone), _timestamps(zone), _unusual_timestamps(zone)),
        "json": (st.sampled_from(["{}", '{"a": 1}']), _jsons()),
    }
    return strategies[kind]


@st.composite
def _column(draw: st.DrawFn, kind: Kind, zone: ZoneInfo) -> st.SearchStrategy[str | None]:
    """Draws a strategy for the cells of a column.

    Writers have fast paths for batches with usual cells only or without NULL, so some columns have only such cells,
    and some have few others.
    """
    usual, *others = _cells(kind, zone)
    for other in others:
        if draw(st.integers(0, 2)) == 0:
            usual = draw(st.sampled_from([usual | other, other]))
    return draw(st.sampled_from([usual, st.none() | usual]))


@dataclass(frozen=True)
class GeneratedReport:
    """A report for a test to write."""

    header: ReportHeader
    rows: list[Row]
    batches: list[Batch]
    """The same rows, divided into batches; some batches can be empty."""

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        """Prints what distinguishes this report from others; Hypothesis calls this for a failing example."""
        columns = [(column.kind, column.heading) for column in self.header.columns]
        cuts = [len(batch) for batch in self.batches]
        printer.text(
            f"GeneratedReport({columns}, {self.rows}, {cuts}, {self.header.locale.tag}, {self.header.time_zone})"
        )


@st.composite
def reports(draw: st.DrawFn) -> GeneratedReport:
    """Draws a report."""
    zone = draw(st.sampled_from(ZONES))
    kinds: list[Kind] = draw(st.lists(st.sampled_from(get_args(Kind)), min_size=1, max_size=5))
    cells = [draw(_column(kind, ZoneInfo(zone))) for kind in kinds]
    # Without a minimum size, Hypothesis would make a third of the reports empty.
    rows = draw(st.lists(st.tuples(*cells), min_size=draw(st.sampled_from([4, 2, 1, 0])), max_size=10))
    return make_report(
        kinds,
        rows,
        headings=[draw(_headings) for _ in kinds],
        zone=zone,
        locale=draw(st.sampled_from(sorted(LOCALES))),
        cuts=sorted(draw(st.lists(st.integers(0, len(rows)), max_size=4))),
    )


def make_report(
    kinds: Sequence[Kind],
    rows: Sequence[tuple[str | None, ...]],
    *,
    headings: Sequence[str] | None = None,
    zone: str = "UTC",
    locale: str = "en-US",
    cuts: Sequence[int] = (),
) -> GeneratedReport:
    """Returns a report with these rows, with a new batch at each index in `cuts`.

    The scale of an amount column is the largest scale of its cells.
    """
    scales = [_scale([row[i] for row in rows], kind) for i, kind in enumerate(kinds)]
    columns = tuple(
        Column(
            f"c{i}",
            headings[i] if headings else f"C{i}",
            kind=kind,
            scale=scales[i],
            # As if the report type declared the number of digits that these cells have.
            decimal=DecimalType(38, min(38, scales[i])),
        )
        for i, kind in enumerate(kinds)
    )
    header = ReportHeader(
        report_id="0190-2b",
        title="A report",
        organization="A bank",
        filters=(),
        as_of=datetime(2024, 3, 9, 12, 30, tzinfo=UTC),
        rows=len(rows),
        totals=(),
        charts=(),
        columns=columns,
        locale=LOCALES[locale],
        time_zone=zone,
    )
    encoded: list[Row] = [tuple(None if cell is None else cell.encode() for cell in row) for row in rows]
    bounds = zip([0, *cuts], [*cuts, len(rows)], strict=True)
    return GeneratedReport(header, encoded, [Batch(encoded[start:end]) for start, end in bounds])


def _scale(cells: list[str | None], kind: Kind) -> int:
    """Returns the maximum number of digits after the decimal point, as the snapshot counts them."""
    return max((len((cell or "").partition(".")[2]) for cell in cells), default=0) if kind == "amount" else 0
