"""What a request says of its report: checked, kept in the row, and read again by the worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MASK = "****"
"""What stands for a personal value; that there is none is no secret."""


@dataclass(frozen=True, kw_only=True)
class ReportContent:
    """The columns of `resma.reports` that say what the files shall hold."""

    type: str
    """Of the catalog."""
    formats: list[str]
    """At least one, in the request's order."""
    filters: dict[str, Any]
    """By name, as JSON values, those that are set."""
    columns: list[str] | None
    """Names, in the request's order; None is all of the type's."""
    locale: str
    """A key of `LOCALES`."""
    time_zone: str
    """IANA name."""
    title: str | None
    """Instead of the type's."""
    personal_masked: bool
    """Whether personal columns are masked: the caller might not see them."""
    options: dict[str, Any]
    """`FormatOptions` as JSON."""
