"""What the world is told when a report ends, and the outbox that makes sure it is told."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from resma.reports import Report

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient


@dataclass(frozen=True)
class Event:
    """One event of the outbox. Its id is the same however often it is published."""

    tenant_id: str
    event_id: str
    report_id: UUID
    type: str
    created_at: datetime


def find_event(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> Event | None:
    """Returns a report's completion event, if it has ended."""
    with connection.cursor(row_factory=class_row(Event)) as cursor:
        cursor.execute(
            "SELECT tenant_id, event_id, report_id, type, created_at FROM resma.events"
            " WHERE tenant_id = %s AND report_id = %s",
            (tenant_id, report_id),
        )
        return cursor.fetchone()


def describe_event(event: Event, report: Report, public_base_url: str) -> dict[str, Any]:
    """The event as JSON, for the topic and, with a presigned address added, for the webhook."""
    return {
        "id": event.event_id,
        "type": event.type,
        "timestamp": event.created_at.isoformat(),
        "data": {
            "tenantId": report.tenant_id,
            "reportId": str(report.report_id),
            "type": report.type,
            "format": report.format,
            "status": report.status,
            "asOf": report.as_of.isoformat() if report.as_of else None,
            "rows": report.rows_done if report.status == "READY" else None,
            "bytes": report.bytes,
            "sha256": report.sha256,
            "totals": report.totals,
            "truncated": False,
            "error": {"code": report.error_code, "detail": report.error_detail} if report.error_code else None,
            "links": {
                "report": f"{public_base_url}/api/v1/reports/{report.report_id}",
                "download": f"{public_base_url}/api/v1/reports/{report.report_id}/download",
            },
        },
    }


def publish_event(sns: SNSClient, topic_arn: str, message: dict[str, Any]) -> None:
    """Sends a described event to the topic, with attributes that subscribers can filter by."""
    data = message["data"]
    attributes = {
        "event": message["type"],
        "tenantId": data["tenantId"],
        "type": data["type"],
        "format": data["format"],
        "status": data["status"],
    }
    sns.publish(
        TopicArn=topic_arn,
        Message=json.dumps(message, ensure_ascii=False),
        MessageAttributes={name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()},
    )


def mark_published(connection: Connection[TupleRow], event: Event) -> None:
    """Takes an event out of the outbox."""
    connection.execute(
        "UPDATE resma.events SET published_at = clock_timestamp() WHERE tenant_id = %s AND event_id = %s",
        (event.tenant_id, event.event_id),
    )
