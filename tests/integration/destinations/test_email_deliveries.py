"""Deliveries of reports by e-mail: from the API to a real SMTP server."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from delivery import app as delivery_function
from delivery.email_message import message_id_of
from infra.admin import access
from infra.admin.tenants import set_email_attachments, set_email_domains
from infra.servers.postgres import PostgresServer
from resma.access.caller import SCOPES
from resma.database.connection import Database
from resma.destinations.addresses import parse_address
from resma.destinations.recipients import record_feedback
from tests.support.destinations import DELIVERIES, DESTINATIONS, deliver_report, deliveries_of, make_due
from tests.support.eventually import eventually
from tests.support.gnupg import key_ring
from tests.support.smtp_server import SmtpServer, smtp_server
from tests.support.system import ActAs, FunctionContext, System, clear_caches
from tests.support.webhook_endpoints import call, refused

SUPPRESSED = "/api/v1/suppressed-addresses"
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
    assert message["Content-Language"] == "pt-BR"
    assert not list(message.iter_attachments())
    for kind in ("plain", "html"):
        assert f"https://reports.example/console#/reports/{report['id']}" in text_of(message, kind)
        assert report["sha256"] in text_of(message, kind)
        assert "01/01/2024" in text_of(message, kind)
        assert "X-Amz-Signature" not in text_of(message, kind)


def test_a_replay_of_a_delivered_message_sends_another_one(system: System, server: SmtpServer) -> None:
    destination = create(system, ANA)
    report = deliver_report(system, destination["id"])
    (delivery,) = deliveries_of(system, report["id"])
    call(system, "POST", f"{DELIVERIES}/{delivery['id']}/replay")
    system.deliver_files()
    first, second = (message["Message-ID"] for message in server.to(ANA))
    assert first != second, "mail servers would drop a message whose id they know"


def test_files_are_attached_up_to_the_limit(system: System, server: SmtpServer, admin: Connection[TupleRow]) -> None:
    body = {"name": "x", "kind": "EMAIL", "settings": {"recipients": [ANA], "attach": True}}
    assert refused(system, "POST", DESTINATIONS, body)[2] == ["/settings/attach"]
    set_email_attachments(admin, "demo", 1_000_000)
    destination = create(system, ANA, attach=True, fileName="{report}-{file}")
    report = deliver_report(system, destination["id"], formats=["CSV", "NDJSON"], filters={"from": "2030-01-01"})
    (delivery,) = deliveries_of(system, report["id"])
    (message,) = server.to(ANA)
    attached = {part.get_filename(): hashlib.sha256(part.get_content_bytes()).hexdigest() for part in parts(message)}
    assert attached == {file["name"]: file["sha256"] for file in delivery["files"]}
    assert sorted(attached.values()) == sorted(file["sha256"] for file in report["files"])
    assert all(name.startswith(report["id"]) for name in attached)
    assert "The files are attached." in text_of(message)
    set_email_attachments(admin, "demo", 1)
    deliver_report(system, destination["id"], filters={"from": "2031-01-01"})
    message = server.to(ANA)[1]
    assert not parts(message)
    assert "The files are too large to attach. Sign in to download the files." in text_of(message)


def test_attached_files_are_encrypted_for_the_certificates_of_the_destination(
    system: System, server: SmtpServer, admin: Connection[TupleRow]
) -> None:
    set_email_attachments(admin, "demo", 1_000_000)
    with key_ring() as keys:
        keys.make_key(ANA)
        body = {"name": "Ana", "certificate": keys.certificate(ANA)}
        certificate = call(system, "POST", "/api/v1/certificates", body)["id"]
        destination = create(system, ANA, attach=True)
        path = f"{DESTINATIONS}/{destination['id']}"
        call(system, "PATCH", path, {"encryptFor": [certificate]})
        report = deliver_report(system, destination["id"], filters={"from": "2030-01-01"})
        call(system, "POST", f"{path}/test")
        system.deliver_files()
        (of_report,), (of_test,) = (parts(message) for message in server.to(ANA))
        opened = [keys.decrypt(part.get_content_bytes()) for part in (of_report, of_test)]
        assert hashlib.sha256(opened[0]).hexdigest() == report["files"][0]["plainSha256"]
        assert b"test file of Resma" in opened[1]
        assert (of_test.get_filename()[-8:], of_test.get_content_type()) == (".txt.pgp", "application/pgp-encrypted")
        # A message with a link names the encrypted file, to which the link leads.
        call(system, "PATCH", path, {"settings": {"recipients": [ANA]}})
        linked = deliver_report(system, destination["id"], filters={"from": "2031-01-01"})
        message = server.to(ANA)[2]
        assert (parts(message), linked["sha256"] in text_of(message)) == ([], True)
        assert ".csv.pgp" in text_of(message)


def test_only_domains_of_the_tenant_get_messages(
    system: System, server: SmtpServer, admin: Connection[TupleRow]
) -> None:
    given = [ANA, "ana@example.org", "ana@sub.example.com"]
    body = {"name": "x", "kind": "EMAIL", "settings": {"recipients": given}}
    assert refused(system, "POST", DESTINATIONS, body)[2] == ["/settings/recipients/1", "/settings/recipients/2"]
    destination = create(system, ANA)
    set_email_domains(admin, "demo", [])
    report = deliver_report(system, destination["id"])
    (delivery,) = deliveries_of(system, report["id"])
    assert (delivery["status"], delivery["endedReason"]) == ("FAILED", "settings-not-allowed")
    assert server.received == []


def test_a_deployment_without_a_transport_refuses_e_mail(system: System) -> None:
    body = {"name": "x", "kind": "EMAIL", "settings": {"recipients": [ANA]}}
    assert refused(system, "POST", DESTINATIONS, body)[2] == ["/settings"]


def test_a_retry_sends_only_to_the_recipients_who_were_deferred(
    system: System, server: SmtpServer, admin: Connection[TupleRow]
) -> None:
    server.answers[ANA] = ["450 4.7.1 Greylisted, try again later"]
    destination = create(system, ANA, BEN)
    report = deliver_report(system, destination["id"])
    (delivery,) = deliveries_of(system, report["id"])
    assert (delivery["status"], delivery["attempts"][0]["errorCode"]) == ("PENDING", "recipient-deferred")
    assert statuses(delivery) == {ANA: "DEFERRED", BEN: "ACCEPTED"}
    assert "Greylisted" in delivery["recipients"][0]["detail"]
    make_due(admin)
    system.run_scheduler()
    system.deliver_files()
    (delivery,) = deliveries_of(system, report["id"])
    assert (delivery["status"], statuses(delivery)) == ("DELIVERED", {ANA: "ACCEPTED", BEN: "ACCEPTED"})
    assert [each.recipients for each in server.received] == [[BEN], [ANA]]


def test_a_refused_recipient_ends_the_delivery_after_the_others(system: System, server: SmtpServer) -> None:
    server.answers[ANA] = ["550 5.1.1 No such user"]
    destination = create(system, ANA, BEN)
    report = deliver_report(system, destination["id"])
    (delivery,) = deliveries_of(system, report["id"])
    assert (delivery["status"], delivery["endedReason"]) == ("FAILED", "recipient-refused")
    assert statuses(delivery) == {ANA: "REFUSED", BEN: "ACCEPTED"}
    call(system, "POST", f"{DELIVERIES}/{delivery['id']}/replay")
    system.deliver_files()
    assert [each.recipients for each in server.received] == [[BEN], [ANA]]


def test_a_connection_that_is_cut_is_tried_again_with_the_same_message_id(
    system: System, server: SmtpServer, admin: Connection[TupleRow]
) -> None:
    server.data_answers = ["cut"]
    destination = create(system, ANA)
    report = deliver_report(system, destination["id"])
    (delivery,) = deliveries_of(system, report["id"])
    assert (delivery["status"], delivery["attempts"][0]["errorCode"]) == ("PENDING", "destination-unavailable")
    # As after an attempt whose time was up, which does not count.
    admin.execute("UPDATE resma.file_deliveries SET attempts_before = attempts_before + 1")
    make_due(admin)
    system.run_scheduler()
    system.deliver_files()
    assert deliveries_of(system, report["id"])[0]["status"] == "DELIVERED"
    (message,) = server.to(ANA)
    assert message["Message-ID"] == message_id_of(delivery["id"], ANA, "reports@resma.example", 0)


def test_personal_filters_and_titles_of_requests_are_not_in_messages(
    system: System, server: SmtpServer, admin: Connection[TupleRow]
) -> None:
    """The title of a request can contain anything. Filters that were personal when the rows were read stay so."""
    destination = create(system, ANA)
    report_id = system.request_report(
        format="CSV",
        title="Of Maria Silva",
        filters={"from": "2024-01-01", "to": "2024-02-29"},
        deliverTo=[destination["id"]],
    )
    assert system.work_once()
    admin.execute("UPDATE resma.reports SET personal_filters = '{from}' WHERE report_id = %s", (report_id,))
    system.deliver_files()
    (message,) = server.to(ANA)
    assert "Maria" not in message.as_string()
    for kind in ("plain", "html"):
        assert "02/29/2024" in text_of(message, kind)
        assert "01/01/2024" not in text_of(message, kind)


def test_suppressed_recipients_are_skipped_until_they_are_removed(system: System, server: SmtpServer) -> None:
    destination = create(system, ANA, BEN)
    report = deliver_report(system, destination["id"])
    (delivery,) = deliveries_of(system, report["id"])
    message_id = delivery["recipients"][0]["messageId"]
    notify(feedback(delivery["id"], "<forged@example.com>", ANA))
    notify(feedback(delivery["id"], message_id, ANA, tenant="other"))
    notify(feedback(delivery["id"], message_id, "carl@example.com"))
    notify(feedback(delivery["id"], message_id, ANA, kind="Transient"))
    notify({"mail": 1})
    assert call(system, "GET", SUPPRESSED)["items"] == []
    for _ in range(2):  # SNS delivers at least once
        notify(feedback(delivery["id"], message_id, ANA.upper()))
    (suppressed,) = call(system, "GET", SUPPRESSED)["items"]
    assert (suppressed["address"], suppressed["reason"]) == (ANA, "BOUNCE")
    assert statuses(deliveries_of(system, report["id"])[0]) == {ANA: "BOUNCED", BEN: "ACCEPTED"}
    second = deliver_report(system, destination["id"], filters={"from": "2031-01-01"})
    (delivery,) = deliveries_of(system, second["id"])
    assert (delivery["status"], statuses(delivery)) == ("DELIVERED", {ANA: "SUPPRESSED", BEN: "ACCEPTED"})
    assert len(server.to(ANA)) == 1
    assert system.call_api("DELETE", SUPPRESSED, query={"address": ANA})[0] == 204
    assert system.call_api("DELETE", SUPPRESSED, query={"address": ANA})[0] == 404
    call(system, "POST", f"{DELIVERIES}/{delivery['id']}/replay")
    system.deliver_files()
    assert len(server.to(ANA)) == 2


@pytest.mark.parametrize("address", ["a/b@example.com", "a+b%20c#d?e&f@example.com", "`{|}'~!$*=@example.com"])
def test_every_address_can_be_removed(system: System, admin: Connection[TupleRow], address: str) -> None:
    assert parse_address(address) == address
    insert = "INSERT INTO resma.suppressed_addresses (tenant_id, address, reason) VALUES ('demo', %s, 'BOUNCE')"
    admin.execute(insert, (address,))
    assert [each["address"] for each in call(system, "GET", SUPPRESSED)["items"]] == [address]
    assert system.call_api("DELETE", SUPPRESSED, query={"address": address})[0] == 204
    assert call(system, "GET", SUPPRESSED)["items"] == []
    assert system.call_api("DELETE", SUPPRESSED)[0] == 422


def test_the_access_log_has_each_message_and_what_was_reported_of_it(
    system: System, server: SmtpServer, as_tenant: ActAs
) -> None:
    """A replay sends a message again, and removes no entry."""
    destination = create(system, ANA, BEN)
    server.answers[BEN] = [f"550 5.1.1 <{BEN}> unknown"]
    report = deliver_report(system, destination["id"])
    (delivery,) = deliveries_of(system, report["id"])
    call(system, "POST", f"{DELIVERIES}/{delivery['id']}/replay")
    system.deliver_files()
    accepted = {each["address"]: each["messageId"] for each in deliveries_of(system, report["id"])[0]["recipients"]}
    for _ in range(2):
        notify(feedback(delivery["id"], accepted[BEN], BEN))

    def shown() -> list[tuple[str, str, str, str | None]]:
        entries = call(system, "GET", f"/api/v1/reports/{report['id']}/access")["items"]
        sent = [entry for entry in reversed(entries) if entry["action"].startswith("EMAIL_")]
        assert {entry["subject"] for entry in sent} == {f"destination:{destination['id']}"}
        return [(entry["action"], entry["recipient"], entry["outcome"], entry["detail"]) for entry in sent]

    found = shown()
    assert found[0] == ("EMAIL_SENT", ANA, "SUCCEEDED", None)
    assert found[1][:3] == ("EMAIL_SENT", BEN, "FAILED")
    assert re.match(rf"REFUSED: .*{BEN}", str(found[1][3]))
    assert found[2:] == [
        ("EMAIL_SENT", BEN, "SUCCEEDED", None),
        ("EMAIL_REPORTED", BEN, "FAILED", "BOUNCED: smtp; 550 5.1.1 unknown"),
    ]
    as_tenant("demo", SCOPES - {"personal:read"})
    assert {recipient for _, recipient, _, _ in shown()} == {"****@example.com"}
    assert "****@example.com" in str(shown()[1][3])
    assert BEN not in str(shown())


def test_two_copies_of_a_notification_at_once_are_logged_once(
    system: System, server: SmtpServer, admin: Connection[TupleRow]
) -> None:
    report = deliver_report(system, create(system, ANA)["id"])
    (delivery,) = deliveries_of(system, report["id"])
    message_id = delivery["recipients"][0]["messageId"]
    first, second = (Database(os.environ["DATABASE_SECRET_ARN"], f"test {number}") for number in range(2))

    def record(connection: Connection[TupleRow]) -> bool:
        return record_feedback(connection, "demo", delivery["id"], message_id, ANA, "BOUNCE", "550 unknown")

    def record_second() -> bool:
        with second.transaction("demo") as connection:
            return record(connection)

    with ThreadPoolExecutor(1) as thread:
        with first.transaction("demo") as connection:
            assert record(connection)
            waiting = thread.submit(record_second)
            locked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            eventually("it waits", lambda: admin.execute(locked).fetchone() == (1,))
        assert waiting.result(60)
    for database in (first, second):
        database.close()
    logged = admin.execute("SELECT status FROM resma.delivery_recipient_log ORDER BY entry").fetchall()
    assert logged == [("ACCEPTED",), ("BOUNCED",)]


def parts(message: Any) -> list[Any]:
    """Returns the attachments, with their bytes as `get_content_bytes`."""
    found = list(message.iter_attachments())
    for part in found:
        part.get_content_bytes = lambda part=part: part.get_payload(decode=True)
    return found


def feedback(delivery_id: str, message_id: str, address: str, *, tenant: str = "demo", kind: str = "Permanent") -> Any:
    """Returns a notification of SES about a bounce (Amazon SES, Contents of event data)."""
    return {
        "eventType": "Bounce",
        "bounce": {
            "bounceType": kind,
            "bouncedRecipients": [{"emailAddress": address, "diagnosticCode": "smtp; 550 5.1.1 unknown"}],
        },
        "mail": {"messageId": message_id, "tags": {"resma-tenant": [tenant], "resma-delivery": [delivery_id]}},
    }


def notify(notification: Any) -> None:
    """Invokes the delivery function with a notification of the topic of bounces."""
    record = {"EventSource": "aws:sns", "Sns": {"Message": json.dumps(notification)}}
    delivery_function.handler({"Records": [record]}, FunctionContext())  # type: ignore[arg-type]


def test_the_operator_lists_domains_and_sizes(
    postgres: PostgresServer, admin: Connection[TupleRow], capsys: pytest.CaptureFixture[str]
) -> None:
    database = ("--database", postgres.url)
    assert access.main([*database, "set-email-domains", "demo", "Example.com", "bücher.example"]) == 0
    assert access.main([*database, "set-email-attachments", "demo", "2000000"]) == 0
    assert access.main([*database, "list"]) == 0
    assert (
        "e-mail to example.com, xn--bcher-kva.example, with at most 2000000 bytes attached" in capsys.readouterr().out
    )
    for wrong in (
        ["demo"],
        ["demo", "example.com", "--none"],
        ["demo", "a@b", "-", "*.example.com"],
        ["nobody", "a.example"],
    ):
        assert access.main([*database, "set-email-domains", *wrong]) == 1
    for size in ("-1", "7000001"):
        assert access.main([*database, "set-email-attachments", "demo", "--", size]) == 1
    assert access.main([*database, "set-email-domains", "demo", "--none"]) == 0
    assert admin.execute("SELECT email_domains FROM resma.tenants WHERE tenant_id = 'demo'").fetchone() == ([],)
