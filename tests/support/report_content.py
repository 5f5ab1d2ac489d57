"""The content of a report without filters, options or a title of its own."""

from __future__ import annotations

from collections.abc import Iterable

from resma.report.content import ReportContent


def plain_content(report_type: str, formats: Iterable[str]) -> ReportContent:
    """Returns the content of a report of all columns and rows, in English and UTC."""
    return ReportContent(
        type=report_type,
        formats=list(formats),
        filters={},
        columns=None,
        locale="en-US",
        time_zone="UTC",
        title=None,
        personal_masked=False,
        options={},
    )
