"""One report is delivered to a destination of each kind at once, through the whole stack."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from resma.destinations.kinds import SETTINGS_OF_KINDS
from tests.support.client import Client
from tests.support.file_receivers import (
    BucketReceiver,
    EmailReceiver,
    FileReceiver,
    SftpReceiver,
    allow_email,
    create_destination,
    store_sftp_key,
    wait_until_delivered,
)
from tests.support.ssh_server import SshServer, ssh_server

BUCKET = "all-destinations"
ATTACHMENT_BYTES = 2_000_000
"""Maximum size of attachments. One of the reports is larger, so that its message has a link."""


@pytest.fixture(scope="module")
def server(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """An OpenSSH server, with the key of its user as a secret of the tenant."""
    with ssh_server(tmp_path_factory.mktemp("ssh") / "home") as server:
        store_sftp_key(client, server)
        yield server


@pytest.fixture(scope="module")
def receivers(client: Client, server: SshServer) -> dict[str, FileReceiver]:
    """A receiver of each kind, by the id of its destination."""
    client.s3.create_bucket(Bucket=BUCKET)
    allow_email(client, "example.com", ATTACHMENT_BYTES)
    all_kinds: list[FileReceiver] = [
        BucketReceiver(client, BUCKET),
        SftpReceiver(server),
        EmailReceiver(client, "treasury-of-all@example.com"),
    ]
    assert {receiver.kind for receiver in all_kinds} == set(SETTINGS_OF_KINDS)
    return {create_destination(client, receiver): receiver for receiver in all_kinds}


def test_one_report_arrives_at_every_destination(client: Client, receivers: dict[str, FileReceiver]) -> None:
    """Two formats, each with the SHA-256 of the report's status."""
    report_id = client.request_report("CSV", {"from": "2024-01-01"}, deliverTo=[*receivers])
    both = {"from": "2025-03-01", "to": "2025-03-31"}
    second_id = client.request_report("", both, format=None, formats=["CSV", "PDF"], deliverTo=[*receivers])
    for identifier in (report_id, second_id):
        report = client.wait_for_status(identifier, "READY")
        expected = sorted(file["sha256"] for file in report["files"])
        deliveries = wait_until_delivered(client, identifier)
        assert deliveries.keys() == receivers.keys()
        for destination_id, delivery in deliveries.items():
            receiver = receivers[destination_id]
            arrived = receiver.files()
            is_link = receiver.kind == "EMAIL" and sum(file["bytes"] for file in report["files"]) > ATTACHMENT_BYTES
            assert sorted(arrived[file["name"]] for file in delivery["files"]) == ([] if is_link else expected)
            assert [attempt["outcome"] for attempt in delivery["attempts"]] == ["DELIVERED"]


def test_the_manifest_of_a_split_report_arrives_last(
    client: Client, server: SshServer, receivers: dict[str, FileReceiver]
) -> None:
    more = {"type": "ACCOUNT_STATEMENT", "splitBy": ["account"], "zip": True, "deliverTo": [*receivers]}
    report_id = client.request_report("CSV", {"from": "2024-03-01", "to": "2024-03-02"}, **more)
    report = client.wait_for_status(report_id, "READY")
    for destination_id, delivery in wait_until_delivered(client, report_id).items():
        if receivers[destination_id].kind == "EMAIL":
            assert delivery["files"] == []  # the message has a link
            continue
        arrived = receivers[destination_id].files()
        # The record of a delivery shows the first hundred files only.
        recorded = client.sql(
            "SELECT name, sha256 FROM resma.delivered_files WHERE delivery_id = %s ORDER BY position", delivery["id"]
        )
        names = [str(name) for name, _ in recorded]
        assert len(names) == delivery["filesDelivered"] == report["split"]["keys"] + 3
        assert {name: arrived[name] for name in names} == dict(recorded)
        assert names[-1].endswith("/manifest.json")
        assert arrived[names[-1]] == report["split"]["manifest"]["sha256"]
        if receivers[destination_id].kind == "SFTP":
            # A rename sets the time of the change of the inode.
            changes = [(server.files / name).stat().st_ctime_ns for name in names]
            assert changes == sorted(changes)


def test_nothing_else_is_left_at_the_receivers(client: Client, receivers: dict[str, FileReceiver]) -> None:
    """Neither temporary files nor a second file: exactly those that the deliveries record."""
    for destination_id, receiver in receivers.items():
        recorded = client.sql(
            "SELECT f.name, f.sha256 FROM resma.delivered_files f JOIN resma.file_deliveries d"
            " USING (tenant_id, delivery_id) WHERE d.destination_id = %s",
            destination_id,
        )
        assert receiver.files() == dict(recorded)
