"""Labels of charts over time, for every year that Postgres supports. Python supports fewer years."""

from __future__ import annotations

import pytest

from resma.report.chart_months import all_months, is_first_month, month_label, year_of


@pytest.mark.parametrize(
    ("timestamp", "label", "year"),
    [
        ("2024-03-01 00:00:00", "2024-03", "2024"),
        ("12024-01-01 00:00:00", "12024-01", "12024"),
        ("294276-12-01 00:00:00", "294276-12", "294276"),
        ("0044-03-01 00:00:00", "0044-03", "0044"),
        ("0044-03-01 00:00:00 BC", "0044-03 BC", "0044 BC"),
        ("4713-01-01 00:00:00 BC", "4713-01 BC", "4713 BC"),
        ("infinity", "infinity", "infinity"),
        ("–", "–", "–"),
    ],
)
def test_months_and_years_of_any_timestamp(timestamp: str, label: str, year: str) -> None:
    assert (month_label(timestamp), year_of(label)) == (label, year)
    assert is_first_month(label) == ("-01-" in timestamp[:9])


@pytest.mark.parametrize(
    ("labels", "shown"),
    [
        (["10000-02", "9999-11"], ["9999-11", "9999-12", "10000-01", "10000-02"]),
        (["0001-02", "0001-11 BC"], ["0001-11 BC", "0001-12 BC", "0001-01", "0001-02"]),
        (["0044-03 BC", "0044-01 BC"], ["0044-01 BC", "0044-02 BC", "0044-03 BC"]),
        (["294276-12", "2024-01", "4713-01 BC"], ["4713-01 BC", "2024-01", "294276-12"]),
        (["–", "infinity", "2024-01", "-infinity"], ["-infinity", "2024-01", "infinity", "–"]),
        (["–"], ["–"]),
        ([], []),
    ],
)
def test_months_are_in_chronological_order_and_other_labels_are_kept(labels: list[str], shown: list[str]) -> None:
    assert all_months(labels) == shown
