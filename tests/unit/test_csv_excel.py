"""CSV for Excel: nothing that Excel would damage or run, and numbers as its locale writes them."""

from __future__ import annotations

import csv
import io

import pytest

from resma.header import Kind
from resma.locales import LOCALES
from resma.options import CsvOptions, FormatOptions
from resma.writers import make_writer
from tests.unit.sample_reports import header, rows_of, write

EXCEL = FormatOptions(csv=CsvOptions(profile="excel"))


def _cells(kind: Kind, texts: list[str | None], locale: str = "pt-BR") -> list[str]:
    """What a CSV reader finds of these texts, in a column of that kind."""
    data = write(make_writer("CSV", header([kind], len(texts), LOCALES[locale]), EXCEL), rows_of([texts]), 100)
    lines = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=LOCALES[locale].list_separator)
    return [line[0] if line else "" for line in lines][1:]


def test_byte_order_mark_headings_and_separator() -> None:
    head = header(["text", "amount"], 1, LOCALES["de-DE"])
    data = write(make_writer("CSV", head, EXCEL), [("Größe; schön".encode(), b"-1234.50")])
    assert data == b"\xef\xbb\xbf" + 'C0;C1\r\n"Größe; schön";-1234,50\r\n'.encode()


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("007", '="007"'),
        ("123456789012", '="123456789012"'),
        ("12345678901", "12345678901"),
        ("0", "0"),
        ("=1+1", "'=1+1"),
        ("+49 30 1234", '="+49 30 1234"'),
        ("+5511999999999", '="+5511999999999"'),
        ("-0123", '="-0123"'),
        ("00012345678e12", '="00012345678e12"'),
        ("465573021934e8", '="465573021934e8"'),
        ("3/4", '="3/4"'),
        ("12:30", '="12:30"'),
        ("2024-03-09", '="2024-03-09"'),
        ("-1.5", "-1.5"),
        ("3 apples", "3 apples"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-cmd|' /C calc'!A0", "'-cmd|' /C calc'!A0"),
        ("\t=1", "'\t=1"),
        ("-12.50", "-12.50"),
        ("+5", "+5"),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_texts(text: str, written: str) -> None:
    assert _cells("text", [text]) == [written]
    assert _cells("text", ["plain", text, None]) == ["plain", written, ""]


@pytest.mark.parametrize(
    ("number", "written"),
    [
        ("-1234.50", "-1234,50"),
        ("123456789012345", "123456789012345"),
        ("1234567890123456", '="1234567890123456"'),
        ("-1234567890.1234567", '="-1234567890,1234567"'),
        ("0.00000000000000001", "0,00000000000000001"),
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("-Infinity", "'-Infinity"),
    ],
)
def test_numbers(number: str, written: str) -> None:
    assert _cells("amount", [number]) == [written]
    assert _cells("amount", ["1.5", None, number]) == ["1,5", "", written]


def test_numbers_where_the_mark_is_a_point() -> None:
    assert _cells("amount", ["-1234.50", None], "en-US") == ["-1234.50", ""]


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        ("2024-01-01 00:00:00+00", "2024-01-01 00:00:00"),
        ("2024-01-01 00:00:00.25-03", "2024-01-01 00:00:00,25"),
        ("2024-01-01 00:00:00+05:30", "2024-01-01 00:00:00"),
        ("infinity", "infinity"),
        ("-infinity", "'-infinity"),
    ],
)
def test_moments_have_no_offset(moment: str, written: str) -> None:
    assert _cells("timestamp", [moment]) == [written]
    assert _cells("timestamp", ["2024-06-01 10:00:00-03", None, moment]) == ["2024-06-01 10:00:00", "", written]


def test_moments_of_one_offset_take_the_fast_way() -> None:
    moments: list[str | None] = ["2024-06-01 10:00:00-03", "2024-06-02 11:12:13-03"]
    assert _cells("timestamp", moments) == ["2024-06-01 10:00:00", "2024-06-02 11:12:13"]
