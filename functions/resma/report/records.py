"""Types of the JSON values that are stored in a report's row and returned by the API."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class TotalRecord(TypedDict):
    """Row count and amounts of one currency. Amounts are strings, because a JSON number would lose digits."""

    currency: str | None
    rows: int
    amounts: dict[str, str]
    """Amounts by the name of the column that is added up."""


class RowPair(TypedDict):
    """Number of rows of a currency in the report, and in the result of the control query."""

    report: int
    control: int


class AmountPair(TypedDict):
    """Sum of an amount in the report, and in the result of the control query."""

    report: str
    control: str


class ControlTotalRecord(TypedDict):
    """Figures of one currency in the report, and in the result of the control query."""

    currency: str | None
    rows: RowPair | None
    """None if the control query does not count rows."""
    amounts: dict[str, AmountPair]
    """Amounts by the name of the column that is added up."""


class BalanceRecord(TypedDict):
    """Balance of an account before the first row and after the last, as strings."""

    opening: str
    closing: str


class MetricsRecord(TypedDict):
    """Performance figures of a READY report."""

    seconds: dict[str, float]
    """Seconds by stage. `write` is the sum of `read`, `encode`, `upload` and `save`; `generate` is the whole attempt;
    `queued` is the time before it."""
    rowsPerSecond: int
    peakRssMb: float
    parts: int
    snapshots: int
    keys: NotRequired[int]
    """Number of keys of a split report. The following ones are also those of split reports only."""
    files: NotRequired[int]
    """Number of files that are stored."""
    filesPerSecond: NotRequired[int]
    """Files that all workers stored during the last attempt of the coordinator, per second."""
    workers: NotRequired[int]
    """Number of processes that generated shards."""
    costUsd: NotRequired[dict[str, str]]
    """Cost by service and `total`, in US dollars; `prices` names the price list."""


class ObjectRecord(TypedDict):
    """An object in the object store."""

    object_key: str
    bytes: int
    sha256: str


class ManifestRecord(TypedDict):
    """The manifest of a READY split report, the list of its files, and the ZIP archive if one was requested."""

    manifest: ObjectRecord
    list: ObjectRecord
    zip: ObjectRecord | None


MANIFEST_NAME = "manifest.json"
LIST_NAME = "manifest.ndjson.gz"
ZIP_EXTENSION = "zip"
"""Ends of the keys of the three objects. The first two are also names in the ZIP archive."""


def objects_of(manifest: ManifestRecord | None) -> list[ObjectRecord]:
    """Returns the objects that a manifest's record names; none for a report without a manifest."""
    if manifest is None:
        return []
    return [stored for stored in (manifest["manifest"], manifest["list"], manifest["zip"]) if stored is not None]
