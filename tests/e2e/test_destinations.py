"""Files are delivered to buckets of a real MinIO server: checksums, a killed function, an outage, the command line."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from infra.demo.load_demo_bank import load_demo_bank
from infra.deploy.cloudformation import AwsEndpoint
from infra.deploy.system import ObjectStore
from infra.local.stack import Options
from tests.support.client import Client, Json
from tests.support.command_line import CommandLine
from tests.support.eventually import eventually
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.gnupg import key_ring
from tests.support.local_stack import ACCOUNTS, ROWS, STACK, running_stack
from tests.support.minio import MINIO, minio_server

pytestmark = pytest.mark.skipif(
    MINIO is None,
    reason="MinIO is not installed: GOBIN=$PWD/.resma/bin go install github.com/minio/minio@latest",
)

ALL = {"from": "2024-01-01"}
DESTINATIONS = "/api/v1/destinations"
PARTNER = "partner-reports"
NAME = f"{STACK}-deliver"


@dataclass(frozen=True)
class Partner:
    """A stack that stores reports in MinIO, and a fault proxy in front of it, to which functions connect."""

    client: Client
    proxy: FaultProxy

    def create(self, name: str, **settings: str) -> Json:
        """Creates a destination in the partner's bucket."""
        body = {"name": name, "kind": "S3", "settings": {"bucket": PARTNER, "path": f"{name}/{{file}}", **settings}}
        answer = self.client.http("POST", DESTINATIONS, json=body)
        assert answer.status == 201, answer.data
        made: Json = answer.json()
        return made

    def objects(self, prefix: str) -> dict[str, str]:
        """Returns the SHA-256 of the objects below a prefix in the partner's bucket, by name."""
        listed = self.client.s3.list_objects_v2(Bucket=PARTNER, Prefix=prefix).get("Contents", [])
        return {item["Key"]: self._sha256(item["Key"]) for item in listed}

    def _sha256(self, name: str) -> str:
        content = self.client.s3.get_object(Bucket=PARTNER, Key=name)["Body"].read()
        return hashlib.sha256(content).hexdigest()

    def deliveries(self, report_id: str) -> list[Json]:
        """Returns the deliveries of a report."""
        items: list[Json] = self.client.http("GET", f"/api/v1/reports/{report_id}/file-deliveries").json()["items"]
        return items

    def wait_until_delivered(self, report_id: str) -> list[Json]:
        """Waits until all deliveries of a report have arrived, and returns them."""

        def arrived() -> list[Json]:
            found = self.deliveries(report_id)
            return found if all(each["status"] == "DELIVERED" for each in found) else []

        return eventually("the files are delivered", arrived)


@pytest.fixture(scope="module")
def partner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Partner]:
    """A running stack with MinIO, which also has the partner's bucket, and with its keys as a secret."""
    with minio_server(tmp_path_factory.mktemp("minio")) as server:
        port = urlsplit(server.url).port
        assert port is not None
        with FaultProxy(port) as proxy:
            proxied = ObjectStore(proxy.url, server.access_key_id, server.secret_access_key)
            options = Options(
                front_door_port=None, object_store=proxied, parameters={"DestinationS3Endpoints": proxy.url}
            )
            with running_stack(NAME, options) as stack:
                load_demo_bank(stack.up.database_url, ROWS, ACCOUNTS)
                s3 = AwsEndpoint(server.url).client("s3", server.access_key_id, server.secret_access_key)
                s3.create_bucket(Bucket=PARTNER)
                client = Client(stack, s3)
                keys = {"accessKeyId": server.access_key_id, "secretAccessKey": server.secret_access_key}
                client.aws("secretsmanager").create_secret(
                    Name="resma/local/destinations/demo/partner", SecretString=json.dumps(keys)
                )
                yield Partner(client, proxy)
                client.close()


def test_files_arrive_with_the_sha256_of_the_status(partner: Partner) -> None:
    """Once copied within the store, and once streamed to the endpoint that the destination names."""
    copied = partner.create("copied")
    streamed = partner.create("streamed", endpointUrl=partner.proxy.url, secretName="partner")
    report_id = partner.client.request_report("CSV", ALL, deliverTo=[copied["id"], streamed["id"]])
    report = partner.client.wait_for_status(report_id, "READY")
    for delivery in partner.wait_until_delivered(report_id):
        assert [file["sha256"] for file in delivery["files"]] == [report["sha256"]]
    assert list(partner.objects("demo/copied/").values()) == [report["sha256"]]
    assert list(partner.objects("streamed/").values()) == [report["sha256"]]


