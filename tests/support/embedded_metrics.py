"""Reads lines in CloudWatch's embedded metric format, and raises AssertionError for lines that CloudWatch discards.

Source: Amazon CloudWatch User Guide, "Specification: Embedded metric format".
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

UNITS = {"Seconds", "Megabytes", "Count", "Count/Second", "None"}
"""CloudWatch units that the functions use."""

_TWO_WEEKS_MS = 14 * 24 * 3600 * 1000


@dataclass(frozen=True)
class Measured:
    """Values of one metric with one set of dimensions, and the log line that they are from."""

    namespace: str
    name: str
    unit: str
    dimensions: tuple[tuple[str, str], ...]
    values: tuple[float, ...]
    milliseconds: int
    line: dict[str, Any]


def read_metrics(text: str) -> list[Measured]:
    """Returns the measurements in a log; other lines are ignored. Raises AssertionError for an invalid measurement."""
    return [each for row in text.splitlines() if row.startswith('{"_aws"') for each in _read_line(json.loads(row))]


def _read_line(line: dict[str, Any]) -> Iterator[Measured]:
    described = line["_aws"]
    milliseconds = described["Timestamp"]
    assert isinstance(milliseconds, int)
    assert abs(time.time() * 1000 - milliseconds) < _TWO_WEEKS_MS
    for directive in described["CloudWatchMetrics"]:
        assert 1 <= len(directive["Namespace"]) <= 255
        assert 1 <= len(directive["Metrics"]) <= 100
        for keys in directive["Dimensions"]:
            assert len(keys) <= 30
            dimensions = tuple((key, line[key]) for key in keys)
            assert all(isinstance(value, str) and 1 <= len(value) <= 1024 for _, value in dimensions)
            for metric in directive["Metrics"]:
                assert metric["Unit"] in UNITS
                values = line[metric["Name"]] if isinstance(line[metric["Name"]], list) else [line[metric["Name"]]]
                assert 1 <= len(values) <= 100
                assert all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
                yield Measured(
                    directive["Namespace"],
                    metric["Name"],
                    metric["Unit"],
                    dimensions,
                    tuple(float(value) for value in values),
                    milliseconds,
                    line,
                )


def total_of(measured: list[Measured], name: str, **dimensions: str) -> float | None:
    """Returns the sum of a metric with exactly these dimensions, or None if it has no values."""
    values = [
        value
        for each in measured
        if each.name == name and each.dimensions == tuple(dimensions.items())
        for value in each.values
    ]
    return sum(values) if values else None
