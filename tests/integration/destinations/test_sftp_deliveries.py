"""Deliveries of reports by SFTP: from the API to a real OpenSSH server."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from tests.support.destinations import DELIVERIES, DESTINATIONS, deliver_report, deliveries_of, make_due
from tests.support.gnupg import key_ring
from tests.support.ssh_server import SshServer, ssh_server
from tests.support.system import System
from tests.support.webhook_endpoints import call, refused


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """The server of all tests of this module."""
    with ssh_server(tmp_path_factory.mktemp("ssh") / "home") as server:
        yield server


@pytest.fixture
def server(running: SshServer, system: System) -> SshServer:  # the secret is stored in the system's AWS
    """The server without files, with its key as a secret of the tenant."""
    running.clear()
    boto3.client("secretsmanager").create_secret(
        Name="resma/local/destinations/demo/partner-sftp", SecretString=json.dumps({"privateKey": running.private_key})
    )
    return running


def create(system: System, server: SshServer, **settings: Any) -> Any:
    """Creates a destination at the server, and returns it."""
    body = {"name": "Partner", "kind": "SFTP", "settings": server.json_settings(**settings)}
    status, _, made = system.call_api("POST", DESTINATIONS, body)
    assert status == 201, made
    return made


def delivered(server: SshServer) -> dict[str, str]:
    """Returns the SHA-256 of each file at the server, by name."""
    paths = [path for path in server.files.rglob("*") if path.is_file()]
    return {str(path.relative_to(server.files)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_all_files_of_a_report_arrive(system: System, server: SshServer) -> None:
    destination = create(system, server, path="{type}/{year}-{month}/{file}")
    assert destination["url"].startswith("sftp://")
    report = deliver_report(system, destination["id"], formats=["CSV", "PDF"])
    (delivery,) = deliveries_of(system, report["id"])
    assert (delivery["status"], delivery["filesDelivered"]) == ("DELIVERED", 2)
    assert {file["name"]: file["sha256"] for file in delivery["files"]} == delivered(server)
    assert sorted(delivered(server).values()) == sorted(file["sha256"] for file in report["files"])
    assert all(name.startswith(f"transactions/{report['asOf'][:7]}/") for name in delivered(server))


def test_the_receiver_decrypts_a_report_and_a_test_file(system: System, server: SshServer) -> None:
    with key_ring() as keys:
        keys.make_key("partner@example.com")
        body = {"name": "Partner", "certificate": keys.certificate("partner@example.com")}
        certificate = call(system, "POST", "/api/v1/certificates", body)["id"]
        destination = create(system, server)
        call(system, "PATCH", f"{DESTINATIONS}/{destination['id']}", {"encryptFor": [certificate]})
        report = deliver_report(system, destination["id"], formats=["CSV", "PDF"])
        call(system, "POST", f"{DESTINATIONS}/{destination['id']}/test")
        system.deliver_files()
        arrived = {path.name: keys.decrypt(path.read_bytes()) for path in server.files.rglob("*.pgp")}
    assert len(arrived) == len(delivered(server)) == 3
    plain = [hashlib.sha256(each).hexdigest() for name, each in arrived.items() if not name.startswith("resma-test-")]
    assert sorted(plain) == sorted(file["plainSha256"] for file in report["files"])
    (sent,) = [each for name, each in arrived.items() if name.startswith("resma-test-")]
    assert b"test file of Resma" in sent


def test_a_replay_restores_a_removed_file_only(system: System, server: SshServer) -> None:
    destination = create(system, server)
    report = deliver_report(system, destination["id"], formats=["CSV", "PDF"])
    before = delivered(server)
    removed, kept = sorted(before)
    (server.files / removed).unlink()
    inode = (server.files / kept).stat().st_ino
    (delivery,) = deliveries_of(system, report["id"])
    call(system, "POST", f"{DELIVERIES}/{delivery['id']}/replay")
    system.deliver_files()
    assert call(system, "GET", f"{DELIVERIES}/{delivery['id']}")["status"] == "DELIVERED"
    assert delivered(server) == before
    assert (server.files / kept).stat().st_ino == inode


def test_another_host_key_ends_the_delivery_until_it_is_listed(system: System, server: SshServer) -> None:
    destination = create(system, server, hostKeys=[server.fingerprint("rsa")])
    report = deliver_report(system, destination["id"])
    (delivery,) = deliveries_of(system, report["id"])
    assert (delivery["status"], delivery["endedReason"]) == ("FAILED", "host-key-mismatch")
    assert server.fingerprint() in delivery["attempts"][0]["errorDetail"]
    settings = server.json_settings(hostKeys=[server.fingerprint("rsa"), server.fingerprint()])
    call(system, "PATCH", f"{DESTINATIONS}/{destination['id']}", {"settings": settings})
    call(system, "POST", f"{DELIVERIES}/{delivery['id']}/replay")
    system.deliver_files()
    assert list(delivered(server).values()) == [report["sha256"]]


def test_a_server_without_a_secret_is_tried_again(
    system: System, server: SshServer, admin: Connection[TupleRow]
) -> None:
    destination = create(system, server, secretName="later")
    report = deliver_report(system, destination["id"])
    (delivery,) = deliveries_of(system, report["id"])
    assert (delivery["status"], delivery["attempts"][0]["errorCode"]) == ("PENDING", "access-denied")
    assert "resma/local/destinations/demo/later" in delivery["attempts"][0]["errorDetail"]
    boto3.client("secretsmanager").create_secret(
        Name="resma/local/destinations/demo/later", SecretString=json.dumps({"privateKey": server.private_key})
    )
    make_due(admin)
    system.run_scheduler()
    system.deliver_files()
    assert list(delivered(server).values()) == [report["sha256"]]


def test_invalid_settings_are_refused(system: System, server: SshServer) -> None:
    body = {"name": "Partner", "kind": "SFTP", "settings": server.json_settings(host="10.1.2.3", hostKeys=["x" * 50])}
    assert refused(system, "POST", DESTINATIONS, body)[2] == ["/settings/hostKeys"]
    body["settings"] = server.json_settings(host="10.1.2.3")
    assert refused(system, "POST", DESTINATIONS, body)[2] == ["/settings/host"]
    body["settings"] = {"bucket": "partner-reports"}
    assert "/settings/bucket" in refused(system, "POST", DESTINATIONS, body)[2]
