"""Is told of reports by the topic and by the bus, and notes them in its log. What you do with a report goes here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any


def handler(event: dict[str, Any], _context: object) -> None:
    """Entry point for both. A report may be told twice: do nothing twice for an `id`."""
    for way, message in _messages(event):
        data = message["data"]
        noted = {"way": way, "id": message["id"], "reportId": data["reportId"], "status": data["status"]}
        print(json.dumps(noted))


def _messages(event: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The event itself is the same on both; each wraps it in its own way."""
    if event.get("detail-type") == "Report Completed":
        yield "bus", event["detail"]
    for record in event.get("Records", []):
        yield "topic", json.loads(record["Sns"]["Message"])
