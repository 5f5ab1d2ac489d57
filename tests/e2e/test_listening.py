"""The stack on one's own machine is that machine's alone."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import psutil

from tests.support.client import Client


def test_nothing_listens_on_an_address_that_other_machines_can_reach(client: Client) -> None:
    client.wait_for_status(
        client.request_report("CSV", {"from": "2030-01-01"}), "READY"
    )  # every kind of process has come up
    folder, found = client.stack.folder, set()
    for process in psutil.process_iter():
        try:
            if folder in (place := Path(process.cwd())).parents or place == folder:
                found |= {(place.name, at.laddr.ip) for at in process.net_connections() if at.status == "LISTEN"}
        except (psutil.Error, OSError):
            continue
    assert found, "Postgres and LocalStack at least"
    assert [(name, ip) for name, ip in found if not ipaddress.ip_address(ip).is_loopback] == []


def test_a_web_page_of_another_origin_cannot_read_secrets(client: Client) -> None:
    """Of the page that a developer has open: LocalStack asks nobody for a password, so it must look at the Origin."""
    headers = {
        "Origin": "http://evil.example",
        "X-Amz-Target": "secretsmanager.ListSecrets",
        "Content-Type": "application/x-amz-json-1.1",
    }
    address = client.stack.up.aws_url
    assert client.http("POST", address, body=b"{}", headers=headers).status == 403
    del headers["Origin"]
    headers["Authorization"] = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/secretsmanager/aws4_request"
    assert client.http("POST", address, body=b"{}", headers=headers).status == 200


def test_the_documentation_page_may_send_requests_and_other_origins_may_not(client: Client) -> None:
    home = client.stack.up.api_url
    assert client.http("GET", "/api/v1/reports", headers={"Origin": home}).status == 200
    assert client.http("GET", "/api/v1/reports", headers={"Origin": "http://evil.example"}).status in {401, 403}
    assert client.http("GET", "/api/v1/reports", headers={"Host": "evil.example"}).status in {401, 403, 404}
