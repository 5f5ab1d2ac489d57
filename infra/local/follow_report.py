"""What all functions have logged about one report, in the order of time: `REPORT=<id> make logs`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from infra.local.errors import StackError

_SHOWN_APART = {"timestamp", "service", "level", "message", "location", "report_id", "tenant_id", "xray_trace_id"}


@dataclass(frozen=True, order=True)
class LogLine:
    """A line about a report. `facts` is all that it says besides, as JSON."""

    at: datetime
    service: str
    level: str
    message: str
    facts: str

    def __str__(self) -> str:
        return f"{self.at:%H:%M:%S.%f}"[:-3] + f"  {self.service:<12}  {self.level:<7}  {self.message}  {self.facts}"


def parse_report_id(text: str) -> str:
    """Raises StackError where it is no report's id."""
    try:
        return str(UUID(text))
    except ValueError as error:
        raise StackError(f"REPORT={text}: give a report's id, as the API has answered it") from error


def follow_report(folder: Path, report_id: str) -> list[LogLine]:
    """Returns the lines about a report in the logs of a folder, oldest first. What is no JSON is passed over."""
    return sorted(
        line for path in sorted(folder.glob("*.log")) for line in _lines(path.read_text("utf-8", "replace"), report_id)
    )


def _lines(text: str, report_id: str) -> Iterator[LogLine]:
    for row in text.splitlines():
        if report_id in row and row.startswith("{"):
            try:
                record = json.loads(row)
            except ValueError:
                continue
            if record.get("report_id") == report_id:
                yield _measured(record) if "_aws" in record else _logged(record)


def _logged(record: dict[str, Any]) -> LogLine:
    facts = {name: value for name, value in record.items() if name not in _SHOWN_APART}
    at = datetime.strptime(record["timestamp"], "%Y-%m-%d %H:%M:%S,%f%z").astimezone(UTC)
    return LogLine(at, record["service"], record["level"], record["message"], json.dumps(facts, ensure_ascii=False))


def _measured(record: dict[str, Any]) -> LogLine:
    """A line of metrics (CloudWatch, embedded metric format)."""
    described = record["_aws"]
    names = [metric["Name"] for group in described["CloudWatchMetrics"] for metric in group["Metrics"]]
    at = datetime.fromtimestamp(described["Timestamp"] / 1000, UTC)
    facts = {name: record[name][0] for name in names}
    return LogLine(at, record["service"], "METRICS", "measured", json.dumps(facts))
