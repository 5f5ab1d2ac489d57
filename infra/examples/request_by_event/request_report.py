"""Requests yesterday's summary with an event. A second request on a day has no effect: the requestId has the day."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3


def handler(_event: dict[str, Any], _context: object) -> dict[str, str]:
    """Entry point for the schedule. Returns the event's id, which the answer will contain."""
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    request = {"type": "DAILY_SUMMARY", "format": "XLSX", "filters": {"from": yesterday, "to": yesterday}}
    detail = {"tenantId": os.environ["TENANT_ID"], "requestId": f"daily-summary-{yesterday}", "request": request}
    answer = boto3.client("events").put_events(
        Entries=[
            {
                "Source": "bank.reporting",
                "DetailType": "Report Requested",
                "Detail": json.dumps(detail),
                "EventBusName": os.environ["EVENT_BUS_NAME"],
            }
        ]
    )
    # The call succeeds even if the entry fails. Lambda retries if this raises an error.
    if answer["FailedEntryCount"]:
        raise RuntimeError(f"The event bus has not accepted the event: {answer['Entries'][0].get('ErrorCode')}")
    return {"eventId": answer["Entries"][0]["EventId"]}
