"""A report is sent by e-mail with the SES of LocalStack, and the command line manages the destination."""

from __future__ import annotations

import json
import urllib.request
from email import message_from_string, policy
from pathlib import Path
from typing import Any

import psycopg

from infra.admin.tenants import set_email_domains
from infra.local.stack import LOCAL_EMAIL
from resma_cli.exit_codes import ExitCode
from tests.support.client import Client
from tests.support.command_line import CommandLine
from tests.support.eventually import eventually
from tests.support.local_stack import STACK

RECIPIENT = "treasury@example.com"


def test_a_report_is_sent_by_ses(client: Client, tmp_path: Path) -> None:
    with psycopg.connect(client.stack.up.database_url) as connection:
        set_email_domains(connection, "demo", ["example.com"])
    resma = CommandLine(STACK, tmp_path, {"RESMA_URL": client.stack.up.api_url})
    made = resma.do("destination", "create", "Treasury", "--kind", "EMAIL", "--setting", f"recipients={RECIPIENT}")
    report_id = client.request_report("CSV", {"from": "2030-01-01"}, deliverTo=[made["id"]])
    report = client.wait_for_status(report_id, "READY")

    def delivered() -> Any:
        (delivery,) = client.http("GET", f"/api/v1/reports/{report_id}/file-deliveries").json()["items"]
        return delivery if delivery["status"] == "DELIVERED" else None

    delivery = eventually("the message is sent", delivered)
    (recipient,) = delivery["recipients"]
    assert (recipient["address"], recipient["status"]) == (RECIPIENT, "ACCEPTED")
    with urllib.request.urlopen(f"{client.stack.up.aws_url}/_aws/ses?id={recipient['messageId']}") as answer:
        (sent,) = json.load(answer)["messages"]
    assert sent["Source"] == LOCAL_EMAIL["EmailSender"]
    message: Any = message_from_string(sent["RawData"], policy=policy.default)
    text = message.get_body(("plain",)).get_content()
    assert f"{client.stack.up.api_url}/console#/reports/{report_id}" in text
    assert report["sha256"] in text
    assert resma.do("destination", "suppressed")["items"] == []
    client.sql(
        "INSERT INTO resma.suppressed_addresses (tenant_id, address, reason) VALUES ('demo', %s, 'BOUNCE')", RECIPIENT
    )
    assert [item["address"] for item in resma.do("destination", "suppressed")["items"]] == [RECIPIENT]
    assert resma.do("destination", "unsuppress", RECIPIENT) == {"address": RECIPIENT, "status": "removed"}
    again = resma.run("destination", "unsuppress", RECIPIENT)
    assert again.code == ExitCode.NOT_FOUND
    assert "is not suppressed" in again.err
    resma.do("destination", "delete", made["id"], "--yes")