def test_a_killed_function_delivers_one_file(partner: Partner) -> None:
    """The lease of the killed function expires, and the scheduler triggers the next attempt."""
    destination = partner.create("killed", endpointUrl=partner.proxy.url, secretName="partner")
    with partner.proxy.failing(Fault("stall", when=f"PUT /{PARTNER}".encode())) as fault:
        made = partner.client.http("POST", f"{DESTINATIONS}/{destination['id']}/test").json()
        fault.wait_for_fault()
        outputs = partner.client.aws("lambda").list_functions()["Functions"]
        (name,) = [each["FunctionName"] for each in outputs if "-DeliveryFunction-" in each["FunctionName"]]
        for pid in partner.client.stack.function_processes(name):
            os.kill(pid, signal.SIGKILL)
    path = f"/api/v1/file-deliveries/{made['id']}"

    def delivered() -> Any:
        shown = partner.client.http("GET", path).json()
        return shown if shown["status"] == "DELIVERED" else None

    shown = eventually("the test file is delivered", delivered, seconds=240)
    assert shown["attempts"][0]["outcome"] is None
    assert len(partner.objects("killed/")) == 1


def test_a_bucket_that_is_missing_gets_its_files_when_it_exists(partner: Partner) -> None:
    destination = partner.create("late", bucket="late-bucket", endpointUrl=partner.proxy.url, secretName="partner")
    report_id = partner.client.request_report("CSV", {"from": "2030-01-01"}, deliverTo=[destination["id"]])
    partner.client.wait_for_status(report_id, "READY")
    eventually(
        "the first attempt has failed",
        lambda: [each["outcome"] for each in partner.deliveries(report_id)[0]["attempts"] if each["outcome"]],
    )
    (delivery,) = partner.deliveries(report_id)
    assert (delivery["status"], delivery["attempts"][0]["errorCode"]) == ("PENDING", "destination-missing")
    partner.client.s3.create_bucket(Bucket="late-bucket")
    replayed = partner.client.http("POST", f"/api/v1/file-deliveries/{delivery['id']}/replay")
    assert replayed.status == 202
    assert len(partner.wait_until_delivered(report_id)[0]["files"]) == 1


def test_the_command_line_manages_destinations(partner: Partner, tmp_path: Path) -> None:
    resma = CommandLine(NAME, tmp_path, {"RESMA_URL": partner.client.stack.up.api_url})
    made = resma.do("destination", "create", "Partner", "--kind", "S3", "--setting", f"bucket={PARTNER}")
    identifier = made["id"]
    assert identifier in [item["id"] for item in resma.do("destination", "list")["items"]]
    assert resma.do("destination", "update", identifier[:12], "--name", "Other")["name"] == "Other"
    with key_ring() as keys:
        keys.make_key("partner@example.com")
        (tmp_path / "partner.asc").write_text(keys.certificate("partner@example.com"))
        certificate = resma.do("certificate", "add", "Partner", str(tmp_path / "partner.asc"))["id"]
        changed = resma.do("destination", "update", identifier, "--encrypt-for", certificate)
        assert changed["encryptFor"] == [certificate]
        sealed = resma.do(
            *("generate", "TRANSACTIONS", "--format", "CSV", "--filter", "from=2024-01-01", "--deliver-to", identifier)
        )
        (file,) = partner.client.wait_for_status(sealed["id"], "READY")["files"]
        ((delivered,),) = [each["files"] for each in partner.wait_until_delivered(sealed["id"])]
        body = partner.client.s3.get_object(Bucket=PARTNER, Key=made["namePrefix"] + delivered["name"])["Body"].read()
        assert hashlib.sha256(keys.decrypt(body)).hexdigest() == file["plainSha256"]
    assert resma.do("destination", "update", identifier, "--encrypt-for", "none")["encryptFor"] is None
    tested = resma.do("destination", "test", identifier)
    report = resma.do(
        *("generate", "TRANSACTIONS", "--format", "CSV", "--filter", "from=2030-01-01", "--deliver-to", identifier)
    )
    partner.client.wait_for_status(report["id"], "READY")
    partner.wait_until_delivered(report["id"])
    (delivery,) = resma.do("destination", "deliveries", "--report", report["id"])["items"]
    listed = resma.do("destination", "deliveries", "--destination", identifier)["items"]
    assert {item["id"] for item in listed} >= {delivery["id"], tested["id"]}
    assert resma.do("destination", "replay", delivery["id"])["status"] == "PENDING"
    assert resma.run("destination", "create", "Bad", "--setting", "bucket").code == 2
    resma.do("destination", "delete", identifier, "--yes")
    assert resma.run("destination", "test", identifier).code == 5
