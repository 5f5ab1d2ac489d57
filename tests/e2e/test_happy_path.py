"""Reports from the request to the file: complete files, webhooks and events, and rows read by other programs."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pypdf import PdfReader

from infra.paths import ROOT
from tests.support.client import GENERATE, Client, Download, Json, require_one_whole_file
from tests.support.eventually import PATIENCE_SECONDS, eventually
from tests.support.local_stack import ROWS
from tests.support.pdf_readers import require_valid_pdf
from tests.support.read_back import (
    csv_rows,
    database_rows,
    duckdb_rows,
    in_order,
    pdf_rows,
    pdf_text,
    require_same_in_pdf,
    totals_of,
)
from tests.support.webhook_receiver import WebhookReceiver

ALL = {"from": "2024-01-01"}
SPRING = {"from": "2024-03-01", "to": "2024-05-31"}
IN_SPRING = "booked_at >= '2024-03-01 00:00+00' AND booked_at < '2024-06-01 00:00+00'"
NONE = {"from": "2030-01-01", "to": "2030-01-31"}


@pytest.fixture
def subscribed(client: Client) -> Iterator[str]:
    """The URL of a queue that is subscribed only to events of READY PDFs, by a filter policy."""
    sqs, sns = client.aws("sqs"), client.aws("sns")
    url = sqs.create_queue(QueueName="test-finished-pdfs")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    subscription = sns.subscribe(
        TopicArn=client.stack.up.outputs["TopicArn"],
        Protocol="sqs",
        Endpoint=arn,
        Attributes={"FilterPolicy": json.dumps({"event": ["report.ready"], "format": ["PDF"]})},
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]
    yield url
    sns.unsubscribe(SubscriptionArn=subscription)
    sqs.delete_queue(QueueUrl=url)


def make_report(
    client: Client, webhooks: WebhookReceiver, name: str, format_: str, filters: Json
) -> tuple[Json, Download]:
    """Requests a report, waits until it is READY, and asserts that status, webhook and file agree."""
    report_id = client.request_report(format_, filters, callbackUrl=webhooks.customer(name))
    report = client.wait_for_status(report_id, "READY")
    file = require_one_whole_file(client, report)
    webhook = webhooks.wait_for_webhooks(name)[0]
    data = webhook.message["data"]
    assert webhook.webhook_id == webhook.message["id"] == f"evt_{report_id.replace('-', '')}"
    assert webhook.message["type"] == "report.ready"
    assert data["reportId"] == report_id
    for field in ("type", "format", "status", "rows", "bytes", "sha256", "totals"):
        assert data[field] == report[field], field
    assert data["asOf"].replace("+00:00", "Z") == report["asOf"]
    assert client.fetch(data["downloadUrl"]).sha256 == report["sha256"]
    assert client.fetch(client.http("GET", data["links"]["download"]).headers["Location"]).sha256 == file.sha256
    assert re.fullmatch(rf"transactions-\d{{4}}-\d\d-\d\d-{report_id[:8]}\.{format_.lower()}", file.name)
    return report, file


def test_a_request_is_answered_at_once_with_the_location_of_its_report(client: Client) -> None:
    answer = client.http("POST", GENERATE, json={"type": "TRANSACTIONS", "format": "CSV", "filters": NONE})
    assert answer.status == 202
    report = answer.json()
    assert answer.headers["Location"] == report["links"]["self"]
    assert answer.headers["Location"] == f"{client.stack.up.api_url}/api/v1/reports/{report['id']}"
    assert int(answer.headers["Retry-After"]) > 0
    assert report["status"] == "PENDING"
    current = client.http("GET", answer.headers["Location"])
    assert current.json()["status"] == "READY" or int(current.headers["Retry-After"]) > 0
    client.wait_for_status(report["id"], "READY")


def test_csv_holds_exactly_the_rows_of_the_database(client: Client, webhooks: WebhookReceiver, tmp_path: Path) -> None:
    report, file = make_report(client, webhooks, "happy-csv", "CSV", ALL)
    expected = database_rows(client)
    assert report["rows"] == len(expected) == ROWS
    assert (report["attempt"], report["metrics"]["parts"]) == (1, 2)
    assert in_order(report["totals"]) == in_order(totals_of(expected))
    assert file.media_type.startswith("text/csv")
    assert csv_rows(file.content) == expected
    path = tmp_path / file.name
    path.write_bytes(file.content)
    assert duckdb_rows(path) == expected


def test_pdf_holds_exactly_the_rows_of_the_database(client: Client, webhooks: WebhookReceiver, tmp_path: Path) -> None:
    report, file = make_report(client, webhooks, "happy-pdf", "PDF", SPRING)
    expected = database_rows(client, IN_SPRING)
    assert in_order(report["totals"]) == in_order(totals_of(expected))
    assert (report["rows"], file.media_type) == (len(expected), "application/pdf")
    path = tmp_path / file.name
    path.write_bytes(file.content)
    require_valid_pdf(file.content)
    pages = PdfReader(path).pages
    assert f"Page {len(pages)} of {len(pages)}" in pages[-1].extract_text()
    require_same_in_pdf(pdf_rows(path), expected)
    cover = pages[0].extract_text()
    for total in report["totals"]:
        assert f"{float(total['amounts']['amount']):,.2f}" in cover


def test_filters_choose_the_rows(client: Client) -> None:
    filters = {"from": "2024-03-01", "to": "2024-03-31", "type": ["PIX", "FEE"], "currency": ["BRL"]}
    report = client.wait_for_status(client.request_report("CSV", filters), "READY")
    expected = database_rows(
        client,
        "booked_at >= '2024-03-01 00:00+00' AND booked_at < '2024-04-01 00:00+00'"
        " AND type IN ('PIX', 'FEE') AND currency = 'BRL'",
    )
    assert expected
    assert csv_rows(require_one_whole_file(client, report).content) == expected


def test_csv_without_rows_is_a_header(client: Client, webhooks: WebhookReceiver) -> None:
    report, file = make_report(client, webhooks, "empty-csv", "CSV", NONE)
    assert (report["rows"], report["totals"]) == (0, [])
    assert file.content == b"id,booked_at,account,type,status,description,counterparty,currency,amount\r\n"


def test_pdf_without_rows_says_so(client: Client, webhooks: WebhookReceiver, tmp_path: Path) -> None:
    report, file = make_report(client, webhooks, "empty-pdf", "PDF", NONE)
    assert (report["rows"], report["totals"]) == (0, [])
    path = tmp_path / file.name
    path.write_bytes(file.content)
    require_valid_pdf(file.content)
    assert pdf_rows(path) == []
    assert re.search(r"\bno (transactions|rows)\b", pdf_text(path), re.IGNORECASE)


def test_subscribers_choose_events_by_attributes(client: Client, subscribed: str) -> None:
    other = client.wait_for_status(client.request_report("CSV", NONE), "READY")
    pdf = client.wait_for_status(client.request_report("PDF", NONE), "READY")

    def receive() -> list[Json]:
        received = client.aws("sqs").receive_message(QueueUrl=subscribed, WaitTimeSeconds=1, MaxNumberOfMessages=10)
        return list(received.get("Messages", []))

    (message,) = eventually("an event in the subscribed queue", receive)
    notification = json.loads(message["Body"])
    attributes = {name: value["Value"] for name, value in notification["MessageAttributes"].items()}
    assert attributes == {
        "event": "report.ready",
        "tenantId": "demo",
        "type": "TRANSACTIONS",
        "format": '["PDF"]',
        "status": "READY",
    }
    data = json.loads(notification["Message"])["data"]
    assert data["reportId"] == pdf["id"] != other["id"]
    assert "downloadUrl" not in data, "only webhooks contain a presigned URL"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_readmes_request_works_unchanged(client: Client) -> None:
    command = readme_curl().replace("http://localhost:3008", client.stack.up.api_url)
    answer = subprocess.run(shlex.split(command), capture_output=True, check=True, timeout=PATIENCE_SECONDS)
    report = client.wait_for_status(json.loads(answer.stdout)["id"], "READY")
    require_one_whole_file(client, report)


def readme_curl() -> str:
    """Returns the first curl command in the README that requests a report, with continued lines joined."""
    readme = ROOT / "README.md"
    if not readme.exists():
        pytest.skip("README.md does not exist")
    text = readme.read_text(encoding="utf-8").replace("\\\n", " ")
    found = re.search(r"^\s*(?:\$ )?(curl [^\n]*/reports/generate[^\n]*(?:\n(?!```)[^\n]+)*)", text, re.MULTILINE)
    assert found is not None, "README.md has no request with curl."
    return found[1]
