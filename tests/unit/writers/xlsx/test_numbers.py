"""The check of all numbers of a column at once."""

from __future__ import annotations

from decimal import Decimal

import pytest

from resma.writers.xlsx.syntax.numbers import are_short_numbers, is_number, survives_as_double
from tests.support.random_search import make_random


def is_float(cell: bytes) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("cell", [b"0", b"-1", b"1.50", b"-.5", b"5.", b"123456789012345"])
def test_plain_numbers_are_accepted(cell: bytes) -> None:
    assert are_short_numbers([b"1", cell, b"2"])


@pytest.mark.parametrize(
    "cell",
    [b"", b"-", b".", b"-.", b"1-2", b"--1", b"1.2.3", b"1-", b"1e5", b"NaN", b"1,5", b" 1", b"1234567890123456"],
)
def test_other_cells_need_a_check_of_each_cell(cell: bytes) -> None:
    for cells in ([cell], [b"1", cell], [cell, b"1"], [b"-1.5", cell, b".5"]):
        assert not are_short_numbers(cells)


def test_cells_of_signs_points_and_digits_are_accepted_if_python_accepts_them() -> None:
    draw = make_random(7)
    for _ in range(20_000):
        cells = [bytes(draw.choices(b"-.07", k=draw.randrange(5))) for _ in range(draw.randrange(1, 4))]
        assert are_short_numbers(cells) == all(map(is_float, cells)), cells


@pytest.mark.parametrize(("scale", "is_exact"), [(0, True), (6, True), (1100, False), (16_383, False)])
def test_numbers_of_any_scale_are_accepted_or_refused(scale: int, is_exact: bool) -> None:
    """A numeric of Postgres has up to 16,383 decimals, and 131,072 digits before them."""
    assert is_number(b"12.5", scale)
    assert is_number(b"1234567890.1234567", scale) == is_exact
    assert not is_number(b"9" * 150, scale)
    assert not survives_as_double(Decimal("9" * 131_072), scale)


def test_empty_columns_and_nulls() -> None:
    assert are_short_numbers([])
    with pytest.raises(TypeError):
        are_short_numbers([b"1", None])  # type: ignore[list-item]
