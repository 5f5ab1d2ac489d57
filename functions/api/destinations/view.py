"""Converts destinations and deliveries to their JSON models."""

from __future__ import annotations

from api.destinations.health import LastAttempt
from api.destinations.models import DestinationView, FileDeliveryView
from resma.destinations.deliveries import FileDeliveryRecord
from resma.destinations.destination_rows import DestinationRow
from resma.destinations.kinds import read_destination_settings


def show_destination(row: DestinationRow, last: LastAttempt | None = None) -> DestinationView:
    """Returns the JSON model of a destination. `last` is its last attempt."""
    settings = read_destination_settings(row.kind, row.settings)
    return DestinationView.model_validate(
        {
            **{name: getattr(row, name) for name in ("name", "kind", "settings", "encrypt_for", "disabled_at")},
            **{name: getattr(row, name) for name in ("created_at", "created_by", "updated_at", "updated_by")},
            "id": row.destination_id,
            "url": settings.url,
            "external_id": row.destination_id,
            "name_prefix": settings.name_prefix(row.tenant_id),
            "accepts_personal_data": row.accepts_personal,
            "enabled": row.disabled_at is None,
            "failing": last is not None and last.outcome == "FAILED",
            "last_attempt": last and vars(last),
        }
    )


def show_delivery(record: FileDeliveryRecord, base_url: str) -> FileDeliveryView:
    """Returns the JSON model of a delivery. `base_url` is the base URL of the API."""
    delivery = record.delivery
    url = f"{base_url}/api/v1/file-deliveries/{delivery.delivery_id}"
    return FileDeliveryView.model_validate(
        {
            **vars(delivery),
            "id": delivery.delivery_id,
            "next_attempt_at": delivery.next_attempt_at if delivery.status == "PENDING" else None,
            "files": [vars(file) for file in record.files],
            "attempts": [vars(attempt) for attempt in record.attempts],
            "recipients": [vars(recipient) for recipient in record.recipients],
            "replays": [vars(replay) for replay in record.replays],
            "links": {
                "self": url,
                "report": delivery.report_id and f"{base_url}/api/v1/reports/{delivery.report_id}",
                "replay": f"{url}/replay",
            },
        }
    )
