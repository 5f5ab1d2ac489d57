"""Formats of numbers, dates and month names for each locale.

The formats are those of the Unicode CLDR. `cldr.json` has them for every locale; `make locales` makes it with Babel.
The functions contain this file instead of Babel, which takes 33 MB and of which nothing else would be used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

Language = str
"""Language of a locale, as in its tag: `en`, `pt`."""

Weekday = Literal["monday", "saturday", "sunday"]
"""Days on which the week starts in some country."""

_CLDR_FILE = Path(__file__).with_name("cldr.json")

BUILT_IN = ("en-US", "en-GB", "pt-BR", "de-DE", "fr-FR", "es-ES", "it-IT", "es-MX", "en-CA", "ja-JP")
"""Tags of the locales of every catalog. resma.toml can add any other locale of the CLDR."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Locale:
    """Formats of one locale. `date` is a pattern of D, M and Y with a separator between them, such as `D/M/Y`."""

    tag: str
    """BCP 47 language tag, such as `pt-BR`."""
    language: Language
    decimal: str
    """Decimal mark: a point or a comma."""
    group: str
    """Separator of thousands."""
    group_sizes: tuple[int, int]
    """Number of digits of the last group, and of the groups before it."""
    min_grouped: int
    """Minimum number of digits before the decimal mark that are grouped: 4, or 5 where 1234 has no separator."""
    date: str
    months: tuple[str, ...]
    short_months: tuple[str, ...]
    month: str
    """Pattern of a month and its year: `{month} {year}`."""
    units: tuple[tuple[int, str], ...]
    """Units of short numbers: the smallest number, and the text after the digits, in ascending order."""
    percent: str
    """Pattern of a percentage: `{}%`."""
    list_separator: str
    """Separator that Excel expects between the fields of a CSV file in this locale."""
    week_starts_on: Weekday
    lcid: str
    """Microsoft's language identifier, in hexadecimal digits; empty if the locale has none."""
    paper: Literal["A4", "Letter"]

    def format_date(self, iso: str) -> str:
        """Returns an ISO date, alone or at the start of a timestamp, in this locale's format.

        Any other string is returned unchanged.

        >>> LOCALES["pt-BR"].format_date("2024-03-09 12:00:00")
        '09/03/2024 12:00:00'
        """
        year, month, day = iso[:4], iso[5:7], iso[8:10]
        if not (iso[4:5] == "-" == iso[7:8] and (year + month + day).isdecimal() and not iso[10:11].isdecimal()):
            return iso
        parts = {"D": day, "M": month, "Y": year}
        return self.date[1].join(parts[letter] for letter in self.date[::2]) + iso[10:]

    def format_number(self, plain: str, *, grouped: bool = True) -> str:
        """Returns a number as Postgres prints it (`-1234.50`) with this locale's separators.

        Any other string is returned unchanged.
        """
        sign, digits = ("-", plain[1:]) if plain.startswith("-") else ("", plain)
        whole, point, fraction = digits.partition(".")
        if not (whole.isdecimal() and whole.isascii() and (not point or fraction.isdecimal())):
            return plain
        if grouped:
            bounds = [None, *self.group_cuts(len(whole)), None]
            whole = self.group.join(whole[start:end] for start, end in pairwise(bounds))
        return f"{sign}{whole}{self.decimal if point else ''}{fraction}"

    def format_count(self, value: int) -> str:
        """Returns a whole number from 0 as `format_number` does, but faster: each page of a PDF has four."""
        if value < 10 ** (self.min_grouped - 1):
            return str(value)
        if self.group_sizes == (3, 3):
            return f"{value:,}".replace(",", self.group)
        return self.format_number(str(value))

    def group_cuts(self, digits: int) -> list[int]:
        """Returns the positions of the separators in a whole number of so many digits, ascending."""
        if digits < self.min_grouped:
            return []
        last, other = self.group_sizes
        return list(range(digits - last, 0, -other))[::-1]

    def month_name(self, month: str, *, short: bool = False) -> str:
        """Returns a month such as `2024-03` in words: `March 2024`, `março 2024`. Any other string is unchanged.

        `short` is for narrow places such as the axes of charts: `Mar 2024`.
        """
        year, _, number = month.rpartition("-")
        if not (year.isdecimal() and number.isdecimal() and 1 <= int(number) <= 12):
            return month
        names = self.short_months if short else self.months
        return self.month.format(month=names[int(number) - 1], year=year)


@cache
def cldr_locale(tag: str) -> Locale | None:
    """Returns a locale of the CLDR by its tag, such as `fr-CA`; None if the CLDR does not have it."""
    language = tag.partition("-")[0]
    formats = _formats_of(language)
    if formats is None or tag not in formats["locales"]:
        return None
    own = {key: value for key, value in formats.items() if key != "locales"} | formats["locales"][tag]
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in own.items()}
    values["units"] = tuple([(limit, unit) for limit, unit in own["units"]])
    return Locale(tag=tag, language=language, **values)


def _formats_of(language: str) -> dict[str, Any] | None:
    """Reads the line of one language. Parsing all 280 languages would take longer than the start of a function may."""
    if not (language.isascii() and language.isalpha()):
        return None
    text = _CLDR_FILE.read_bytes()
    start = text.find(b'\n"%b": ' % language.encode())
    if start < 0:
        return None
    line = text[start + 1 : text.index(b"\n", start + 1)]
    formats: dict[str, Any] = json.loads(line.partition(b": ")[2].removesuffix(b","))
    return formats


def _built_in(tag: str) -> Locale:
    locale = cldr_locale(tag)
    assert locale is not None
    return locale


LOCALES: Mapping[str, Locale] = {tag: _built_in(tag) for tag in BUILT_IN}
"""The built-in locales by tag."""

DEFAULT_LOCALE = LOCALES["en-US"]
