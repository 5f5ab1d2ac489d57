"""Creates, changes, tests and deletes destinations, and replays deliveries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.destinations.health import LastAttempt, last_attempts
from api.destinations.models import DestinationChanges, DestinationRequest
from resma.access.caller import Caller
from resma.aws.metrics import emit_abandoned_deliveries
from resma.database.connection import Database
from resma.destinations.deliveries import (
    FileDeliveryRecord,
    end_deliveries,
    find_delivery,
    insert_test_delivery,
    replay_delivery,
)
from resma.destinations.destination_rows import (
    DestinationRow,
    NewDestination,
    delete_destination,
    find_destination,
    insert_destination,
    list_destinations,
    update_destination,
)
from resma.destinations.kinds import check_destination_settings
from resma.destinations.queue import DeliveryQueue
from resma.destinations.settings import DestinationRules
from resma.destinations.tenant_rules import rules_of_tenant
from resma.encryption.certificate_rows import encrypt_for_errors
from resma.request_errors import FieldError, RequestInvalidError, collect_errors


@dataclass(frozen=True)
class Destinations:
    """Destinations of the caller's tenant. Methods with an id raise DestinationNotFoundError if it does not exist.

    Only callers with `personal:read` make a destination accept files with personal data, because the caller who writes
    the settings and the certificates chooses who gets the files and can read them.
    """

    database: Database
    caller: Caller
    rules: DestinationRules

    def create(self, request: DestinationRequest) -> DestinationRow:
        """Creates a destination. Raises RequestInvalidError and TooManyDestinationsError."""
        tenant_id = self.caller.tenant_id
        with self.database.transaction(tenant_id) as connection:
            rules = rules_of_tenant(connection, tenant_id, self.rules)
            field_errors: list[FieldError] = []
            with collect_errors(field_errors):
                settings = check_destination_settings(request.kind, request.settings, rules)
            field_errors += encrypt_for_errors(connection, tenant_id, request.encrypt_for or (), lock=True)
            if field_errors:
                raise RequestInvalidError.of(field_errors)
            new = NewDestination(
                name=request.name,
                kind=request.kind,
                settings=settings.model_dump(mode="json", by_alias=True),
                accepts_personal=self._may_see_personal,
                encrypt_for=request.encrypt_for,
                created_by=self.caller.subject,
            )
            return insert_destination(connection, tenant_id, new)

    def list(self) -> list[tuple[DestinationRow, LastAttempt | None]]:
        """Returns all destinations, each with its last attempt."""
        with self.database.transaction(self.caller.tenant_id) as connection:
            rows = list_destinations(connection, self.caller.tenant_id)
            last = last_attempts(connection, self.caller.tenant_id, [row.destination_id for row in rows])
        return [(row, last.get(row.destination_id)) for row in rows]

    def show(self, destination_id: str) -> tuple[DestinationRow, LastAttempt | None]:
        """Returns a destination with its last attempt."""
        with self.database.transaction(self.caller.tenant_id) as connection:
            row = find_destination(connection, self.caller.tenant_id, destination_id)
            return row, last_attempts(connection, self.caller.tenant_id, [destination_id]).get(destination_id)

    def change(self, destination_id: str, changes: DestinationChanges) -> DestinationRow:
        """Changes the properties in the request. Disabling a destination ends its pending deliveries.

        Raises RequestInvalidError.
        """
        values: dict[str, Any] = {name: getattr(changes, name) for name in changes.model_fields_set}
        tenant_id = self.caller.tenant_id
        with self.database.transaction(tenant_id) as connection:
            before = find_destination(connection, tenant_id, destination_id, for_update=True)
            field_errors: list[FieldError] = []
            if "settings" in values:
                rules = rules_of_tenant(connection, tenant_id, self.rules)
                with collect_errors(field_errors):
                    settings = check_destination_settings(before.kind, changes.settings, rules)
                    values["settings"] = settings.model_dump(mode="json", by_alias=True)
            field_errors += encrypt_for_errors(connection, tenant_id, changes.encrypt_for or (), lock=True)
            if field_errors:
                raise RequestInvalidError.of(field_errors)
            if values.keys() & {"settings", "encrypt_for"}:
                values["accepts_personal"] = self._may_see_personal and (
                    before.accepts_personal or _chooses_receivers(before, values)
                )
            row = update_destination(connection, tenant_id, destination_id, values, self.caller.subject)
            is_disabled = row.disabled_at is not None
            ended = end_deliveries(connection, tenant_id, destination_id, "destination-disabled") if is_disabled else 0
        emit_abandoned_deliveries(ended, tenant_id, "destination-disabled")
        return row

    def delete(self, destination_id: str) -> None:
        """Deletes a destination and ends its pending deliveries, which stay in the lists of their reports.

        Raises DestinationInUseError if schedules name it.
        """
        tenant_id = self.caller.tenant_id
        with self.database.transaction(tenant_id) as connection:
            delete_destination(connection, tenant_id, destination_id)
            ended = end_deliveries(connection, tenant_id, destination_id, "destination-deleted")
        emit_abandoned_deliveries(ended, tenant_id, "destination-deleted")

    def send_test(self, destination_id: str, queue: DeliveryQueue) -> FileDeliveryRecord:
        """Delivers a test file to a destination. Raises DestinationDisabledError."""
        tenant_id = self.caller.tenant_id
        with self.database.transaction(tenant_id) as connection:
            find_destination(connection, tenant_id, destination_id)
            delivery_id = insert_test_delivery(connection, tenant_id, destination_id)
            record = find_delivery(connection, tenant_id, delivery_id)
        queue.send_all(tenant_id, [destination_id])
        return record

    def replay(self, delivery_id: str, queue: DeliveryQueue) -> FileDeliveryRecord:
        """Makes a delivery due now, whatever its status, and records the caller.

        Raises FileDeliveryNotFoundError, DestinationDisabledError, FileDeliveryInProgressError, ReportExpiredError.
        """
        tenant_id = self.caller.tenant_id
        with self.database.transaction(tenant_id) as connection:
            record = replay_delivery(connection, tenant_id, delivery_id, (self.caller.subject, self.caller.address))
        queue.send_all(tenant_id, [record.delivery.destination_id])
        return record

    @property
    def _may_see_personal(self) -> bool:
        return "personal:read" in self.caller.scopes


def _chooses_receivers(before: DestinationRow, values: Mapping[str, Any]) -> bool:
    """Returns whether a change replaces everything that chooses who can read the files: settings and certificates."""
    return "settings" in values and ("encrypt_for" in values or not before.encrypt_for)
