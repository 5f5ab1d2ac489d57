"""The check of all numbers of a column at once."""

from __future__ import annotations

import pytest

from resma.writers.xlsx.syntax.numbers import are_short_numbers
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


def test_empty_columns_and_nulls() -> None:
    assert are_short_numbers([])
    with pytest.raises(TypeError):
        are_short_numbers([b"1", None])  # type: ignore[list-item]
