"""Separators, date formats and month names of locales are those of the Unicode CLDR, as published by Babel."""

from __future__ import annotations

import re

import babel
import pytest
from babel import dates, numbers

from infra.paths import ROOT
from resma.i18n.locales import LOCALES, Locale
from resma.i18n.translations import translate


@pytest.mark.parametrize("locale", LOCALES.values(), ids=LOCALES)
def test_locales_match_the_cldr(locale: Locale) -> None:
    known = babel.Locale.parse(locale.tag, sep="-")
    assert locale.decimal == numbers.get_decimal_symbol(known)
    assert locale.group == numbers.get_group_symbol(known)
    pattern = str(dates.get_date_format("short", known).pattern)
    assert "".join(re.findall("[DMY]", locale.date)) == "".join(dict.fromkeys(re.sub("[^dMy]", "", pattern).upper()))
    assert locale.date[1] == re.sub("[dMy]", "", pattern)[0]
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    assert locale.week_starts_on == days[known.first_week_day]
    months = known.months["stand-alone"]["wide"]
    assert [locale.month_name(f"2024-{i:02}") for i in range(1, 13)] == [f"{months[i]} 2024" for i in range(1, 13)]


@pytest.mark.parametrize(
    ("plain", "grouped"),
    [("-1234567.50", "-1.234.567,50"), ("123", "123"), ("0.5", "0,5"), ("NaN", "NaN"), ("-Infinity", "-Infinity")],
)
def test_numbers(plain: str, grouped: str) -> None:
    assert LOCALES["de-DE"].format_number(plain) == grouped


def test_dates() -> None:
    assert LOCALES["en-US"].format_date("2024-03-09") == "03/09/2024"
    assert LOCALES["de-DE"].format_date("2024-03-09 10:00:00") == "09.03.2024 10:00:00"
    for text in ("infinity", "12024-03-09", "0044-03-15 BC"[:3], ""):
        assert LOCALES["pt-BR"].format_date(text) == text


def test_every_word_of_the_writers_is_translated() -> None:
    """Every word has a translation in each language. A missing translation would fail a report."""
    writers = ROOT / "functions" / "resma" / "writers"
    text = "".join(path.read_text(encoding="utf-8") for path in writers.rglob("*.py"))
    words = {found[1] for found in re.finditer(r"""\b_?translate\(["']([^"']+)["']""", text)}
    assert len(words) > 20
    for word in words:
        assert translate(word, "en") == word
        assert translate(word, "pt")
        assert translate(word, "de")
