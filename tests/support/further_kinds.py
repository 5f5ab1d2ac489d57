"""What files should contain for cells of further kinds: an independent statement of docs/formats.md."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

from resma.i18n.locales import Locale
from resma.i18n.translations import translate

FURTHER_KINDS = frozenset({"float", "boolean", "local_timestamp", "time", "interval", "uuid", "binary"})

_TRUE = {"pt": "VERDADEIRO", "de": "WAHR", "fr": "VRAI", "es": "VERDADERO", "it": "VERO"}
_FALSE = {"pt": "FALSO", "de": "FALSCH", "fr": "FAUX", "es": "FALSO", "it": "FALSO"}
_UNITS = {"Y": "year", "M": "month", "D": "day"}


def is_common_local(cell: str) -> bool:
    """Returns whether a local timestamp is in the years 1 to 9999."""
    return re.match(r"\d{4}-(?!.*BC)", cell) is not None


def interval_in_words(cell: str, locale: Locale) -> str:
    """Returns an interval in the words of the locale."""
    if not cell.startswith("P"):
        return cell
    date, _, clock = cell[1:].partition("T")
    shown = []
    for number, letter in re.findall(r"(-?\d+)([YMD])", date):
        word = _UNITS[letter] if number in {"1", "-1"} else f"{_UNITS[letter]}s"
        shown.append(f"{number} {translate(word, locale.language)}")
    if clock and (clock != "0S" or not shown):
        parts = {letter: number for number, letter in re.findall(r"(-?[\d.]+)([HMS])", clock)}
        hours, minutes = abs(int(parts.get("H", 0))), abs(int(parts.get("M", 0)))
        seconds, mark, fraction = parts.get("S", "0").lstrip("-").partition(".")
        sign = "-" if "-" in clock else ""
        shown.append(f"{sign}{hours}:{minutes:02}:{int(seconds):02}{locale.decimal if mark else ''}{fraction}")
    return " ".join(shown)


def duration(cell: str) -> timedelta | None:
    """Returns the length of an interval without months; None if it has months or is infinite."""
    if not cell.startswith("P"):
        return None
    date, _, clock = cell[1:].partition("T")
    days = {letter: int(number) for number, letter in re.findall(r"(-?\d+)([YMD])", date)}
    if days.keys() - {"D"}:
        return None
    parts = {letter: float(number) for number, letter in re.findall(r"(-?[\d.]+)([HMS])", clock)}
    return timedelta(days.get("D", 0), hours=parts.get("H", 0), minutes=parts.get("M", 0), seconds=parts.get("S", 0))


def in_excel_csv(  # noqa: PLR0911  # one for each kind
    cell: str, kind: str, locale: Locale
) -> str:
    """Returns the field of a CSV file for Excel; a formula `="…"` is text."""
    text = f'="{cell}"'
    if kind == "float":
        if abs(float(cell)) < 1e308:
            return cell.replace(".", locale.decimal)
        return cell if cell in {"NaN", "Infinity"} else text
    if kind == "boolean":
        return (_TRUE if cell == "true" else _FALSE).get(locale.language, cell.upper())
    if kind == "local_timestamp":
        is_date = cell == "infinity" or (is_common_local(cell) and cell >= "1900")
        return re.sub(r"\.\d+", "", cell) if is_date else re.sub(r"(\.\d+)", "", text)
    if kind == "time":
        return text if cell == "24:00:00" else cell[:8]
    if kind == "interval":
        length = duration(cell)
        words = interval_in_words(cell, locale)
        if length is not None and not length.microseconds and timedelta(0) <= length < timedelta(hours=10_000):
            seconds = length.days * 86400 + length.seconds
            return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        return words if words == "infinity" else f'="{words}"'
    return f'="{cell}"' if re.search(r"\d", cell) or cell[0] in "=+-@" else cell


def in_json(cell: str, kind: str) -> Any:
    """Returns the value of a JSON field. Numbers are strings with all digits."""
    if kind == "boolean":
        return cell == "true"
    if kind == "local_timestamp" and ":" in cell and not cell.endswith("BC"):
        return cell.replace(" ", "T")
    return cell


def assert_in_xlsx(value: Any, cell: str, kind: str, locale: Locale) -> None:
    """Asserts that a cell of a workbook has the value."""
    if kind == "float" and cell[-1].isdigit():
        assert isinstance(value, int | float)
        assert float(value) == float(cell)
    elif kind == "boolean":
        assert value is (cell == "true")
    elif kind == "local_timestamp" and is_common_local(cell) and cell >= "1900-03-01":
        assert value == datetime.fromisoformat(cell).replace(microsecond=0), "cut to whole seconds"
    elif kind == "time" and cell != "24:00:00":
        assert value == time.fromisoformat(cell).replace(microsecond=0)
    elif kind == "interval" and (length := duration(cell)) is not None and length >= timedelta(0):
        assert _as_length(value) == length - timedelta(microseconds=length.microseconds), "cut to whole seconds"
    else:
        assert value == (interval_in_words(cell, locale) if kind == "interval" else cell)


def _as_length(value: Any) -> timedelta:
    """Returns a duration as openpyxl reads it."""
    if isinstance(value, time):
        return timedelta(hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond)
    assert isinstance(value, timedelta)
    return value


def on_page(cell: str, kind: str, locale: Locale) -> str:
    """Returns the text of a PDF."""
    if kind == "boolean":
        return translate("Yes" if cell == "true" else "No", locale.language)
    if kind == "float":
        return cell.replace(".", locale.decimal)
    if kind == "interval":
        return interval_in_words(cell, locale)
    if kind == "local_timestamp" and is_common_local(cell):
        parts = {"Y": cell[:4], "M": cell[5:7], "D": cell[8:10]}
        return locale.date[1].join(parts[letter] for letter in locale.date[::2]) + cell[10:]
    return cell


def in_parquet(cell: str, kind: str) -> Any:
    """Returns the value of a Parquet file, with floats as strings, because NaN is not equal to itself."""
    if kind == "float":
        return repr(float(cell))
    if kind == "boolean":
        return cell == "true"
    if kind == "local_timestamp":
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        return (datetime.fromisoformat(cell).replace(tzinfo=UTC) - epoch) // timedelta(microseconds=1)
    if kind == "time":
        return time.fromisoformat(cell)
    if kind == "uuid":
        return UUID(cell)
    return bytes.fromhex(cell[2:]) if kind == "binary" else cell


def parquet_lacks(cell: str, kind: str) -> bool:
    """Returns whether Parquet has no value for a cell."""
    return (kind == "local_timestamp" and not is_common_local(cell)) or (kind == "time" and cell == "24:00:00")
