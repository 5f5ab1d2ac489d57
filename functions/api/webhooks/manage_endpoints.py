"""/api/v1/webhook-endpoints: registering, changing and deleting endpoints, and rotating their secrets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from api.webhooks.health import LastAttempt, last_attempts
from api.webhooks.models import EndpointChanges, EndpointRequest
from resma.catalog import find_report_type
from resma.database.connection import Database
from resma.errors import FieldError, RequestInvalidError, WebhookEndpointReadOnlyError
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
from resma.webhooks.receivers import AllowedReceivers
from resma.webhooks.signing_secrets import CALLBACK
from resma.webhooks.url_errors import webhook_url_errors


@dataclass(frozen=True)
class WebhookEndpoints:
    """A tenant's endpoints. Every method raises WebhookEndpointNotFoundError where there is none of that id."""

    database: Database
    tenant_id: str
    receivers: AllowedReceivers

    def register(self, request: EndpointRequest) -> WebhookEndpointRow:
        """Makes an endpoint. Raises RequestInvalidError; TooManyWebhookEndpointsError."""
        self._check(request.url, request.report_types)
        events = None if request.events is None else list[str](request.events)
        with self.database.transaction(self.tenant_id) as connection:
            return insert_endpoint(connection, self.tenant_id, request.url, events, request.report_types)

    def list(self) -> list[tuple[WebhookEndpointRow, LastAttempt | None]]:
        """All of them, that of callbacks first, each with the attempt at it that ended last."""
        with self.database.transaction(self.tenant_id) as connection:
            found = list_endpoints(connection, self.tenant_id)
            last = last_attempts(connection, self.tenant_id, [each.endpoint_id for each in found])
        return [(each, last.get(each.endpoint_id)) for each in found]

    def show(self, endpoint_id: str) -> tuple[WebhookEndpointRow, LastAttempt | None]:
        """One of them, with the attempt at it that ended last."""
        with self.database.transaction(self.tenant_id) as connection:
            endpoint = find_endpoint(connection, self.tenant_id, endpoint_id)
            return endpoint, last_attempts(connection, self.tenant_id, [endpoint_id]).get(endpoint_id)

    def find(self, endpoint_id: str) -> WebhookEndpointRow:
        """One of them."""
        with self.database.transaction(self.tenant_id) as connection:
            return find_endpoint(connection, self.tenant_id, endpoint_id)

    def change(self, endpoint_id: str, changes: EndpointChanges) -> WebhookEndpointRow:
        """Changes what the request names. What is owed to an endpoint that is disabled ends.

        Raises RequestInvalidError; WebhookEndpointReadOnlyError.
        """
        _refuse_callback(endpoint_id, "has nothing to change: a request names its own address")
        said = {name: getattr(changes, name) for name in changes.model_fields_set}
        self._check(said.get("url"), changes.report_types)
        with self.database.transaction(self.tenant_id) as connection:
            endpoint = update_endpoint(connection, self.tenant_id, endpoint_id, said)
            if endpoint.disabled_at is not None:
                end_deliveries(connection, self.tenant_id, endpoint_id, "endpoint-disabled")
        return endpoint

    def delete(self, endpoint_id: str) -> None:
        """Removes it; what is owed to it ends, and stays on record with its reports.

        Raises WebhookEndpointReadOnlyError.
        """
        _refuse_callback(endpoint_id, "can't be deleted: leave callbackUrl out of requests instead")
        with self.database.transaction(self.tenant_id) as connection:
            delete_endpoint(connection, self.tenant_id, endpoint_id)
            end_deliveries(connection, self.tenant_id, endpoint_id, "endpoint-deleted")

    def rotate(self, endpoint_id: str, overlap: timedelta) -> WebhookEndpointRow:
        """Makes a new secret; the one before signs too for `overlap`. Raises WebhookRotationRefusedError."""
        with self.database.transaction(self.tenant_id) as connection:
            return rotate_secret(connection, self.tenant_id, endpoint_id, overlap)

    def _check(self, url: str | None, report_types: Sequence[str] | None) -> None:
        """Raises RequestInvalidError with all that is wrong."""
        field_errors = [*webhook_url_errors(url, "/url", self.receivers), *report_type_errors(report_types or ())]
        if field_errors:
            raise RequestInvalidError.of(field_errors)


def _refuse_callback(endpoint_id: str, why: str) -> None:
    if endpoint_id == CALLBACK:
        raise WebhookEndpointReadOnlyError(f"the endpoint of callbacks {why}")


def report_type_errors(names: Sequence[str]) -> Iterator[FieldError]:
    """What is wrong with the report types that an endpoint names."""
    for index, name in enumerate(names):
        try:
            find_report_type(name)
        except RequestInvalidError as error:
            yield FieldError(f"/reportTypes/{index}", error.field_errors[0].detail)
