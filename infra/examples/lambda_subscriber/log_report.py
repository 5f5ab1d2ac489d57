"""Receives completion events from the topic and from the bus, and logs them. Replace the log line by your own code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any


def handler(event: dict[str, Any], _context: object) -> None:
    """Entry point for both sources. An event may be delivered more than once: process each `id` once."""
    for source, message in _messages(event):
        data = message["data"]
        line = {"source": source, "id": message["id"], "reportId": data["reportId"], "status": data["status"]}
        print(json.dumps(line))


def _messages(event: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields each event with its source. Topic and bus deliver the same event in different envelopes."""
    if event.get("detail-type") == "Report Completed":
        yield "bus", event["detail"]
    for record in event.get("Records", []):
        yield "topic", json.loads(record["Sns"]["Message"])
