"""Completion events of reports, and the outbox that guarantees that they are sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import TupleRow, class_row

from resma.events.destinations import Destination
from resma.jobs.report_rows import Report, StoredFile, stored_files


@dataclass(frozen=True)
class Event:
    """One event of the outbox. Its id stays the same if it is published again."""

    tenant_id: str
    event_id: str
    report_id: UUID
    type: str
    created_at: datetime
    error_code: str | None = None
    error_detail: str | None = None


EVENT_COLUMNS = sql.SQL(", ").join(sql.Identifier(name) for name in Event.__dataclass_fields__)

_STATUS_OF = {
    "report.ready": "READY",
    "report.failed": "FAILED",
    "report.cancelled": "CANCELLED",
    "report.skipped": "SKIPPED",
}
"""Status of the report when the event was written. Its row may have another status by now: redriven or expired."""


EVENT_OBJECTS: tuple[Literal["manifest", "zip"], ...] = ("manifest", "zip")
"""Objects of a split report that its event describes. The manifest names the list of files."""


def find_event(
    connection: Connection[TupleRow], tenant_id: str, report_id: UUID, event_id: str | None = None
) -> Event | None:
    """Returns the completion event with this id, or the report's latest one; None if the report has not ended."""
    with connection.cursor(row_factory=class_row(Event)) as cursor:
        cursor.execute(
            sql.SQL(
                "SELECT {} FROM resma.events WHERE tenant_id = %(tenant_id)s AND report_id = %(report_id)s"
                " AND event_id = coalesce(%(event_id)s, event_id) ORDER BY redrive DESC LIMIT 1"
            ).format(EVENT_COLUMNS),
            {"tenant_id": tenant_id, "report_id": report_id, "event_id": event_id},
        )
        return cursor.fetchone()


def count_failed_files(connection: Connection[TupleRow], report: Report) -> int:
    """Returns the number of files of a split report that could not be generated; 0 for other reports."""
    if report.split_by is None:
        return 0
    row = connection.execute(
        "SELECT count(*) FROM resma.report_files WHERE tenant_id = %s AND report_id = %s AND error_code IS NOT NULL",
        (report.tenant_id, report.report_id),
    ).fetchone()
    assert row is not None  # an aggregate always returns a row
    return int(row[0])


def describe_event(event: Event, report: Report, public_base_url: str, files_failed: int) -> dict[str, Any]:
    """Returns the event as JSON, for topic and bus. Webhooks add presigned URLs to it.

    `files_failed` is the number that `count_failed_files` returns.

    It is always smaller than `destinations.MAX_EVENT_BYTES`, because each part has a limit of its own
    (`claim.MAX_SHOWN_TOTALS`, `short_text.py`). `format`, `bytes` and `sha256` are those of the first file.
    """
    status = _STATUS_OF[event.type]
    is_ready = status == "READY"
    files = (report.files or []) if is_ready and report.split_by is None else []
    return {
        "id": event.event_id,
        "type": event.type,
        "timestamp": event.created_at.isoformat(),
        "data": {
            "tenantId": report.tenant_id,
            "reportId": str(report.report_id),
            "type": report.type,
            "format": files[0]["format"] if files else report.formats[0],
            "formats": report.formats,
            "status": status,
            "expiresAt": report.expires_at.isoformat() if is_ready and report.expires_at else None,
            "asOf": report.as_of.isoformat() if report.as_of else None,
            "rows": report.rows_done if is_ready else None,
            "bytes": files[0]["bytes"] if files else None,
            "sha256": files[0]["sha256"] if files else None,
            "signedBy": report.signed_by if is_ready else None,
            "files": [_describe_file(report, file, public_base_url) for file in files],
            "split": _describe_split(report, public_base_url, files_failed, status),
            "failedFiles": (report.failed_files or []) if report.status == status else [],
            "warnings": (report.warnings or []) if is_ready else [],
            "totals": report.totals,
            "totalsOmitted": report.totals_omitted,
            "balance": report.balance,
            "controlTotals": report.control_totals,
            "error": {"code": event.error_code, "detail": event.error_detail} if event.error_code else None,
            "skippedReason": report.skipped_code and {"code": report.skipped_code, "detail": report.skipped_detail},
            "links": {
                "report": f"{public_base_url}/api/v1/reports/{report.report_id}",
                "download": f"{public_base_url}/api/v1/reports/{report.report_id}/download",
            },
        },
    }


def _describe_file(report: Report, file: StoredFile, public_base_url: str) -> dict[str, Any]:
    return {
        "format": file["format"],
        "mediaType": file["media_type"],
        "bytes": file["bytes"],
        "sha256": file["sha256"],
        **({"plainSha256": file["plain_sha256"]} if "plain_sha256" in file else {}),
        "download": f"{public_base_url}/api/v1/reports/{report.report_id}/download?format={file['format']}",
    }


def _describe_split(report: Report, public_base_url: str, files_failed: int, status: str) -> dict[str, Any] | None:
    if report.split_by is None:
        return None
    described: dict[str, Any] = {
        "by": report.split_by,
        "keys": report.keys_expected,
        # The files of a cancelled report are removed.
        "files": 0 if status == "CANCELLED" else stored_files(report, report.keys_done, files_failed),
        "filesFailed": files_failed,
    }
    for name in EVENT_OBJECTS:
        stored = report.manifest[name] if status == "READY" and report.manifest else None
        described[name] = stored and {
            "bytes": stored["bytes"],
            "sha256": stored["sha256"],
            "download": f"{public_base_url}/api/v1/reports/{report.report_id}/download?file={name}",
        }
    return described


def mark_sent(connection: Connection[TupleRow], event: Event, destinations: Sequence[Destination]) -> None:
    """Marks an event as sent to these destinations, which removes it from their outboxes."""
    marks = sql.SQL(", ").join(
        sql.SQL("{} = clock_timestamp()").format(sql.Identifier(destination.mark)) for destination in destinations
    )
    connection.execute(
        sql.SQL("UPDATE resma.events SET {} WHERE tenant_id = %s AND event_id = %s").format(marks),
        (event.tenant_id, event.event_id),
    )
