"""Content of a report as requested: validated by the API, stored in the report's row and read by the worker."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

MASK = "****"
"""Replacement for a masked personal value. NULL is not masked, because the absence of a value is not a secret."""


@dataclass(frozen=True, kw_only=True)
class ReportContent:
    """Columns of `resma.reports` that define the content of the files."""

    type: str
    """Name of the report type in the catalog."""
    formats: list[str]
    """At least one format, in the order of the request."""
    filters: dict[str, Any]
    """Filters that are set, as JSON values by name."""
    columns: list[str] | None
    """Column names in the order of the request; None means all columns of the report type."""
    locale: str
    """Tag of a locale, such as `en-US`."""
    time_zone: str
    """IANA time zone name."""
    title: str | None
    """Title that replaces the title of the report type."""
    personal_masked: bool
    """Whether personal columns are masked because the requester may not see them."""
    options: dict[str, Any]
    """`FormatOptions` as JSON."""
    split_by: list[str] | None = None
    """Columns that the report is split by: it has a file in each format for each key. None: it is not split."""
    zip: bool = False
    """Whether a split report also has a ZIP archive of all files."""
    only_if: dict[str, Any] | None = None
    """Conditions as JSON (`OnlyIf`); None if the report is generated whatever its data are."""
    encrypt_for: list[str] | None = None
    """Ids of the OpenPGP certificates that all files are encrypted for; None: the files are not encrypted."""
    pdf_key: dict[str, Any] | None = field(default=None, repr=False)
    """Sealed key of PDF files (`resma.encryption.sealed_pdf_key`); None if they are not encrypted."""
