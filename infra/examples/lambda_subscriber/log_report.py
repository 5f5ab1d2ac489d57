"""Receives events of reports from the topic and the event bus, and logs them. Replace this by your own code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any


def handler(event: dict[str, Any], _context: object) -> None:
    """Entry point for both. An event may be delivered twice, so handle each `id` only once."""
    for source, message in _messages(event):
        data = message["data"]
        entry = {"source": source, "id": message["id"], "reportId": data["reportId"], "status": data["status"]}
        print(json.dumps(entry))


def _messages(event: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields the events with their source. The topic and the event bus wrap the same event differently."""
    if event.get("detail-type") == "Report Completed":
        yield "bus", event["detail"]
    for record in event.get("Records", []):
        yield "topic", json.loads(record["Sns"]["Message"])
