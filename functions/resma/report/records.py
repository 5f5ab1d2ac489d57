"""JSON that a report's row keeps and the API shows, by field."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class TotalRecord(TypedDict):
    """Rows and amount of one currency. The amount is a string, as a JSON number would lose digits."""

    currency: str
    rows: int
    amount: str


class BalanceRecord(TypedDict):
    """What an account held before the first row and after the last, as strings."""

    opening: str
    closing: str


class MetricsRecord(TypedDict):
    """What a READY report took."""

    seconds: dict[str, float]
    """By stage: `write` is made of `read`, `encode`, `upload` and `save`; `generate` is the whole attempt, and `queued`
    what came before it."""
    rowsPerSecond: int
    peakRssMb: float
    parts: int
    snapshots: int
    costUsd: NotRequired[dict[str, str]]
    """By service, in US dollars, and `total`; `prices` names the price list."""
