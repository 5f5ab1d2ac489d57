"""Asks for yesterday's summary by an event. Invoked twice on a day it gets one report: the requestId is the day's."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3


def handler(_event: dict[str, Any], _context: object) -> dict[str, str]:
    """Entry point for the schedule. Returns the event's id; `Report Accepted` will name it, or `Report Rejected`."""
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
    # The call may be well and the entry not: Lambda tries again if this raises.
    if answer["FailedEntryCount"]:
        raise RuntimeError(f"the bus has not taken the event: {answer['Entries'][0].get('ErrorCode')}")
    return {"eventId": answer["Entries"][0]["EventId"]}
