"""Dialects of CSV: delimiter, quotes, decimal mark, byte order mark and line end, of a request or of the catalog."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from pydantic import ValidationError

from resma.report.format_options import CsvDialect, CsvOptions, FormatOptions
from resma.report.header import ReportHeader
from resma.writers import make_writer
from tests.support.csv_samples import NASTY
from tests.support.sample_reports import header, rows_of, write

MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
AMOUNTS: list[str | None] = ["1234.5", None, "-0.25", "NaN"]
COLUMNS: list[list[str | None]] = [["1", "2", "3", "4"], AMOUNTS, ["a;b", 'say "x"', "it's, so", ""]]


def text_of(options: dict[str, Any], defaults: CsvDialect | None = None) -> str:
    """Returns the file of three columns, as text."""
    head: ReportHeader = replace(header(["integer", "amount", "text"], 4), csv=defaults or CsvDialect())
    writer = make_writer("CSV", head, FormatOptions.model_validate({"csv": options}))
    return write(writer, rows_of(COLUMNS), 2).decode()


@pytest.mark.parametrize(
    ("delimiter", "quote", "line_end", "quote_all"), [*product(",;|\t", "\"'", ("crlf", "lf"), (True, False))]
)
def test_every_dialect_is_read_back(delimiter: str, quote: str, line_end: str, quote_all: bool) -> None:
    options = {"delimiter": delimiter, "quote": quote, "lineEnd": line_end, "quoteAll": quote_all}
    head = header(["text", "text"], len(NASTY))
    writer = make_writer("CSV", head, FormatOptions.model_validate({"csv": options}))
    text = write(writer, rows_of([NASTY, NASTY[::-1]]), 3).decode()
    read = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quotechar=quote))
    assert read[1:] == [list(row) for row in zip(NASTY, NASTY[::-1], strict=True)]
    assert text.startswith(f"{quote}c0{quote}{delimiter}" if quote_all else f"c0{delimiter}")
    assert text.endswith("\n" if line_end == "lf" else "\r\n")


def test_decimal_commas_are_in_amounts_only() -> None:
    text = text_of({"delimiter": ";", "decimalMark": ","})
    assert text == 'c0;c1;c2\r\n1;1234,5;"a;b"\r\n2;;"say ""x"""\r\n3;-0,25;it\'s, so\r\n4;NaN;""\r\n'


def test_a_decimal_comma_between_commas_is_quoted() -> None:
    assert text_of({"decimalMark": ","}).splitlines()[1] == '1,"1234,5",a;b'


def test_null_is_the_only_field_without_quotes() -> None:
    lines = text_of({"quoteAll": True, "lineEnd": "lf", "byteOrderMark": True}).split("\n")
    assert lines[0] == MARK + '"c0","c1","c2"'
    assert lines[2] == '"2",,"say ""x"""'
    assert lines[4] == '"4","NaN",""'


def test_a_file_of_one_column_has_its_dialect() -> None:
    head = header(["amount"], 3)
    options = FormatOptions.model_validate({"csv": {"quote": "'", "lineEnd": "lf", "decimalMark": ","}})
    assert write(make_writer("CSV", head, options), rows_of([["1.5", None, "2"]]), 2) == b"c0\n'1,5'\n''\n2\n"


def test_the_request_has_priority_over_the_catalog() -> None:
    catalog = CsvDialect(delimiter=";", line_end="lf", byte_order_mark=True)
    text = text_of({"delimiter": "|", "byteOrderMark": False}, catalog)
    assert text.startswith("c0|c1|c2\n1|1234.5|a;b\n")
    assert text_of({}, catalog).startswith(MARK + "c0;c1;c2\n")


def test_the_profile_for_excel_has_a_dialect() -> None:
    assert text_of({"profile": "excel"}).startswith(MARK)
    text = text_of({"profile": "excel", "delimiter": "\t", "decimalMark": ",", "byteOrderMark": False, "lineEnd": "lf"})
    assert text.splitlines()[1].startswith("1\t1234,5\t")
    assert not text.startswith(MARK)
    assert "\r" not in text
    quoted = text_of({"profile": "excel", "quoteAll": True})
    assert quoted.splitlines()[1].startswith('"1","1234.5",')
    comma = text_of({"profile": "excel", "delimiter": ",", "decimalMark": ","})
    assert comma.splitlines()[1].startswith('1,"1234,5",')


@pytest.mark.parametrize(
    "options",
    [
        {"delimiter": "x"},
        {"delimiter": ""},
        {"quote": "`"},
        {"decimalMark": ";"},
        {"lineEnd": "cr"},
        {"byteOrderMark": "yes"},
        {"decimal_mark": ","},
        {"profile": "excel", "quote": "'"},
    ],
)
def test_other_values_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CsvOptions.model_validate(options)


def test_options_are_stored_as_they_are_requested() -> None:
    stored = FormatOptions.model_validate({"csv": {"decimalMark": ",", "quoteAll": True}}).as_json()
    assert stored["csv"]["decimalMark"] == ","
    assert FormatOptions.model_validate(stored).csv.quote_all is True
