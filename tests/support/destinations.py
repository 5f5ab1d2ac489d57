"""Destinations of the kind S3 in tests, and the deliveries to them."""

from __future__ import annotations

import hashlib
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from tests.support.system import System
from tests.support.webhook_endpoints import call

DESTINATIONS = "/api/v1/destinations"
DELIVERIES = "/api/v1/file-deliveries"
BUCKET = "partner-reports"


def create_bucket(system: System, name: str = BUCKET) -> str:
    """Creates a bucket of a customer, and returns its name."""
    system.s3.create_bucket(Bucket=name)
    return name


def create_destination(system: System, name: str = "Partner", **settings: Any) -> Any:
    """Creates a destination of the kind S3, and returns it."""
    body = {"name": name, "kind": "S3", "settings": {"bucket": BUCKET, **settings}}
    status, headers, made = system.call_api("POST", DESTINATIONS, body)
    assert status == 201, made
    assert headers["Location"].endswith(f"{DESTINATIONS}/{made['id']}")
    return made


def deliveries_of(system: System, report_id: object) -> list[Any]:
    """Returns the deliveries of a report."""
    items: list[Any] = call(system, "GET", f"/api/v1/reports/{report_id}/file-deliveries")["items"]
    return items


def delivered(system: System, bucket: str = BUCKET) -> dict[str, str]:
    """Returns the SHA-256 of each object in a bucket, by name."""
    listed = system.s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    return {
        item["Key"]: hashlib.sha256(system.s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()).hexdigest()
        for item in listed
    }


def make_due(admin: Connection[TupleRow]) -> None:
    """Makes all pending deliveries due, as if their pauses and leases were over."""
    admin.execute(
        "UPDATE resma.file_deliveries SET next_attempt_at = clock_timestamp(), lease_until = NULL"
        " WHERE status = 'PENDING'"
    )


def deliver_report(system: System, *destination_ids: str, **request: Any) -> Any:
    """Requests a report that is delivered, generates it, makes the first attempts, and returns the report."""
    request = request if "formats" in request else {"format": "CSV", **request}
    report_id = system.request_report(**request, deliverTo=list(destination_ids))
    assert system.work_once()
    system.deliver_files()
    return system.show(report_id)
