"""The CSV profile for Excel: Excel changes and evaluates nothing, and numbers are in the locale's format."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from itertools import chain

import pytest

from resma.i18n.locales import LOCALES
from resma.report.format_options import CsvOptions, FormatOptions
from resma.report.header import Kind
from resma.report.rows import Batch
from resma.writers import make_writer, warnings_of
from resma.writers.excel.text import LOGICAL_VALUES
from resma.writers.saved_state import dump_state, load_state
from tests.support.csv_samples import KEPT, NOT_TOUCHED
from tests.support.sample_reports import header, rows_of, write

EXCEL = FormatOptions(csv=CsvOptions(profile="excel"))


def _cells(kind: Kind, texts: list[str | None], locale: str = "pt-BR") -> list[str]:
    """Returns the fields that a CSV reader reads for a column of this kind with these cells."""
    data = write(make_writer("CSV", header([kind], len(texts), LOCALES[locale]), EXCEL), rows_of([texts]), 100)
    lines = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=LOCALES[locale].list_separator)
    return [line[0] if line else "" for line in lines][1:]


def test_byte_order_mark_headings_and_separator() -> None:
    head = header(["text", "amount"], 1, LOCALES["de-DE"])
    data = write(make_writer("CSV", head, EXCEL), [("Größe; schön".encode(), b"-1234.50")])
    assert data == b"\xef\xbb\xbf" + '"=""C0""";"=""C1"""\r\n"Größe; schön";-1234,50\r\n'.encode()


def test_a_single_column_of_strings_is_always_quoted() -> None:
    """COPY takes an unquoted `\\.` for the end of the data, and other readers skip unquoted lines that look empty."""
    texts = ["a", None, "", "\\.", " "]
    data = write(make_writer("CSV", header(["text"], len(texts)), EXCEL), rows_of([texts]))
    assert data.removeprefix(b"\xef\xbb\xbf") == b'"=""C0"""\r\n"a"\r\n""\r\n""\r\n"\\."\r\n" "\r\n'


@pytest.mark.parametrize("text", KEPT)
def test_strings_that_excel_would_change_are_written_as_formulas(text: str) -> None:
    written = '="{}"'.format(text.replace('"', '""'))
    assert _cells("text", [text]) == [written]
    assert _cells("text", ["plain", text, None]) == ["plain", written, ""]


@pytest.mark.parametrize("word", sorted({"TRUE", "FALSE", *chain(*LOGICAL_VALUES.values())}))
def test_words_for_true_and_false_are_written_as_formulas_in_every_language(word: str) -> None:
    for text in (word, word.lower(), word.capitalize(), f" {word} "):
        assert _cells("text", ["plain", text, None]) == ["plain", f'="{text}"', ""]


@pytest.mark.parametrize("text", NOT_TOUCHED)
def test_other_strings_are_unchanged(text: str) -> None:
    assert _cells("text", [text]) == [text]


