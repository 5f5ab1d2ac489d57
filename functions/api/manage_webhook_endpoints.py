"""/api/v1/webhook-endpoints: registering, changing and deleting endpoints, and rotating their secrets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from api.models_webhooks import EndpointChanges, EndpointRequest
from resma.catalogue import find_report_type
from resma.check_webhook_address import check_webhook_address
from resma.database import Database
from resma.errors import Fault, RequestInvalid, WebhookEndpointFixed
from resma.webhook_deliveries import end_deliveries
from resma.webhook_endpoints import (
    Endpoint,
    delete_endpoint,
    find_endpoint,
    insert_endpoint,
    list_endpoints,
    rotate_secret,
    update_endpoint,
)
from resma.webhook_secrets import CALLBACK


@dataclass(frozen=True)
class WebhookEndpoints:
    """A tenant's endpoints. Every method raises WebhookEndpointNotFound where there is none of that id."""

    database: Database
    tenant_id: str
    opens_loopback: bool

    def register(self, request: EndpointRequest) -> Endpoint:
        """Makes an endpoint. Raises RequestInvalid; WebhookEndpointsTooMany."""
        check_webhook_address(request.url, "/url", opens_loopback=self.opens_loopback)
        _require_report_types(request.report_types)
        events = None if request.events is None else list[str](request.events)
        with self.database.transaction(self.tenant_id) as connection:
            return insert_endpoint(connection, self.tenant_id, request.url, events, request.report_types)

    def list(self) -> list[Endpoint]:
        """All of them, that of callbacks first."""
        with self.database.transaction(self.tenant_id) as connection:
            return list_endpoints(connection, self.tenant_id)

    def find(self, endpoint_id: str) -> Endpoint:
        """One of them."""
        with self.database.transaction(self.tenant_id) as connection:
            return find_endpoint(connection, self.tenant_id, endpoint_id)

    def change(self, endpoint_id: str, changes: EndpointChanges) -> Endpoint:
        """Changes what the request names. What is owed to an endpoint that is disabled ends.

        Raises RequestInvalid; WebhookEndpointFixed.
        """
        _refuse_callback(endpoint_id, "has nothing to change: a request names its own address")
        said = {name: getattr(changes, name) for name in changes.model_fields_set}
        if "url" in said:
            check_webhook_address(changes.url, "/url", opens_loopback=self.opens_loopback)
        _require_report_types(changes.report_types)
        with self.database.transaction(self.tenant_id) as connection:
            endpoint = update_endpoint(connection, self.tenant_id, endpoint_id, said)
            if endpoint.disabled_at is not None:
                end_deliveries(connection, self.tenant_id, endpoint_id, "endpoint-disabled")
        return endpoint

    def delete(self, endpoint_id: str) -> None:
        """Removes it; what is owed to it ends, and stays on record with its reports. Raises WebhookEndpointFixed."""
        _refuse_callback(endpoint_id, "can't be deleted: leave callbackUrl out of requests instead")
        with self.database.transaction(self.tenant_id) as connection:
            delete_endpoint(connection, self.tenant_id, endpoint_id)
            end_deliveries(connection, self.tenant_id, endpoint_id, "endpoint-deleted")

    def rotate(self, endpoint_id: str, overlap: timedelta) -> Endpoint:
        """Makes a new secret; the one before signs too for `overlap`. Raises WebhookRotationRefused."""
        with self.database.transaction(self.tenant_id) as connection:
            return rotate_secret(connection, self.tenant_id, endpoint_id, overlap)


def _refuse_callback(endpoint_id: str, why: str) -> None:
    if endpoint_id == CALLBACK:
        raise WebhookEndpointFixed(f"the endpoint of callbacks {why}")


def _require_report_types(names: list[str] | None) -> None:
    for place, name in enumerate(names or ()):
        try:
            find_report_type(name)
        except RequestInvalid as error:
            raise RequestInvalid(error.detail, (Fault(f"/reportTypes/{place}", error.faults[0].detail),)) from error
