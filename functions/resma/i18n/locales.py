"""Formats of numbers, dates and month names for each supported locale.

The formats are those of the Unicode CLDR; a test compares each with Babel's copy of the CLDR. The functions contain
these few lines instead of Babel, which takes 33 MB and of which nothing else would be used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Language = Literal["en", "pt", "de"]

LocaleTag = Literal["en-US", "en-GB", "pt-BR", "de-DE"]
"""Keys of `LOCALES`, for type hints."""

Weekday = Literal["monday", "saturday", "sunday"]
"""Days on which the week starts in some country."""

_MONTHS: dict[Language, tuple[str, ...]] = {
    "en": ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December"),
    "pt": ("janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro", "outubro",
           "novembro", "dezembro"),
    "de": ("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober",
           "November", "Dezember"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Locale:
    """Formats of one locale. `date` is a pattern of D, M and Y with a separator between them, such as `D/M/Y`."""

    tag: str
    """BCP 47 language tag, such as `pt-BR`."""
    language: Language
    decimal: str
    group: str
    date: str
    list_separator: str
    """Separator that Excel expects between the fields of a CSV file in this locale."""
    week_starts_on: Weekday

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
            first = len(whole) % 3 or 3
            whole = self.group.join([whole[:first], *(whole[i : i + 3] for i in range(first, len(whole), 3))])
        return f"{sign}{whole}{self.decimal if point else ''}{fraction}"

    def month_name(self, month: str) -> str:
        """Returns a month such as `2024-03` in words: `March 2024`, `março 2024`. Any other string is unchanged."""
        year, _, number = month.rpartition("-")
        if not (year.isdecimal() and number.isdecimal() and 1 <= int(number) <= 12):
            return month
        return f"{_MONTHS[self.language][int(number) - 1]} {year}"


LOCALES: dict[str, Locale] = {
    locale.tag: locale
    for locale in (
        Locale("en-US", "en", ".", ",", "M/D/Y", ",", "sunday"),
        Locale("en-GB", "en", ".", ",", "D/M/Y", ",", "monday"),
        Locale("pt-BR", "pt", ",", ".", "D/M/Y", ";", "sunday"),
        Locale("de-DE", "de", ",", ".", "D.M.Y", ";", "monday"),
    )
}

DEFAULT_LOCALE = LOCALES["en-US"]
