"""The local stack can be reached from its own machine only, and not by web pages of other origins."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import psutil

from tests.support.client import Client


def test_nothing_listens_on_an_address_that_other_machines_can_reach(client: Client) -> None:
    # A report starts every kind of process.
    client.wait_for_status(client.request_report("CSV", {"from": "2030-01-01"}), "READY")
    folder, listening = client.stack.folder, set()
    for process in psutil.process_iter():
        try:
            if folder in (working_folder := Path(process.cwd())).parents or working_folder == folder:
                listening |= {
                    (working_folder.name, at.laddr.ip) for at in process.net_connections() if at.status == "LISTEN"
                }
        except (psutil.Error, OSError):
            continue
    assert listening, "Postgres and LocalStack must be found"
    assert [(name, ip) for name, ip in listening if not ipaddress.ip_address(ip).is_loopback] == []


def test_a_web_page_of_another_origin_cannot_read_secrets(client: Client) -> None:
    """LocalStack has no authentication, so it must check the Origin of requests from a developer's browser."""
    headers = {
        "Origin": "http://evil.example",
        "X-Amz-Target": "secretsmanager.ListSecrets",
        "Content-Type": "application/x-amz-json-1.1",
    }
    url = client.stack.up.aws_url
    assert client.http("POST", url, body=b"{}", headers=headers).status == 403
    del headers["Origin"]
    headers["Authorization"] = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/secretsmanager/aws4_request"
    assert client.http("POST", url, body=b"{}", headers=headers).status == 200


def test_the_documentation_page_may_send_requests_and_other_origins_may_not(client: Client) -> None:
    home = client.stack.up.api_url
    assert client.http("GET", "/api/v1/reports", headers={"Origin": home}).status == 200
    assert client.http("GET", "/api/v1/reports", headers={"Origin": "http://evil.example"}).status in {401, 403}
    assert client.http("GET", "/api/v1/reports", headers={"Host": "evil.example"}).status in {401, 403, 404}
