"""Requests the summary of the previous day by an event. Several invocations on a day request the same report.

The day is part of the `requestId`, which deduplicates requests.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3


def handler(_event: dict[str, Any], _context: object) -> dict[str, str]:
    """Entry point for the schedule. Returns the id of the event, which `Report Accepted` or `Report Rejected` names."""
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    request = {"type": "DAILY_SUMMARY", "format": "XLSX", "filters": {"from": yesterday, "to": yesterday}}
    detail = {"tenantId": os.environ["TENANT_ID"], "requestId": f"daily-summary-{yesterday}", "request": request}
    response = boto3.client("events").put_events(
        Entries=[
            {
                "Source": "bank.reporting",
                "DetailType": "Report Requested",
                "Detail": json.dumps(detail),
                "EventBusName": os.environ["EVENT_BUS_NAME"],
            }
        ]
    )
    # The call can succeed although the bus rejected the entry. Lambda retries after an exception.
    if response["FailedEntryCount"]:
        raise RuntimeError(f"The bus rejected the event with {response['Entries'][0].get('ErrorCode')}.")
    return {"eventId": response["Entries"][0]["EventId"]}
