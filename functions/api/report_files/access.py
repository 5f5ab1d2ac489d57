"""When and to whom the files of a split report are available."""

from __future__ import annotations

from resma.access.caller import Caller
from resma.jobs.personal_data import personal_keys
from resma.jobs.report_rows import Report
from resma.request_errors import ReportExpiredError, ReportFileNotFoundError, ReportHasNoFileError


def require_split_files(report: Report) -> None:
    """Raises an error unless files of the report can be listed and downloaded.

    They can while the report is in progress, when it is READY, and when it is FAILED. Raises ReportFileNotFoundError
    for a report that is not split; ReportExpiredError; ReportHasNoFileError for a cancelled report, whose files are
    deleted.
    """
    if report.split_by is None:
        raise ReportFileNotFoundError(
            f"The report is not split. GET /api/v1/reports/{report.report_id}/download downloads its files."
        )
    if report.status == "EXPIRED":
        raise ReportExpiredError("The files of this report have expired and were deleted. Request the report again.")
    if report.status not in {"PENDING", "GENERATING", "READY", "FAILED"}:
        raise ReportHasNoFileError(f"The report is {report.status} and has no files. Request it again.")


def hidden_keys(report: Report, caller: Caller) -> frozenset[str]:
    """Returns the names of the split columns whose values the caller may not see."""
    return frozenset() if "personal:read" in caller.scopes else frozenset(personal_keys(report))
