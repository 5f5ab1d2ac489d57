"""Generates a report with the client that openapi-python-client generates from the OpenAPI document.

Its environment variables are RESMA_URL, RESMA_KEY, and PYTHONPATH with the folder of the package `resma_client`.
"""

# mypy: ignore-errors

from __future__ import annotations

import datetime
import json
import os
import time

from resma_client import AuthenticatedClient
from resma_client.api.reports import generate_report, get_report, get_report_summary
from resma_client.models import (
    Problem,
    Report,
    ReportFormat,
    ReportRequest,
    ReportRequestFilters,
    ReportRequestType,
    ReportStatus,
    TransactionsFilters,
)


def main() -> None:
    """Prints the report, and the pointers of the errors in an invalid request."""
    client = AuthenticatedClient(base_url=os.environ["RESMA_URL"], token=os.environ["RESMA_KEY"])
    filters = TransactionsFilters(from_=datetime.date(2024, 1, 1), to=datetime.date(2024, 1, 5))
    request = ReportRequest(
        type_=ReportRequestType.TRANSACTIONS,
        format_=ReportFormat.CSV,
        filters=ReportRequestFilters.from_dict(filters.to_dict()),
        columns=["booked_at", "amount"],
    )
    report = generate_report.sync(client=client, body=request)
    while isinstance(report, Report) and report.status in {ReportStatus.PENDING, ReportStatus.GENERATING}:
        time.sleep(0.5)
        report = get_report.sync(report.id, client=client)
    summary = get_report_summary.sync(report.id, client=client)
    request.columns = ["x"]
    refused = generate_report.sync(client=client, body=request)
    assert isinstance(refused, Problem), refused
    print(
        json.dumps(
            {
                "id": str(report.id),
                "status": report.status,
                "rows": report.rows,
                "summary_rows": summary.rows,
                "pointers": [part.pointer for part in refused.errors],
            }
        )
    )


if __name__ == "__main__":
    main()
