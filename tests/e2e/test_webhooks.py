"""Webhook receivers that fail or refuse: retries with one id, and a record of every attempt."""

from __future__ import annotations

from typing import Any

from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.webhook_receiver import WebhookReceiver

NONE = {"from": "2030-01-01"}


def attempts(client: Client, report_id: str) -> list[tuple[Any, ...]]:
    """Returns the number and status code of each recorded attempt."""
    return client.sql(
        "SELECT a.attempt, a.status_code FROM resma.webhook_attempts a"
        " JOIN resma.webhook_deliveries d USING (tenant_id, event_id, endpoint_id) WHERE d.report_id = %s ORDER BY 1",
        report_id,
    )


def state(client: Client, report_id: str) -> tuple[Any, ...]:
    """Returns the status of a delivery, and the seconds from the start of its last attempt to the next one."""
    return client.sql(
        "SELECT status, extract(epoch FROM next_attempt_at - (SELECT max(started_at) FROM resma.webhook_attempts AS a"
        " WHERE a.event_id = d.event_id AND a.endpoint_id = d.endpoint_id))::float8"
        " FROM resma.webhook_deliveries AS d WHERE report_id = %s",
        report_id,
    )[0]


def make_due(client: Client, report_id: str) -> None:
    """Makes the next attempt due now, and invokes the webhook function."""
    client.sql(
        "UPDATE resma.webhook_deliveries SET next_attempt_at = clock_timestamp() WHERE report_id = %s", report_id
    )
    client.invoke_function("WebhookFunction")


def test_a_receiver_that_fails_twice_accepts_the_third_attempt(client: Client, webhooks: WebhookReceiver) -> None:
    report_id = client.request_report("CSV", NONE, callbackUrl=webhooks.customer("flaky", [500, 503]))
    client.wait_for_status(report_id, "READY")
    for number, code, pause in [(1, 500, 30), (2, 503, 120)]:
        eventually(
            f"attempt {number} is recorded",
            lambda n=number, c=code: (n, c) in attempts(client, report_id),  # type: ignore[misc]
        )
        status, seconds = state(client, report_id)
        assert status == "PENDING"
        assert pause <= seconds < pause * 1.2 + 60, "the pause starts at the end of an attempt"
        make_due(client, report_id)
    received = webhooks.wait_for_webhooks("flaky", 3)
    eventually("the last attempt is recorded", lambda: state(client, report_id)[0] == "DELIVERED")
    assert attempts(client, report_id) == [(1, 500), (2, 503), (3, 204)]
    assert [webhook.status for webhook in received] == [500, 503, 204]
    assert {webhook.webhook_id for webhook in received} == {f"evt_{report_id.replace('-', '')}"}
    make_due(client, report_id)
    assert len(webhooks.received("flaky")) == 3, "a delivered webhook is not sent again"


def test_status_410_ends_the_delivery(client: Client, webhooks: WebhookReceiver) -> None:
    report_id = client.request_report("CSV", NONE, callbackUrl=webhooks.customer("gone", [410]))
    client.wait_for_status(report_id, "READY")
    webhooks.wait_for_webhooks("gone")
    eventually("the delivery has ended", lambda: state(client, report_id)[0] == "FAILED")
    make_due(client, report_id)
    assert attempts(client, report_id) == [(1, 410)]
    assert len(webhooks.received("gone")) == 1
    assert client.show(report_id)["status"] == "READY", "the report stays READY"


def test_webhooks_are_signed_with_the_endpoints_secret_and_replayed_on_request(client: Client) -> None:
    """Uses only the API, as a customer does: register, verify, list the attempts, replay, delete."""
    with WebhookReceiver(client.stack.up.callback_secret) as receiver:
        body = {"url": receiver.customer("registered"), "reportTypes": ["TRANSACTIONS"]}
        endpoint = client.http("POST", "/api/v1/webhook-endpoints", json=body).json()
        path = f"/api/v1/webhook-endpoints/{endpoint['id']}"
        try:
            receiver.use_secret(endpoint["secret"])
            report_id = client.request_report("CSV", NONE)
            (webhook,) = receiver.wait_for_webhooks("registered")
            eventually("it is recorded", lambda: delivery_status(client, path) == "DELIVERED")
            (delivery,) = client.http("GET", f"/api/v1/reports/{report_id}/deliveries").json()["items"]
            assert (delivery["endpointId"], delivery["eventId"]) == (endpoint["id"], webhook.webhook_id)
            assert client.http("POST", delivery["links"]["replay"]).status == 202
            client.invoke_function("WebhookFunction")
            again = receiver.wait_for_webhooks("registered", 2)
            assert {each.webhook_id for each in again} == {webhook.webhook_id}
            assert receiver.refused == []
        finally:
            assert client.http("DELETE", path).status == 204


def delivery_status(client: Client, path: str) -> str | None:
    """Returns the status of an endpoint's newest delivery."""
    listed = client.http("GET", f"{path}/deliveries").json()["items"]
    return listed[0]["status"] if listed else None
