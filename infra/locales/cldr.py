"""Formats of every locale of the Unicode CLDR that Resma can use, read from Babel's copy of the CLDR.

Numbers have the digits 0 to 9 and dates are Gregorian in every locale, because files must be readable by programs too.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from locale import windows_locale
from typing import Any

import babel
from babel import localedata

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_MIN_GROUPED_5 = frozenset(
    {
        "be-BY",
        "bg-BG",
        "ee-GH",
        "ee-TG",
        "es-EA",
        "es-ES",
        "es-GQ",
        "es-IC",
        "es-PH",
        "et-EE",
        "hu-HU",
        "hy-AM",
        "it-CH",
        "it-IT",
        "it-SM",
        "it-VA",
        "ka-GE",
        "lv-LV",
        "pl-PL",
        "pt-CH",
        "pt-CV",
        "pt-GQ",
        "pt-GW",
        "pt-LU",
        "pt-MO",
        "pt-MZ",
        "pt-PT",
        "pt-ST",
        "pt-TL",
        "ru-UA",
        "sl-SI",
        "sq-AL",
        "sq-MK",
        "sq-XK",
    }
)
"""Locales with `minimumGroupingDigits` 2, which Babel leaves out: 1234, but 12.345 (from ICU's copy of the CLDR)."""

_LETTER_PAPER = frozenset({"BZ", "CA", "CL", "CO", "CR", "GT", "MX", "NI", "PA", "PH", "PR", "SV", "US", "VE"})
"""Territories that print on US Letter (CLDR, `paperSize` of the measurement data); all others print on A4."""

_SEMICOLON_LISTS = frozenset({"de-CH", "de-LI", "fr-CH", "it-CH", "rm-CH"})
"""Locales with a decimal point whose list separator in Windows is nevertheless a semicolon."""

_UNITS: dict[str, list[Any]] = {
    "de": [[1000, " Tsd."], [1_000_000, " Mio."], [1_000_000_000, " Mrd."], [1_000_000_000_000, " Bio."]],
    "en": [[1000, "k"], [1_000_000, "M"], [1_000_000_000, "B"], [1_000_000_000_000, "T"]],
}
"""Units of short numbers that differ from the CLDR, which has none for thousands in German, and K in English."""

_GROUPS = frozenset(",.\u00a0\u202f’'")
"""Separators of thousands that the one-byte fonts of PDFs have."""

_LCIDS = {name.replace("_", "-"): f"{number:X}" for number, name in sorted(windows_locale.items(), reverse=True)}
"""Microsoft's language identifiers, by tag; the lowest of several for one tag."""

_COMPACT = re.compile(r"(0+)(.*)")
_SEPARATORS = re.compile(r"[^dMy]*([./-])[^dMy]*")


def languages() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields each language with its formats, and in `locales` what differs from them in each locale, by tag."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for name in sorted(localedata.locale_identifiers()):
        # Babel 2.18 stores what it resolves for one locale in the data that it shares with others.
        importlib.reload(localedata)
        known = babel.Locale.parse(name)
        if known.territory and not known.variant and (formats := _formats(known)):
            found.setdefault(known.language, {})[_tag(known)] = formats
    for language, by_tag in sorted(found.items()):
        common = {
            key: max((formats[key] for formats in by_tag.values()), key=[f[key] for f in by_tag.values()].count)
            for key in next(iter(by_tag.values()))
        }
        differences = {
            tag: {key: value for key, value in formats.items() if value != common[key]}
            for tag, formats in by_tag.items()
        }
        yield language, {**common, "locales": differences}


def _tag(known: Any) -> str:
    """Returns the BCP 47 tag of a locale, without the script that its language and country imply (`zh-CN`)."""
    short = f"{known.language}_{known.territory}"
    return (short if babel.Locale.parse(short) == known else str(known)).replace("_", "-")


def _formats(known: Any) -> dict[str, Any] | None:
    """Returns the formats of a locale; None if the CLDR has no months, no usable date or no usable marks for it."""
    months = known.months["stand-alone"]
    date = _date(str(known.date_formats["short"].pattern))
    symbols = known.number_symbols["latn"]
    decimal, group = symbols["decimal"], _without_marks(symbols["group"])
    if date is None or months["wide"][1] in {"M01", "1"} or decimal not in {".", ","} or group not in _GROUPS:
        return None
    tag = _tag(known)
    skeletons = known.datetime_skeletons
    return {
        "decimal": decimal,
        "group": group,
        "group_sizes": list(known.decimal_formats[None].grouping),
        "min_grouped": 5 if tag in _MIN_GROUPED_5 else 4,
        "date": date,
        "months": [months["wide"][number] for number in range(1, 13)],
        "short_months": [months["abbreviated"][number].rstrip(".") for number in range(1, 13)],
        "month": _month(str(skeletons["yMMMM"].pattern)) if "yMMMM" in skeletons else "{month} {year}",
        "units": _UNITS.get(known.language) or _units(known),
        "percent": _percent(str(known.percent_formats[None].pattern)),
        "list_separator": ";" if decimal == "," or tag in _SEMICOLON_LISTS else ",",
        "week_starts_on": _DAYS[known.first_week_day] if known.first_week_day in {0, 5, 6} else "monday",
        "lcid": "C0A" if tag == "es-ES" else _LCIDS.get(tag, ""),  # the modern sort order of Spanish
        "paper": "Letter" if known.territory in _LETTER_PAPER else "A4",
    }


def _without_marks(text: str) -> str:
    """Removes marks of text direction, which have no width."""
    return re.sub("[\u200e\u200f\u061c]", "", text)


def _date(pattern: str) -> str | None:
    """Returns a date pattern such as `D/M/Y`; None if it does not consist of three numbers."""
    plain = re.sub("'[^']*'", "", _without_marks(pattern))
    letters = re.findall("[dMy]+", plain)
    separator = _SEPARATORS.search(plain)
    if sorted(letter[0] for letter in letters) != ["M", "d", "y"] or "MMM" in plain or separator is None:
        return None
    return separator[1].join(letter[0].upper() for letter in letters)


def _month(pattern: str) -> str:
    """Returns a pattern of a month and its year. Words such as `de` are left out, because labels must be short."""
    plain = re.sub("'[^']*'", "", pattern)
    plain = re.sub("[ML]月|[ML]{3,}", "{month}", plain)
    plain = re.sub("y+", "{year}", re.sub(r"\bG\b", "", plain))
    plain = " ".join(plain.split())
    return plain if re.fullmatch(r"\{month\} \{year\}|\{year\}(年|년|\.)? ?\{month\}", plain) else "{month} {year}"


def _units(known: Any) -> list[list[Any]]:
    """Returns the units of short numbers as pairs of the smallest number and the text after the digits, ascending."""
    units: list[list[Any]] = []
    for power, pattern in known.compact_decimal_formats["short"]["other"].items():
        match = _COMPACT.fullmatch(_without_marks(str(pattern.pattern)).replace("'", ""))
        if match is None or not match[2].strip() or int(power) > 10**14:
            continue
        limit = int(power) // 10 ** (len(match[1]) - 1)
        if match[2].replace("\u00a0", " ") not in {unit for _, unit in units} and limit not in {
            known for known, _ in units
        }:
            units.append([limit, match[2].replace("\u00a0", " ")])
    return units


def _percent(pattern: str) -> str:
    """Returns a pattern of a percentage, such as `{}%`."""
    plain = _without_marks(pattern).split(";")[0]
    return re.sub(r"[#0,.]+", "{}", plain)
