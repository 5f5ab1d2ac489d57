"""Converts destinations and deliveries to their JSON models."""

from __future__ import annotations

from api.destinations.health import LastAttempt
from api.destinations.models import DestinationView, FileDeliveryView
from resma.access.caller import Caller, address_for, hide_emails, subject_for
from resma.destinations.deliveries import FileDeliveryRecord
from resma.destinations.destination_rows import DestinationRow
from resma.destinations.kinds import read_destination_settings


def show_destination(row: DestinationRow, caller: Caller, last: LastAttempt | None = None) -> DestinationView:
    """Returns the JSON model of a destination as the caller may see it. `last` is its last attempt."""
    settings = read_destination_settings(row.kind, row.settings)
    return DestinationView.model_validate(
        {
            **{name: getattr(row, name) for name in ("name", "kind", "settings", "encrypt_for", "disabled_at")},
            **{name: getattr(row, name) for name in ("created_at", "updated_at")},
            "created_by": subject_for(caller, row.created_by),
            "updated_by": subject_for(caller, row.updated_by),
            "id": row.destination_id,
            "url": settings.url,
            "external_id": row.destination_id,
            "name_prefix": settings.name_prefix(row.tenant_id),
            "accepts_personal_data": row.accepts_personal,
            "enabled": row.disabled_at is None,
            "failing": last is not None and last.outcome == "FAILED",
            "last_attempt": last and {**vars(last), "error_detail": hide_emails(caller, last.error_detail)},
        }
    )


def show_delivery(record: FileDeliveryRecord, base_url: str, caller: Caller) -> FileDeliveryView:
    """Returns the JSON model of a delivery as the caller may see it. `base_url` is the base URL of the API."""
    delivery = record.delivery
    url = f"{base_url}/api/v1/file-deliveries/{delivery.delivery_id}"
    return FileDeliveryView.model_validate(
        {
            **vars(delivery),
            "id": delivery.delivery_id,
            "next_attempt_at": delivery.next_attempt_at if delivery.status == "PENDING" else None,
            "files": [vars(file) for file in record.files],
            "attempts": [
                {**vars(attempt), "error_detail": hide_emails(caller, attempt.error_detail)}
                for attempt in record.attempts
            ],
            "recipients": [
                {
                    **vars(recipient),
                    "address": hide_emails(caller, recipient.address),
                    "detail": hide_emails(caller, recipient.detail),
                }
                for recipient in record.recipients
            ],
            "replays": [
                {
                    "requested_at": replay.requested_at,
                    "requested_by": subject_for(caller, replay.requested_by),
                    "requested_from": address_for(caller, replay.requested_from),
                }
                for replay in record.replays
            ],
            "links": {
                "self": url,
                "report": delivery.report_id and f"{base_url}/api/v1/reports/{delivery.report_id}",
                "replay": f"{url}/replay",
            },
        }
    )
