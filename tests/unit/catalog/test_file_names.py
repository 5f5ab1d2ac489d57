"""Names of files, from patterns with title, period and filters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resma.catalog.file_names import (
    MAX_NAME,
    fill_file_name,
    find_file_name_errors,
    is_pattern,
    period_in_words,
    require_file_name,
)


@dataclass(frozen=True)
class Item:
    name: str
    personal: bool = False


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        ({}, ""),
        ({"from": "2024-01-01", "to": "2024-12-31"}, "2024"),
        ({"from": "2024-04-01", "to": "2024-06-30"}, "2024-q2"),
        ({"from": "2024-02-01", "to": "2024-02-29"}, "2024-02"),
        ({"from": "2024-02-01", "to": "2024-02-28"}, "2024-02-01-to-2024-02-28"),
        ({"from": "2024-02-01", "to": "2024-04-30"}, "2024-02-01-to-2024-04-30"),
        ({"from": "2023-01-01", "to": "2024-12-31"}, "2023-01-01-to-2024-12-31"),
        ({"from": "2024-03-09", "to": "2024-03-09"}, "2024-03-09"),
        ({"from": "2024-03-09"}, "from-2024-03-09"),
        ({"to": "2024-03-09"}, "to-2024-03-09"),
        ({"from": 12, "to": "x"}, ""),
    ],
)
def test_periods(filters: dict[str, Any], words: str) -> None:
    assert period_in_words(filters) == words


@pytest.mark.parametrize(
    ("pattern", "values", "name"),
    [
        ("orders-{period}-{country}", {"period": "2024-03", "country": ["US", "DE"]}, "orders-2024-03-US-DE"),
        ("orders-{period}-{country}", {"period": "2024-03"}, "orders-2024-03"),
        ("{period}-orders", {}, "orders"),
        ("{title}", {"title": "Façade & Söhne / 2024"}, "Facade-Sohne-2024"),
        ("{title}", {"title": "注文"}, "usual"),
        ("{title}", {"title": "../../etc/passwd"}, "etc-passwd"),
        ("a-{amount}", {"amount": "12.50"}, "a-12.50"),
    ],
)
def test_names(pattern: str, values: dict[str, Any], name: str) -> None:
    assert fill_file_name(require_file_name(pattern), values, "usual") == name


@given(st.text(max_size=300), st.lists(st.text(max_size=90), max_size=5))
def test_names_are_safe_whatever_the_values(title: str, choice: list[str]) -> None:
    name = fill_file_name("x{title}-{choice}", {"title": title, "choice": choice}, "usual")
    assert re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", name)
    assert len(name) <= MAX_NAME


@pytest.mark.parametrize("pattern", ["", "Orders", "a b", "a/b", "{a", "a}", "a.b", "{period}/x"])
def test_patterns_that_are_no_name(pattern: str) -> None:
    with pytest.raises(ValueError, match="placeholders in braces"):
        require_file_name(pattern)


def test_placeholders_must_exist_and_must_not_be_personal() -> None:
    filters = [Item("country"), Item("holder", personal=True)]
    assert list(find_file_name_errors("a-{title}-{period}-{date}-{id}-{country}", filters)) == []
    unknown, personal, empty = find_file_name_errors("{contry}-{holder}-{}", filters)
    assert unknown.message == "`file_name`: The placeholder {contry} does not exist. Use 'country'."
    assert "The filter 'holder' is personal" in personal.message
    assert "The placeholder {} does not exist." in empty.message
    assert [is_pattern(name) for name in ("orders", "orders-{id}")] == [False, True]
