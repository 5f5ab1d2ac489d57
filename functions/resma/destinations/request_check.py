"""Validation of `deliverTo` in requests, schedules and events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from resma.destinations.destination_rows import DestinationRow
from resma.request_errors import FieldError, json_pointer

MAX_DESTINATIONS_PER_REPORT = 10
DESTINATION_ID = "^dst_[0-9a-f]{32}$"
"""Pattern of the id of a destination."""


def deliver_to_errors(
    rows: Sequence[DestinationRow], destination_ids: Sequence[str], *, is_personal: bool = False
) -> Iterator[FieldError]:
    """Yields an error for each destination that is unknown, belongs to another tenant, or is disabled.

    `rows` are those of the tenant's destinations with these ids that exist. `is_personal` says that the files show
    personal data; then destinations that do not accept them are errors, too.
    """
    found = {row.destination_id: row for row in rows}
    for index, destination_id in enumerate(destination_ids):
        row = found.get(destination_id)
        if row is None:
            detail = "This destination does not exist. GET /api/v1/destinations lists your destinations."
        elif row.disabled_at is not None:
            detail = f"The destination '{row.name}' is disabled. Enable it first, or remove it here."
        elif is_personal and not row.accepts_personal:
            detail = (
                f"The destination '{row.name}' does not accept personal data, because a caller without the scope "
                "personal:read wrote its settings or certificates. Have a caller with this scope save both in one "
                "request, or remove it here."
            )
        else:
            continue
        yield FieldError(json_pointer("deliverTo", index), detail)
