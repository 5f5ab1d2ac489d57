"""Deliveries of reports by e-mail: from the API to a real SMTP server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from infra.admin.tenants import set_email_domains
from tests.support.destinations import DESTINATIONS, deliver_report, deliveries_of
from tests.support.smtp_server import SmtpServer, smtp_server
from tests.support.system import System, clear_caches

ANA, BEN = "ana@example.com", "ben@example.com"


@pytest.fixture
def server(system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch) -> Iterator[SmtpServer]:
    """A mail server that the deployment uses, without TLS, and the domain example.com for the tenant."""
    set_email_domains(admin, "demo", ["example.com"])
    with smtp_server() as running:
        monkeypatch.setenv("EMAIL_TRANSPORT", "SMTP")
        monkeypatch.setenv("EMAIL_SENDER", "reports@resma.example")
        monkeypatch.setenv("EMAIL_SENDER_NAME", "Resma")
        monkeypatch.setenv("EMAIL_SMTP_HOST", "127.0.0.1")
        monkeypatch.setenv("EMAIL_SMTP_PORT", str(running.port))
        monkeypatch.setenv("EMAIL_SMTP_TLS", "NONE")
        clear_caches()
        yield running


def create(system: System, *recipients: str, **settings: Any) -> Any:
    """Creates a destination, and returns it."""
    body = {"name": "Treasury", "kind": "EMAIL", "settings": {"recipients": list(recipients), **settings}}
    status, _, made = system.call_api("POST", DESTINATIONS, body)
    assert status == 201, made
    return made


def statuses(delivery: Any) -> dict[str, str]:
    return {each["address"]: each["status"] for each in delivery["recipients"]}


def text_of(message: Any, kind: str = "plain") -> str:
    body: str = message.get_body((kind,)).get_content()
    return body


def test_each_recipient_gets_a_message_with_a_link(system: System, server: SmtpServer) -> None:
    destination = create(system, ANA, BEN)
    assert destination["url"] == f"mailto:{ANA},{BEN}"
    report = deliver_report(system, destination["id"], locale="pt-BR", filters={"from": "2024-01-01"})
    (delivery,) = deliveries_of(system, report["id"])
    assert (delivery["status"], statuses(delivery)) == ("DELIVERED", {ANA: "ACCEPTED", BEN: "ACCEPTED"})
    assert [each.recipients for each in server.received] == [[ANA], [BEN]]
    message = server.received[0].message
    assert (message["To"], message["From"]) == (ANA, "Resma <reports@resma.example>")
    assert BEN not in message.as_string()
    assert message["Auto-Submitted"] == "auto-generated"
    assert not list(message.iter_attachments())
    for kind in ("plain", "html"):
        assert f"https://reports.example/console#/reports/{report['id']}" in text_of(message, kind)
        assert report["sha256"] in text_of(message, kind)
        assert "01/01/2024" in text_of(message, kind)
        assert "X-Amz-Signature" not in text_of(message, kind)
