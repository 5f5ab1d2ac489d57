"""NDJSON: one object per line, and numbers with all digits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from resma.errors import RowCountMismatchError
from resma.report.format_options import FormatOptions, NdjsonOptions
from resma.report.header import Kind
from resma.writers import make_writer
from tests.support.csv_samples import NASTY
from tests.support.sample_reports import header, rows_of, write


def _values(kind: Kind, cells: list[str | None], **more: Any) -> list[Any]:
    writer = make_writer("NDJSON", header([kind], len(cells)), FormatOptions())
    data = write(writer, rows_of([cells]), 100)
    assert data.count(b"\n") == len(cells)
    return [json.loads(line, **more)["c0"] for line in data.splitlines()]


@pytest.mark.parametrize("cells", [NASTY, [*NASTY, None], ["a", "b"], ['a "b" \\', None], ["\x01", None], [None]])
def test_strings_survive_a_round_trip(cells: list[str | None]) -> None:
    assert _values("text", cells) == cells


def test_numbers_keep_all_digits() -> None:
    numbers: list[str | None] = ["1", "-0.50", "1234567890123456789012345678901234567890.123456789", "0.000"]
    assert _values("amount", numbers, parse_float=str, parse_int=str) == numbers
    others: list[str | None] = ["NaN", "Infinity", "-Infinity", None, "7"]
    assert _values("amount", others, parse_int=str) == others


def test_numbers_are_strings_if_requested() -> None:
    """JavaScript changes 9007199254740993 to 9007199254740992, and 0.10 to 0.1."""
    rows = rows_of([["9007199254740993", None], ["0.10", "NaN"], ["a", "b"], ['{"n": 1}', None]])
    options = FormatOptions(ndjson=NdjsonOptions(numbers="string"))
    data = write(make_writer("NDJSON", header(["integer", "amount", "text", "json"], 2), options), rows)
    assert [json.loads(line) for line in data.splitlines()] == [
        {"c0": "9007199254740993", "c1": "0.10", "c2": "a", "c3": {"n": 1}},
        {"c0": None, "c1": "NaN", "c2": "b", "c3": None},
    ]


def test_timestamps_are_iso_8601() -> None:
    assert _values("timestamp", ["2024-01-01 00:00:00+00", "2024-01-02 00:00:00.5-03"]) == [
        "2024-01-01T00:00:00+00:00",
        "2024-01-02T00:00:00.5-03:00",
    ]
    assert _values("timestamp", ["2024-01-01 00:00:00+05:30", "infinity", None, "0044-03-15 00:00:00+00 BC"]) == [
        "2024-01-01T00:00:00+05:30",
        "infinity",
        None,
        "0044-03-15 00:00:00+00 BC",
    ]


def test_json_is_embedded() -> None:
    cells: list[str | None] = ['{"a": [1, 2.50, null]}', None, '"text"', '{\n"b": "c\\nd"}']
    assert _values("json", cells) == [{"a": [1, 2.5, None]}, None, "text", {"b": "c\nd"}]


def test_missing_rows_are_an_error() -> None:
    writer = make_writer("NDJSON", header(["text"], 2))
    with pytest.raises(RowCountMismatchError, match="The snapshot counted 2 rows, but the writer received 0\\."):
        writer.end()
