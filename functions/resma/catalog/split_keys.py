"""Keys of split reports: which columns a report may be split by, and the filters, title and file name of each key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from resma.request_errors import FieldError, RequestInvalidError

if TYPE_CHECKING:
    from resma.catalog.model import ReportType

MAX_SPLIT_COLUMNS = 8
"""Maximum number of columns that a report is split by."""


def require_split_columns(report_type: ReportType, split_by: Sequence[str] | None) -> None:
    """Raises RequestInvalidError unless `split_by` are the first columns by which the type may be split, or None."""
    if split_by is None:
        return
    by = report_type.split.by if report_type.split else ()
    if not by:
        detail = (
            f"A report of type {report_type.type} cannot be split. Remove it, or choose a report type that has "
            "`splitBy` in `GET /api/v1/report-types`."
        )
        raise RequestInvalidError.of([FieldError("/splitBy", detail)])
    if not split_by or tuple(split_by) != by[: len(split_by)]:
        allowed = " or ".join(str(list(by[:count])).replace("'", '"') for count in range(1, len(by) + 1))
        raise RequestInvalidError.of([FieldError("/splitBy", f"It must be {allowed}.")])
