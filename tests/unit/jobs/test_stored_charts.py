"""Stored charts: they are small whatever the data contain, and their sums do not change."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Literal

import pytest

from resma.jobs.stored_charts import MAX_BARS, MAX_PARTS, MAX_SERIES, MAX_TIMES
from resma.report.header import Chart, Series
from tests.support.stored_charts import store


def chart(kind: Literal["time", "bars", "share"], labels: list[str], *values: list[Any]) -> Chart:
    series = [Series(f"S{i}", tuple(map(Decimal, row))) for i, row in enumerate(values)]
    return Chart("Title", kind, "amount", tuple(labels), tuple(series))


def months(count: int) -> list[str]:
    return [f"{2000 + i // 12}-{i % 12 + 1:02}" for i in range(count)]


def test_small_charts_do_not_change() -> None:
    stored = store(chart("time", ["2024-01", "2024-02"], ["1.50", "-0.05"], ["0", "3E+2"]))
    assert stored == {
        "by": "booked_at",
        "title": "Title",
        "kind": "time",
        "unit": "amount",
        "labels": ["2024-01", "2024-02"],
        "series": [{"name": "S0", "values": ["1.50", "-0.05"]}, {"name": "S1", "values": ["0", "300"]}],
        "series_omitted": 0,
    }


@pytest.mark.parametrize(("kind", "max_labels"), [("bars", MAX_BARS), ("share", MAX_PARTS)])
def test_a_million_categories_are_the_largest_and_the_others(kind: Literal["bars", "share"], max_labels: int) -> None:
    values = list(range(1_000_000))
    stored = store(chart(kind, [f"category {i}" for i in values], values), locale="pt-BR")
    shown = stored["series"][0]["values"]
    assert len(shown) == len(stored["labels"]) == max_labels
    assert (stored["labels"][0], shown[0]) == ("category 999999", "999999")
    assert stored["labels"][-1] == f"Outros ({1_000_000 - max_labels + 1})"
    assert sum(map(int, shown)) == sum(values)


def test_categories_of_several_series_keep_their_order() -> None:
    labels = [f"c{i}" for i in range(MAX_BARS + 1)]
    stored = store(chart("bars", labels, list(range(MAX_BARS + 1)), [10] * (MAX_BARS + 1)))
    assert stored["labels"] == [*labels[: MAX_BARS - 1], "Other (2)"]
    assert stored["series"][0]["values"][-1] == str(MAX_BARS + MAX_BARS - 1)
    assert stored["series"][1]["values"][-1] == "20"


def test_many_months_become_years_and_too_many_years_begin_with_the_others() -> None:
    stored = store(chart("time", months(MAX_TIMES + 12), [1] * (MAX_TIMES + 12)))
    assert stored["labels"] == [str(2000 + i) for i in range(11)]
    assert stored["series"][0]["values"] == ["12"] * 11
    stored = store(chart("time", [f"{year}-01" for year in range(1000, 1201)], [2] * 201))
    assert stored["labels"][:2] == ["Other (82)", "1082"]
    assert (len(stored["labels"]), stored["labels"][-1]) == (MAX_TIMES, "1200")
    assert sum(map(int, stored["series"][0]["values"])) == 402


def test_labels_that_are_not_months_are_kept() -> None:
    labels = [*months(MAX_TIMES), "infinit", "–"]
    stored = store(chart("time", labels, [1] * len(labels)))
    assert stored["labels"] == [*(str(2000 + i) for i in range(10)), "infinit", "–"]


def test_the_largest_series_are_kept_and_the_others_counted() -> None:
    stored = store(chart("time", ["2024-01"], *[[i] for i in range(1000)]))
    assert (len(stored["series"]), stored["series_omitted"]) == (MAX_SERIES, 1000 - MAX_SERIES)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ("1E+130000", "1." + "0" * 39 + "E+130000"),
        ("9" * 41, "1." + "0" * 39 + "E+41"),
        ("0." + "0" * 60 + "7", "7E-61"),
        ("1234567890123456789012345678901234.5678", "1234567890123456789012345678901234.5678"),
    ],
)
def test_any_number_is_shown_in_bounded_length(value: str, text: str) -> None:
    (shown,) = store(chart("time", ["2024-01"], [value]))["series"][0]["values"]
    assert Decimal(shown).compare(Decimal(text)) in {Decimal(0), Decimal("NaN")} or shown == text
    assert len(shown) < 60


def test_others_add_up_to_the_last_digit_and_survive_infinities() -> None:
    labels = [str(i) for i in range(20)]
    big = "123456789012345678901234567890.01"
    others = store(chart("bars", labels, [big] * 20, [big] * 20))["series"][0]["values"][-1]
    assert others == "740740734074074073407407407340.06"
    both = store(chart("bars", labels, ["NaN"] + ["1"] * 19, ["Infinity", "-Infinity"] * 10))
    assert both["series"][1]["values"][-1] == "NaN"
    assert store(chart("bars", labels, ["NaN"] + ["1"] * 19))["series"][0]["values"][0] == "NaN"


def test_the_largest_chart_has_a_few_kilobytes() -> None:
    labels = ["x" * 1_000_000 + str(i) for i in range(30)]
    stored = store(chart("bars", labels, *[["9" * 30 + ".99"] * 30 for _ in range(50)]))
    assert len(json.dumps(stored)) < 16_000
    assert all(len(label) <= 100 for label in stored["labels"])


def test_no_data_is_a_chart_without_labels() -> None:
    assert store(chart("share", []))["labels"] == []
