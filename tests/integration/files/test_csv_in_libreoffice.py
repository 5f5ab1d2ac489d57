"""CSV for Excel, opened by LibreOffice in each locale, shows strings unchanged and numbers as numbers.

Excel does not run in tests. Like Excel, LibreOffice parses every field as if it had been typed, in a given language,
with "detect special numbers" and "evaluate formulas" on.
"""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resma.i18n.locales import LOCALES
from resma.report.format_options import CsvOptions, FormatOptions
from resma.report.header import Kind
from resma.writers import make_writer
from tests.support.accept_files import convert_by_libreoffice
from tests.support.csv_samples import KEPT, LONG, NOT_TOUCHED
from tests.support.sample_reports import header, rows_of, write

_WORDS = (
    "0 1 7 12 007 31 1999 2024 123456 0.5 1,5 1.000,50 1,000.50 ½ ５ + - ( ) . , / : % ' \" & = @ # $ € R$ £ ¥ BRL EUR "
    "USD e E e5 E+3 T Z AM PM jan Jan MAR mar Mär März março March Mai May dez Dec Sonntag Monday sexta TRUE false "
    "VERDADEIRO falso WAHR Falsch N/A #N/A #NV nan inf x abc day Q1 ＝ ＋ －"
)
_TOKENS = st.sampled_from([*_WORDS.split(), " ", " ", "\u00a0", "\u202f", "\t", "\n", "\r\n", ";", "''", '""'])
_LOOKALIKES = st.lists(_TOKENS, min_size=1, max_size=7).map("".join)
_ANY_TEXT = st.text(st.characters(codec="utf-8", categories=["L", "M", "N", "P", "S", "Z"]), min_size=1, max_size=30)


def _generated_texts() -> list[str]:
    """Returns strings that look like numbers, dates, currencies and truth values: the same ones in each run."""
    generated: dict[str, None] = {}

    @settings(max_examples=1500, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.one_of(_LOOKALIKES, _LOOKALIKES, _LOOKALIKES, _ANY_TEXT))
    def collect(text: str) -> None:
        generated[text] = None

    collect()
    return list(generated)


NUMBERS = ["0", "-1", "1234567.89", "-0.05", "123456789012345", "0.000000000001", "1000000000000000000", "-12.50"]
PADDED = [
    *[f"{text}{' ' * 300}" for text in ("TRUE", "falso", "WAHR", "MAR 3", "12 AM", "$5", "R$ 5", "€5", "#N/A")],
    f"{' ' * 300}TRUE",
    f"MAR{' ' * 300}3",
]
"""Short strings with many spaces, such as those of the type `character(300)`."""

LONG_ONES = [*PADDED, "1" * 300, LONG + "1", "=" + "x" * 8000, "-" + '"' * 300, "@" + "🧾" * 400]


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Many strings, so that each kind of conversion occurs many times."""
    samples = [*KEPT, *[text for text in NOT_TOUCHED if text], *LONG_ONES, *_generated_texts()]
    assert len(samples) > 1200
    assert sum(re.fullmatch(r"[\d.,/:-]+", text) is not None for text in samples) > 20
    return samples


@pytest.mark.parametrize("locale", ["en-US", "en-GB", "pt-BR", "de-DE", "fr-FR"])
def test_strings_are_shown_unchanged_and_numbers_are_numbers(locale: str, texts: list[str], tmp_path: Path) -> None:
    numbers = [NUMBERS[i % len(NUMBERS)] for i in range(len(texts))]
    timestamps = [["2024-02-29 23:59:59-03", "2024-02-29 23:59:59.999999-03"][i % 2] for i in range(len(texts))]
    days, ids = ["2024-02-29"] * len(texts), [str(i) for i in range(len(texts))]
    count = len(texts)
    further = [["true"] * count, ["1e-07"] * count, ["07:30:15.5"] * count, ["P1DT2H"] * count]
    kinds: list[Kind] = ["text", "amount", "timestamp", "date", "integer", "boolean", "float", "time", "interval"]
    head = header(kinds, count, LOCALES[locale])
    options = FormatOptions(csv=CsvOptions(profile="excel"))
    data = write(make_writer("CSV", head, options), rows_of([texts, numbers, timestamps, days, ids, *further]), 500)
    (tmp_path / "it.csv").write_bytes(data)
    headings, *rows = _open(tmp_path / "it.csv", locale)
    assert headings == tuple(f"C{i}" for i in range(len(kinds)))
    different = [(text, row[0]) for text, row in zip(texts, rows, strict=True) if row[0] != _as_displayed(text)]
    assert different == []
    assert [row[1] for row in rows] == [float(number) for number in numbers]
    assert {row[2] for row in rows} == {datetime(2024, 2, 29, 23, 59, 59)}  # noqa: DTZ001  # Excel has no time zones
    assert {row[3] for row in rows} == {datetime(2024, 2, 29)}  # noqa: DTZ001
    assert [row[4] for row in rows] == list(range(len(texts)))
    assert {row[5:] for row in rows} == {(True, 1e-07, time(7, 30, 15), timedelta(days=1, hours=2))}


def _open(path: Path, locale: str) -> list[tuple[Any, ...]]:
    """Returns the values of the sheet's cells after LibreOffice has opened the file in the locale's language."""
    separator = ord(LOCALES[locale].list_separator)
    options = f"CSV:{separator},34,76,1,,{int(LOCALES[locale].lcid, 16)},false,true,false,false,false,-1,true"
    convert_by_libreoffice([path], "xlsx", path.parent, options)
    sheet = openpyxl.load_workbook(path.with_suffix(".xlsx"), data_only=True).active
    assert sheet is not None
    return list(sheet.iter_rows(values_only=True))


def _as_displayed(text: str) -> str:
    """Returns a string as LibreOffice displays it.

    Every line break becomes a line feed. If a string of several lines starts like a formula, the apostrophe is visible.
    """
    is_formula = text.lstrip()[:1] in {*"=+-@＝＋－＠"} or text[:1] in {"\t", "\n", "\r"}
    has_lines = re.search(r"[\r\n]", text)
    return ("'" if is_formula and has_lines else "") + re.sub(r"\r\n?", "\n", text)
