"""Creates, changes and deletes webhook endpoints, and rotates their secrets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from api.webhooks.health import LastAttempt, last_attempts
from api.webhooks.models import EndpointChanges, EndpointRequest
from resma.catalog import find_report_type
from resma.database.connection import Database
from resma.network.receivers import AllowedReceivers
from resma.request_errors import FieldError, RequestInvalidError, WebhookEndpointReadOnlyError
from resma.webhooks.deliveries import end_deliveries
from resma.webhooks.endpoints import (
    WebhookEndpointRow,
    delete_endpoint,
    find_endpoint,
    insert_endpoint,
    list_endpoints,
    rotate_secret,
    update_endpoint,
)
from resma.webhooks.signing_secrets import CALLBACK
from resma.webhooks.url_errors import webhook_url_errors


@dataclass(frozen=True)
class WebhookEndpoints:
    """Webhook endpoints of a tenant. Methods with an id raise WebhookEndpointNotFoundError if it does not exist."""

    database: Database
    tenant_id: str
    receivers: AllowedReceivers

    def register(self, request: EndpointRequest) -> WebhookEndpointRow:
        """Creates an endpoint. Raises RequestInvalidError and TooManyWebhookEndpointsError."""
        self._check(request.url, request.report_types)
        events = None if request.events is None else list[str](request.events)
        with self.database.transaction(self.tenant_id) as connection:
            return insert_endpoint(connection, self.tenant_id, request.url, events, request.report_types)

    def list(self) -> list[tuple[WebhookEndpointRow, LastAttempt | None]]:
        """Returns all endpoints, starting with `callback`, each with its last attempt."""
        with self.database.transaction(self.tenant_id) as connection:
            endpoints = list_endpoints(connection, self.tenant_id)
            last = last_attempts(connection, self.tenant_id, [each.endpoint_id for each in endpoints])
        return [(each, last.get(each.endpoint_id)) for each in endpoints]

    def show(self, endpoint_id: str) -> tuple[WebhookEndpointRow, LastAttempt | None]:
        """Returns an endpoint with its last attempt."""
        with self.database.transaction(self.tenant_id) as connection:
            endpoint = find_endpoint(connection, self.tenant_id, endpoint_id)
            return endpoint, last_attempts(connection, self.tenant_id, [endpoint_id]).get(endpoint_id)

    def find(self, endpoint_id: str) -> WebhookEndpointRow:
        """Returns an endpoint."""
        with self.database.transaction(self.tenant_id) as connection:
            return find_endpoint(connection, self.tenant_id, endpoint_id)

    def change(self, endpoint_id: str, changes: EndpointChanges) -> WebhookEndpointRow:
        """Changes the properties in the request. Disabling an endpoint ends its pending deliveries.

        Raises RequestInvalidError and WebhookEndpointReadOnlyError.
        """
        _refuse_callback(endpoint_id, "cannot be changed. Set `callbackUrl` in each request instead.")
        values = {name: getattr(changes, name) for name in changes.model_fields_set}
        self._check(values.get("url"), changes.report_types)
        with self.database.transaction(self.tenant_id) as connection:
            endpoint = update_endpoint(connection, self.tenant_id, endpoint_id, values)
            if endpoint.disabled_at is not None:
                end_deliveries(connection, self.tenant_id, endpoint_id, "endpoint-disabled")
        return endpoint

    def delete(self, endpoint_id: str) -> None:
        """Deletes an endpoint and ends its pending deliveries, which stay in the lists of their reports.

        Raises WebhookEndpointReadOnlyError.
        """
        _refuse_callback(endpoint_id, "cannot be deleted. Omit `callbackUrl` in requests instead.")
        with self.database.transaction(self.tenant_id) as connection:
            delete_endpoint(connection, self.tenant_id, endpoint_id)
            end_deliveries(connection, self.tenant_id, endpoint_id, "endpoint-deleted")

    def rotate(self, endpoint_id: str, overlap: timedelta) -> WebhookEndpointRow:
        """Creates a new secret. The previous one stays valid for `overlap`. Raises WebhookRotationRefusedError."""
        with self.database.transaction(self.tenant_id) as connection:
            return rotate_secret(connection, self.tenant_id, endpoint_id, overlap)

    def _check(self, url: str | None, report_types: Sequence[str] | None) -> None:
        """Raises RequestInvalidError with all validation errors."""
        field_errors = [*webhook_url_errors(url, "/url", self.receivers), *report_type_errors(report_types or ())]
        if field_errors:
            raise RequestInvalidError.of(field_errors)


def _refuse_callback(endpoint_id: str, reason: str) -> None:
    if endpoint_id == CALLBACK:
        raise WebhookEndpointReadOnlyError(f"The endpoint `callback` {reason}")


def report_type_errors(names: Sequence[str]) -> Iterator[FieldError]:
    """Yields an error for each unknown report type."""
    for index, name in enumerate(names):
        try:
            find_report_type(name)
        except RequestInvalidError as error:
            yield FieldError(f"/reportTypes/{index}", error.field_errors[0].detail)
