"""Dates and timestamps with a valid form that do not exist: the message names the part that does not exist."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resma.catalog import find_report_type
from resma.catalog.filters import check_values
from resma.dates import find_missing_part
from resma.request_errors import RequestInvalidError


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("2024-13-01", "The month 13 does not exist."),
        ("2024-00-01", "The month 00 does not exist."),
        ("2024-02-30", "The day 30 does not exist in 2024-02. Use 01 to 29."),
        ("2023-02-29", "The day 29 does not exist in 2023-02. Use 01 to 28."),
        ("2024-01-00", "The day 00 does not exist"),
        ("0000-01-01", "The year 0000 does not exist."),
    ],
)
def test_a_filter_s_date_that_does_not_exist(text: str, part: str) -> None:
    with pytest.raises(RequestInvalidError) as raised:
        check_values(find_report_type("TRANSACTIONS"), {"from": text})
    (field_error,) = raised.value.field_errors
    assert field_error.pointer == "/filters/from"
    assert field_error.detail.startswith(part)


def test_a_time_that_does_not_exist() -> None:
    assert find_missing_part("2024-01-01T24:00:00Z") == "The time 24:00:00 does not exist. Use 00:00:00 to 23:59:59."
    assert find_missing_part("2024-01-01T23:59:59.5+14:00") is None


_TWO = st.integers(0, 99)


@given(st.integers(0, 9999), _TWO, _TWO, _TWO, _TWO, _TWO)
def test_a_timestamp_exists_exactly_if_python_can_parse_it(
    year: int, month: int, day: int, hour: int, minute: int, second: int
) -> None:
    text = f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
    try:
        datetime.fromisoformat(text)
    except ValueError:
        assert find_missing_part(text) is not None
    else:
        assert find_missing_part(text) is None
