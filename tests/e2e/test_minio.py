"""Reports on a real MinIO server: multipart uploads, presigned URLs, and recovery from worker crashes."""

from __future__ import annotations

import hashlib
import math
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pypdf import PdfReader

from infra.demo.load_demo_bank import load_demo_bank
from infra.deploy.cloudformation import AwsEndpoint
from infra.deploy.system import ObjectStore
from infra.local.stack import Options
from resma.errors import ObjectStoreRefusedError
from resma.storage.multipart import MIN_PART_BYTES, FileCheckpoint, Segment, open_upload
from resma.storage.object_store import Clients
from resma.storage.segments import close_upload, join_segments
from resma.storage.upload_pool import UploadPool
from tests.support.client import Client, Json, require_one_whole_file
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.kill_workers import PART, kill_workers_in_mid_report
from tests.support.local_stack import ROWS, STACK, running_stack
from tests.support.minio import MINIO, minio_server
from tests.support.read_back import csv_rows, database_rows, pdf_rows, require_same_in_pdf
from tests.support.webhook_receiver import WebhookReceiver

pytestmark = pytest.mark.skipif(
    MINIO is None,
    reason="MinIO is not installed: GOBIN=$PWD/.resma/bin go install github.com/minio/minio@latest",
)
ALL = {"from": "2024-01-01"}
FEBRUARY = {"from": "2024-02-01", "to": "2024-02-29"}
IN_FEBRUARY = "booked_at >= '2024-02-01 00:00+00' AND booked_at < '2024-03-01 00:00+00'"


@dataclass(frozen=True)
class Minio:
    """A stack that stores reports in MinIO, and the fault proxy in front of MinIO, to which presigned URLs point."""

    client: Client
    proxy: FaultProxy
    webhooks: WebhookReceiver


@pytest.fixture(scope="module")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Minio]:
    """A running stack with MinIO, filled with the demo bank."""
    with minio_server(tmp_path_factory.mktemp("minio")) as server:
        port = urlsplit(server.url).port
        assert port is not None
        with FaultProxy(port) as proxy:
            proxied = ObjectStore(proxy.url, server.access_key_id, server.secret_access_key)
            with running_stack(f"{STACK}-minio", Options(front_door_port=None, object_store=proxied)) as stack:
                load_demo_bank(stack.up.database_url, ROWS)
                s3 = AwsEndpoint(server.url).client("s3", server.access_key_id, server.secret_access_key)
                client = Client(stack, s3)
                with WebhookReceiver(stack.up.callback_secret) as webhooks:
                    yield Minio(client, proxy, webhooks)
                client.close()


def make_report(minio: Minio, name: str, format_: str, filters: Json) -> Json:
    """Requests a report, and asserts that the webhook's presigned URL returns the file of the status."""
    client = minio.client
    report_id = client.request_report(format_, filters, callbackUrl=minio.webhooks.customer(name))
    report = client.wait_for_status(report_id, "READY")
    data = minio.webhooks.wait_for_webhooks(name)[0].message["data"]
    assert data["downloadUrl"].startswith(minio.proxy.url)
    assert client.fetch(data["downloadUrl"]).sha256 == data["sha256"] == report["sha256"]
    return report


def test_a_complete_csv_is_stored_in_minio(minio: Minio) -> None:
    report = make_report(minio, "minio-csv", "CSV", ALL)
    file = require_one_whole_file(minio.client, report)
    assert report["metrics"]["parts"] == 2
    assert csv_rows(file.content) == database_rows(minio.client)


def test_a_complete_pdf_is_stored_in_minio(minio: Minio, tmp_path: Path) -> None:
    file = require_one_whole_file(minio.client, make_report(minio, "minio-pdf", "PDF", FEBRUARY))
    path = tmp_path / file.name
    path.write_bytes(file.content)
    expected = database_rows(minio.client, IN_FEBRUARY)
    assert len(PdfReader(path).pages) == 1 + math.ceil(len(expected) / 50)
    require_same_in_pdf(pdf_rows(path), expected)


def test_a_tampered_url_is_refused(minio: Minio) -> None:
    report = minio.client.wait_for_status(minio.client.request_report("CSV", {"from": "2030-01-01"}), "READY")
    url = minio.client.http("GET", report["links"]["download"]).headers["Location"]
    assert minio.client.http("GET", url).status == 200
    assert minio.client.http("GET", url.replace("X-Amz-Expires=3600", "X-Amz-Expires=7200")).status == 403


def test_a_killed_worker_leaves_nothing_in_minio(minio: Minio) -> None:
    with minio.proxy.failing(Fault("stall", when=PART)) as fault:
        report_id = minio.client.request_report("CSV", ALL)
        kill_workers_in_mid_report(minio.client, report_id, "CSV", fault)
    report = minio.client.wait_for_status(report_id, "READY")
    assert report["attempt"] == 2
    require_one_whole_file(minio.client, report)


def test_a_lost_response_to_the_completion_costs_at_most_one_attempt(minio: Minio) -> None:
    # MinIO stops a completion whose caller disconnects, sometimes half-way; then a second completion cannot succeed.
    with minio.proxy.failing(Fault("cut", when=b"<CompleteMultipartUpload")) as fault:
        report_id = minio.client.request_report("CSV", ALL)
        fault.wait_for_fault()
    report = minio.client.wait_for_status(report_id, "READY")
    assert report["attempt"] <= 2
    require_one_whole_file(minio.client, report)


def test_a_dead_workers_upload_becomes_a_segment(tmp_path: Path) -> None:
    """Integration tests do the same with moto; MinIO handles checksums differently."""
    parts = [secrets.token_bytes(size) for size in (MIN_PART_BYTES, MIN_PART_BYTES + 7)]
    rest = b"the rest"
    with minio_server(tmp_path) as server:
        s3 = AwsEndpoint(server.url).client("s3", server.access_key_id, server.secret_access_key)
        clients = Clients(s3, s3)
        s3.create_bucket(Bucket="reports")
        with (
            UploadPool() as pool,
            open_upload(clients, pool, "reports", "1.csv", media_type="text/csv", owner="r/1") as dead,
        ):
            for part in parts:
                dead.write(part)
            saved = dead.save()
            dead.keep()
            assert (len(saved.parts), saved.tail) == (2, parts[1][MIN_PART_BYTES:])
            segments = close_upload(clients, "reports", saved)
            assert close_upload(clients, "reports", saved) == segments
            with pytest.raises(ObjectStoreRefusedError):
                dead.complete()
            checkpoint = FileCheckpoint(segments, saved.tail, saved.size, saved.sha256)
            with open_upload(
                clients, pool, "reports", "2.rest.csv", media_type="text/csv", owner="r/2", checkpoint=checkpoint
            ) as upload:
                upload.write(rest)
                own = upload.complete()
            joined = join_segments(
                clients,
                pool,
                "reports",
                "2.csv",
                [*segments, Segment(own.key, own.bytes, own.etag)],
                media_type="text/csv",
                owner="r/2",
            )
        data = s3.get_object(Bucket="reports", Key="2.csv")["Body"].read()
        assert data == b"".join(parts) + rest
        assert joined.bytes == upload.bytes == len(data)
        assert upload.sha256() == hashlib.sha256(data).hexdigest()