def test_long_strings_are_concatenated_from_literals() -> None:
    """A literal has at most 255 UTF-16 units, and a formula 8,192."""
    digits = "1234567890" * 60
    assert _cells("text", [digits]) == [f'="{digits[:255]}"&"{digits[255:510]}"&"{digits[510:]}"']
    [emojis] = _cells("text", ["=" + "🧾" * 300])
    parts = emojis.removeprefix('="').removesuffix('"').split('"&"')
    assert "".join(parts) == "=" + "🧾" * 300
    assert max(len(part.encode("utf-16-le")) // 2 for part in parts) <= 255
    [longest] = _cells("text", ["=" + "x" * 8000])
    assert len(longest) <= 8192


def test_spaces_do_not_hide_a_string_that_excel_would_change() -> None:
    padding = " " * 300
    assert _cells("text", [f"TRUE{padding}"]) == [f'="TRUE{padding[:251]}"&"{padding[251:]}"']
    assert _cells("text", [f"MAR{padding}3"])[0].startswith('="MAR ')
    assert _cells("text", [f"true story{padding}"]) == [f"true story{padding}"]


@pytest.mark.parametrize("text", ["=1+1\n+2", "- one\r\n- two", "\n=1", "=" + "x" * 8192])
def test_strings_that_no_formula_can_return_have_an_apostrophe_and_a_warning(text: str) -> None:
    writer = make_writer("CSV", header(["text"], 3), EXCEL)
    data = write(writer, rows_of([["plain", text, text]]))
    assert data.decode().count("'" + text) == 2
    [warning] = warnings_of(writer)
    assert (warning.code, warning.column, warning.row, warning.rows) == ("excel-apostrophe", "c0", 2, 2)
    assert text not in warning.detail


def test_headings_are_protected_too() -> None:
    head = header(["text"], 0)
    head = replace(head, columns=(replace(head.columns[0], heading="2024-01"),))
    assert write(make_writer("CSV", head, EXCEL), []) == b'\xef\xbb\xbf"=""2024-01"""\r\n'


def test_values_that_do_not_fit_a_cell_have_a_warning() -> None:
    texts = ["x" * 32_767, "x" * 32_768, "é" * 32_767, "🧾" * 16_384, None]
    writer = make_writer("CSV", header(["text", "text"], 5), EXCEL)
    write(writer, rows_of([["a"] * 5, texts]), 2)
    [warning] = warnings_of(writer)
    assert (warning.code, warning.column, warning.row, warning.rows) == ("excel-cell-limit", "c1", 2, 2)


@pytest.mark.parametrize(("rows", "too_many"), [(1_048_575, 0), (1_048_578, 3)])
def test_rows_beyond_excels_limit_are_counted_in_a_warning(rows: int, too_many: int) -> None:
    writer = make_writer("CSV", header(["integer"], rows), EXCEL)
    writer.state.rows = rows - 1
    writer.add(Batch([(b"1",)]))
    writer.end()
    assert [(w.code, w.row, w.rows) for w in warnings_of(writer)] == (
        [("excel-row-limit", 1_048_576, too_many)] if too_many else []
    )


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_warnings_survive_resuming_and_compression(compression: str) -> None:
    options = FormatOptions(csv=CsvOptions.model_validate({"profile": "excel", "compression": compression}))
    head = header(["amount"], 4)
    writer = make_writer("CSV", head, options)
    writer.begin()
    writer.add(Batch([(b"1.5",), (b"1234567890.1234567",)]))
    successor = make_writer("CSV", head, options)
    successor.state = load_state(dump_state(writer.state), writer.state)
    successor.add(Batch([(b"-1234567890.1234567",), (b"2",)]))
    successor.end()
    assert [(w.code, w.column, w.row, w.rows) for w in warnings_of(successor)] == [("amounts-as-text", "c0", 2, 2)]


@pytest.mark.parametrize(
    ("number", "written"),
    [
        ("-1234.50", "-1234,50"),
        ("123456789012345", "123456789012345"),
        ("1234567890123456", '="1234567890123456"'),
        ("-1234567890.1234567", '="-1234567890,1234567"'),
        ("12345678901234567000", '="12345678901234567000"'),
        ("1000000000000000000", "1000000000000000000"),
        ("0.00000000000000001", "0,00000000000000001"),
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("-Infinity", '="-Infinity"'),
    ],
)
def test_numbers(number: str, written: str) -> None:
    assert _cells("amount", [number]) == [written]
    assert _cells("amount", ["1.5", None, number]) == ["1,5", "", written]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1234567890123456"])
def test_amounts_that_excel_cannot_hold_are_counted_in_a_warning(number: str) -> None:
    writer = make_writer("CSV", header(["amount"], 3), EXCEL)
    write(writer, rows_of([["1.5", number, number]]))
    assert [(w.code, w.column, w.row, w.rows) for w in warnings_of(writer)] == [("amounts-as-text", "c0", 2, 2)]


def test_a_value_can_have_several_warnings() -> None:
    writer = make_writer("CSV", header(["text"], 1), EXCEL)
    write(writer, rows_of([["=z\n" + "y" * 40_000]]))
    assert [w.code for w in warnings_of(writer)] == ["excel-apostrophe", "excel-cell-limit"]


def test_integers_with_many_digits_are_text_without_a_warning() -> None:
    """They are identifiers such as account numbers, which are not added up."""
    writer = make_writer("CSV", header(["integer"], 1), EXCEL)
    assert b'"=""1234567890123456"""' in write(writer, [(b"1234567890123456",)])
    assert warnings_of(writer) == ()


def test_numbers_in_a_locale_with_a_decimal_point() -> None:
    assert _cells("amount", ["-1234.50", None], "en-US") == ["-1234.50", ""]


@pytest.mark.parametrize(
    ("timestamp", "written"),
    [
        ("2024-01-01 00:00:00+00", "2024-01-01 00:00:00"),
        ("2024-01-01 00:00:00.25-03", "2024-01-01 00:00:00"),
        ("2024-02-29 23:59:59.999999+00", "2024-02-29 23:59:59"),
        ("9999-12-31 23:59:59.999999+00", "9999-12-31 23:59:59"),
        ("0044-03-15 00:00:00.5+00 BC", '="0044-03-15 00:00:00+00 BC"'),
        ("2024-01-01 00:00:00+05:30", "2024-01-01 00:00:00"),
        ("infinity", "infinity"),
        ("-infinity", '="-infinity"'),
        ("0044-03-15 00:00:00+00 BC", '="0044-03-15 00:00:00+00 BC"'),
        ("1899-12-31 00:00:00+00", '="1899-12-31 00:00:00"'),
        ("10000-01-01 00:00:00+00", '="10000-01-01 00:00:00"'),
    ],
)
def test_timestamps_have_no_offset(timestamp: str, written: str) -> None:
    assert _cells("timestamp", [timestamp]) == [written]
    assert _cells("timestamp", ["2024-06-01 10:00:00-03", None, timestamp]) == ["2024-06-01 10:00:00", "", written]


@pytest.mark.parametrize(
    ("day", "written"),
    [
        ("2024-02-29", "2024-02-29"),
        ("1900-01-01", "1900-01-01"),
        ("9999-12-31", "9999-12-31"),
        ("1899-12-31", '="1899-12-31"'),
        ("10000-01-01", '="10000-01-01"'),
        ("2024-03-15 BC", '="2024-03-15 BC"'),
        ("infinity", "infinity"),
    ],
)
def test_days_that_excel_supports_are_dates(day: str, written: str) -> None:
    assert _cells("date", [day, None]) == [written, ""]


def test_timestamps_with_one_offset_are_encoded_as_a_column() -> None:
    timestamps: list[str | None] = ["2024-06-01 10:00:00-03", "2024-06-02 11:12:13-03"]
    assert _cells("timestamp", timestamps) == ["2024-06-01 10:00:00", "2024-06-02 11:12:13"]
