"""Report ids in paths."""

from __future__ import annotations

import re
from uuid import UUID

from resma.request_errors import ReportNotFoundError

REPORT_ID = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"


def parse_report_id(text: str) -> UUID:
    """Returns the report id in a path. Raises ReportNotFoundError if it is not a valid report id."""
    if re.fullmatch(REPORT_ID, text) is None:
        raise ReportNotFoundError("This is not a report id. GET /api/v1/reports lists your reports.")
    return UUID(text)
