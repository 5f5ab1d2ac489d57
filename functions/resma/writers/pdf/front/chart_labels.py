"""Numbers and labels of charts: scales, short numbers, names of months, largest categories."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from math import ceil, floor, isfinite, log10

from resma.i18n.locales import DEFAULT_LOCALE, Locale
from resma.report.chart_months import is_first_month, year_of


def finite(values: Sequence[Decimal]) -> list[float]:
    """Converts values to floats for the drawing library. Values that cannot be drawn (NaN, Infinity) become zero.

    So do values whose products and quotients would leave the range of floats.
    """
    floats = [float(value) if value.is_finite() else 0.0 for value in values]
    return [value if isfinite(value) and 1e-250 < abs(value) < 1e250 else 0.0 for value in floats]


def scale(low: float, high: float, intervals: int) -> tuple[float, float, float]:
    """Returns minimum, maximum and step of an axis that includes zero, `low` and `high`.

    The step is 1, 2 or 5 times a power of ten, for about as many intervals.
    """
    low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        return 0.0, 1.0, 1.0
    rough = (high - low) / intervals
    power = 10.0 ** floor(log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
    return floor(low / step + 1e-9) * step, ceil(high / step - 1e-9) * step, step


def short_number(value: float, locale: Locale = DEFAULT_LOCALE) -> str:
    """Returns a short number for axes and bars: `950`, `12.5k`, `1.2M`, `3B`, or `12,5 Mio.` in German."""
    size = abs(value)
    text, unit = f"{value:.0f}" if value == round(value) or size >= 100 else f"{value:.2g}", ""
    if size >= 1e15:
        text = f"{value:.1e}".replace("e+", "e")
    else:
        for limit, name in locale.units:
            if size >= limit * 0.9995:
                scaled = value / limit
                text, unit = f"{scaled:.0f}" if abs(scaled) >= 99.95 else f"{scaled:.1f}".removesuffix(".0"), name
    return text.replace(".", locale.decimal) + unit


def percentage(part: float, locale: Locale) -> str:
    """Returns a percentage such as `12.5%`; in German and French with a space."""
    return locale.percent.format(f"{100 * part:.1f}".replace(".", locale.decimal))


def month_labels(labels: Sequence[str], width: float, locale: Locale) -> list[tuple[int, str]]:
    """Returns index and name of the months that are labeled on the axis.

    As many months are labeled as fit; of more than 48 months only years are.
    """
    if len(labels) > 48:
        years = [(i, year_of(label)) for i, label in enumerate(labels) if is_first_month(label)]
        every = ceil(len(years) / max(1.0, width / 26)) if years else 1
        return years[::every]
    every = ceil(len(labels) / max(1.0, width / 34))
    return [(i, locale.month_name(label, short=True)) for i, label in enumerate(labels) if i % every == 0]


def top_categories(
    labels: Sequence[str],
    values: Sequence[float],
    max_categories: int,
    other: str = "Other",
    further: tuple[int, float] = (0, 0.0),
) -> list[tuple[str, float]]:
    """Returns the categories with the largest absolute values, at most `max_categories`.

    If there are more, the last one is the sum of all others. `further` is the number of categories that are not in
    `labels`, and their sum.
    """
    pairs = sorted(zip(labels, values, strict=True), key=lambda pair: -abs(pair[1]))
    omitted, rest = further
    count = len(pairs) if len(pairs) <= max_categories and not omitted else max(1, max_categories - 1)
    largest = sorted(pairs[:count], key=lambda pair: -pair[1])
    if not (others := omitted + len(pairs[count:])):
        return largest
    return [*largest, (f"{other} ({others})", sum((value for _, value in pairs[count:]), rest))]
