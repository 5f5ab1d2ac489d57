"""Formats of locales are those of the Unicode CLDR, as published by Babel."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import get_args

import babel
import pytest
from babel import dates, localedata, numbers

from infra.locales.__main__ import LOCALES_FILE, locale_data
from infra.paths import ROOT
from resma.catalog import check_settings
from resma.catalog.settings.locales import LocaleSettings, find_locale, locales_with
from resma.i18n.locales import BUILT_IN, DEFAULT_LOCALE, LOCALES, Locale, Weekday, cldr_locale
from resma.i18n.translations import translate
from resma.i18n.words import WORDS
from resma_cli.completion import LOCALES as CLIENT_LOCALES


@pytest.mark.parametrize("locale", LOCALES.values(), ids=LOCALES)
def test_locales_match_the_cldr(locale: Locale) -> None:
    importlib.reload(localedata)  # see infra/locales/cldr.py
    known = babel.Locale.parse(locale.tag, sep="-")
    assert locale.decimal == numbers.get_decimal_symbol(known)
    assert locale.group == numbers.get_group_symbol(known)
    pattern = str(dates.get_date_format("short", known).pattern)
    assert "".join(re.findall("[DMY]", locale.date)) == "".join(dict.fromkeys(re.sub("[^dMy]", "", pattern).upper()))
    assert locale.date[1] == re.sub("[dMy]", "", pattern)[0]
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    assert locale.week_starts_on == days[known.first_week_day]
    assert list(locale.months) == [known.months["stand-alone"]["wide"][i] for i in range(1, 13)]


@pytest.mark.long
def test_the_data_file_is_up_to_date() -> None:
    """Run `make locales` after an update of Babel."""
    assert LOCALES_FILE.read_text(encoding="utf-8") == locale_data()


def every_locale() -> list[tuple[str, Locale]]:
    """All locales of the CLDR with their tags."""
    data = json.loads(LOCALES_FILE.read_text(encoding="utf-8"))
    locales = [(tag, cldr_locale(tag)) for language in data.values() for tag in language["locales"]]
    known = [(tag, locale) for tag, locale in locales if locale is not None]
    assert len(known) == len(locales) > 600
    return known


def test_every_locale_of_the_cldr_can_be_used() -> None:
    """Separators fit the one-byte fonts of PDFs, and date patterns consist of three letters and two separators."""
    for tag, locale in every_locale():
        assert locale.decimal in {".", ","}
        assert locale.decimal != locale.group
        assert re.fullmatch("[DMY]([-./])[DMY]\\1[DMY]", locale.date), tag
        assert len(locale.months) == len(locale.short_months) == 12
        assert [limit for limit, _ in locale.units] == sorted({limit for limit, _ in locale.units})
        assert locale.week_starts_on in get_args(Weekday)
        assert locale.month_name("2024-03").count("2024") == 1
        assert locale.percent.count("{}") == 1


def test_the_client_completes_the_built_in_locales() -> None:
    assert CLIENT_LOCALES == BUILT_IN


@pytest.mark.parametrize(
    ("tag", "plain", "grouped"),
    [
        ("de-DE", "-1234567.50", "-1.234.567,50"),
        ("de-DE", "123", "123"),
        ("de-DE", "0.5", "0,5"),
        ("de-DE", "NaN", "NaN"),
        ("de-DE", "-Infinity", "-Infinity"),
        ("fr-FR", "1234567.5", "1\u202f234\u202f567,5"),
        ("es-ES", "1234.5", "1234,5"),
        ("es-ES", "-12345", "-12.345"),
        ("es-MX", "1234.5", "1,234.5"),
        ("ja-JP", "1234567", "1,234,567"),
        ("hi-IN", "-12345678.9", "-1,23,45,678.9"),
        ("de-CH", "1234567.5", "1’234’567.5"),
    ],
)
def test_numbers(tag: str, plain: str, grouped: str) -> None:
    locale = cldr_locale(tag)
    assert locale is not None
    assert locale.format_number(plain) == grouped


def test_counts_are_shown_like_other_numbers() -> None:
    counts = [0, 9, *(10**digits + more for digits in range(1, 10) for more in (-1, 0, 1))]
    for _, locale in every_locale():
        shown = [locale.format_count(count) for count in counts]
        assert shown == [locale.format_number(str(count)) for count in counts]


def test_dates() -> None:
    shown = {tag: locale.format_date("2024-03-09") for tag, locale in LOCALES.items()}
    assert shown == {
        "en-US": "03/09/2024",
        "en-GB": "09/03/2024",
        "pt-BR": "09/03/2024",
        "de-DE": "09.03.2024",
        "fr-FR": "09/03/2024",
        "es-ES": "09/03/2024",
        "it-IT": "09/03/2024",
        "es-MX": "09/03/2024",
        "en-CA": "2024-03-09",
        "ja-JP": "2024/03/09",
    }
    assert LOCALES["de-DE"].format_date("2024-03-09 10:00:00") == "09.03.2024 10:00:00"
    for text in ("infinity", "12024-03-09", "0044-03-15 BC"[:3], ""):
        assert LOCALES["pt-BR"].format_date(text) == text


def test_months_paper_and_list_separators() -> None:
    months = {tag: locale.month_name("2024-03") for tag, locale in LOCALES.items()}
    assert months["pt-BR"] == "março 2024"
    assert months["fr-FR"] == "mars 2024"
    assert months["ja-JP"] == "2024年3月"
    assert LOCALES["de-DE"].month_name("2024-03", short=True) == "Mär 2024"
    assert {tag for tag, locale in LOCALES.items() if locale.paper == "Letter"} == {"en-US", "en-CA", "es-MX"}
    semicolons = {tag for tag, locale in LOCALES.items() if locale.list_separator == ";"}
    assert semicolons == {"pt-BR", "de-DE", "fr-FR", "es-ES", "it-IT"}


def test_every_word_of_the_writers_is_translated() -> None:
    """Every word has a translation in each language. A missing translation would fail a report."""
    writers = ROOT / "functions" / "resma" / "writers"
    text = "".join(path.read_text(encoding="utf-8") for path in writers.rglob("*.py"))
    words = {found[1] for found in re.finditer(r"""\b_?translate\(["']([^"']+)["']""", text)}
    assert len(words) > 20
    for word in words:
        assert translate(word, "en") == translate(word, "nl") == word
        for language in WORDS:
            assert translate(word, language)


def test_all_languages_have_the_same_words() -> None:
    assert set(WORDS) == {locale.language for locale in LOCALES.values()} - {"en"}
    for words in WORDS.values():
        assert words.keys() == WORDS["pt"].keys()
        assert all(word.strip() == word for word in words.values())


def test_settings_add_locales_and_change_their_formats(tmp_path: Path) -> None:
    (tmp_path / "resma.toml").write_text(
        '[locales.nl-NL]\n[locales.en-GB]\ndecimal = ","\ndate = "Y-M-D"\n[locales.de-DE]\ngroup = " "\n'
    )
    settings, errors = check_settings(tmp_path)
    assert settings is not None, errors
    locales = locales_with(settings.locales)
    assert list(locales) == [*BUILT_IN, "nl-NL"]
    assert locales["nl-NL"].month_name("2024-03") == "maart 2024"
    british = locales["en-GB"]
    assert (british.format_number("1234.5"), british.list_separator) == ("1.234,5", ";")
    assert british.format_date("2024-03-09") == "2024-03-09"
    assert locales["de-DE"].format_number("1234.5") == "1\u00a0234,5"


def test_reports_keep_a_locale_that_is_no_longer_offered() -> None:
    assert find_locale("nl-NL", {}).tag == "nl-NL"
    assert find_locale("xx-XX", {}) == DEFAULT_LOCALE
    assert find_locale("en-GB", {"en-GB": LocaleSettings(decimal=",")}).decimal == ","


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("[locales.xx-YY]", "The CLDR has no locale 'xx-YY'. Use a language and a country, like 'nl-NL' or 'fr-CA'."),
        ("[locales.nl]", "The CLDR has no locale 'nl'."),
        ('[locales.nl-NL]\ndecimal = ","\ngroup = ","', "`decimal` and `group` must be different characters."),
        ('[locales.nl-NL]\ndate = "YYYY"', "`date` must not be 'YYYY'."),
    ],
)
def test_wrong_settings_of_locales(tmp_path: Path, table: str, message: str) -> None:
    (tmp_path / "resma.toml").write_text(table + "\n")
    settings, errors = check_settings(tmp_path)
    assert settings is None
    assert message in errors[0].message
    assert errors[0].line
