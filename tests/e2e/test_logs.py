"""No log contains a secret or a row: searches all logs of the end-to-end run, after all other tests."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from tests.support.client import Client

KEYS = re.compile(
    r"X-Amz-(?:Signature|Credential|Security-Token)=[^&\s\"']{8,}"
    r"|whsec_[A-Za-z0-9+/=]{8,}"
    r"|Bearer\s+[\w.~+/-]{12,}"
    r"|(?i:authorization)[\"']?\s*[:=]\s*[\"']?(?!null|None)\w[^\s\"',}]{8,}"
    r"|rsm_[a-z0-9]{16}_[A-Za-z0-9_-]{20,}"
    r"|webhook-signature[\"']?\s*[:=]\s*[\"']?v1,"
    r"|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\."
)
"""Matches presigned URLs, webhook secrets and signatures, keys and tokens by their formats."""

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

MIN_SECRET = 12
"""Minimum length of a secret value; shorter fields, such as ports, are not secret."""

NO_SECRETS = {"host", "port", "dbname", "username"}


def test_no_log_holds_a_secret_a_key_or_a_presigned_url(client: Client) -> None:
    download = client.wait_for_status(client.request_report("CSV", {"from": "2030-01-01"}), "READY")
    client.download(download)  # creates a presigned URL, even if this test runs alone
    secrets = list(known_secrets(client))
    assert len(secrets) >= 4
    logs = read_logs(client)
    found = [
        f"{path.name}: {text[max(0, at - 80) : at]}..."
        for path, text in logs.items()
        for secret in secrets
        if (at := text.find(secret)) >= 0
    ]
    found += [f"{path.name}: {match[0][:24]}..." for path, text in logs.items() for match in KEYS.finditer(text)]
    assert found == []


def test_no_log_holds_a_cell_of_a_row(client: Client) -> None:
    client.download(client.wait_for_status(client.request_report("CSV", {"from": "2024-01-01"}), "READY"))
    cells = {
        cell
        for row in client.sql(
            "SELECT description, account_id FROM bank.transactions WHERE description ~ 'ref\\. [0-9A-F]{7}'"
            " ORDER BY transaction_id LIMIT 2000"
        )
        for cell in row
    } | {row[0] for row in client.sql("SELECT holder FROM bank.accounts")}
    # Account numbers are in filters that tests have sent, and must not be logged either.
    assert len(cells) > 1000
    for path, text in read_logs(client).items():
        found = [cell for cell in cells if cell in text]
        assert found == [], path


def test_every_line_about_a_report_has_its_id_under_one_name(client: Client) -> None:
    """An operator follows a report by its id through the logs of all functions (docs/operate.md)."""
    client.wait_for_status(client.request_report("CSV", {"from": "2030-01-01"}), "READY")
    reports = {str(row[0]) for row in client.sql("SELECT report_id FROM resma.reports")}
    checked = 0
    for path in client.stack.folder.glob("logs/resma-local-*.log"):  # without the examples' functions
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if about := reports.intersection(UUID.findall(line)):
                assert line.startswith("{"), f"{path.name}: {line[:300]}"
                assert json.loads(line).get("report_id") in about, f"{path.name}: {line[:300]}"
                checked += 1
    assert checked >= 4


def known_secrets(client: Client) -> Iterator[str]:
    """Yields every secret value in Secrets Manager, and the superuser's password."""
    yield client.stack.postgres().password
    manager = client.aws("secretsmanager")
    for item in manager.list_secrets(MaxResults=100)["SecretList"]:
        value = json.loads(manager.get_secret_value(SecretId=item["ARN"])["SecretString"])
        for name, field in value.items():
            if name not in NO_SECRETS and isinstance(field, str) and len(field) >= MIN_SECRET:
                yield field.removeprefix("whsec_")


def read_logs(client: Client) -> dict[Path, str]:
    """Returns every log of the stack by path: those of the functions, LocalStack and Postgres."""
    folder = client.stack.folder
    paths = [*folder.glob("logs/*.log"), *folder.glob("*.log"), *folder.glob("postgres/*.log")]
    assert len(paths) >= 5
    return {path: path.read_text(encoding="utf-8", errors="replace") for path in paths}
