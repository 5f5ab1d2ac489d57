"""Deliveries of files to buckets: names, checksums, repetition, errors, and isolation of destinations."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

import delivery.reading
import delivery.s3
from delivery.claims import MAX_ATTEMPTS, MAX_PER_DESTINATION, claim_next, finish_file, record_outcome
from delivery.claims import AttemptOutcome as Outcome
from delivery.errors import SourceUnavailableError
from resma.aws import s3_access
from resma.errors import LeaseLostError
from resma.retry_pauses import BACKOFF
from tests.support.destinations import (
    BUCKET,
    DELIVERIES,
    DESTINATIONS,
    create_bucket,
    create_destination,
    deliver_report,
    delivered,
    deliveries_of,
    make_due,
)
from tests.support.system import System
from tests.support.webhook_endpoints import call, refused


@pytest.fixture(autouse=True)
def _bucket(system: System) -> None:
    create_bucket(system)


def run_again(system: System, admin: Connection[TupleRow]) -> None:
    """Makes the next attempts, as the scheduler triggers them."""
    make_due(admin)
    system.run_scheduler()
    system.deliver_files()


def test_a_report_arrives_under_its_name_with_its_sha256(system: System) -> None:
    destination = create_destination(system, path="in/{type}/{year}-{month}/{report}/{file}")
    report = deliver_report(system, destination["id"], formats=["CSV", "PDF"])
    (delivery,) = deliveries_of(system, report["id"])
    assert (delivery["status"], delivery["filesDelivered"], delivery["destinationName"]) == ("DELIVERED", 2, "Partner")
    as_of = report["asOf"]
    folder = f"demo/in/transactions/{as_of[:7]}/{report['id']}/"
    assert sorted(delivered(system).values()) == sorted(file["sha256"] for file in report["files"])
    assert all(name.startswith(folder) for name in delivered(system))
    assert {file["name"]: file["sha256"] for file in delivery["files"]} == {
        name.removeprefix("demo/"): sha256 for name, sha256 in delivered(system).items()
    }
    (attempt,) = delivery["attempts"]
    assert (attempt["outcome"], attempt["errorCode"]) == ("DELIVERED", None)
    assert report["deliverTo"] == [destination["id"]]
    assert call(system, "GET", f"{DESTINATIONS}/{destination['id']}")["failing"] is False


def test_large_files_are_copied_or_streamed_in_parts(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery.s3, "MAX_SINGLE_BYTES", 1000)
    monkeypatch.setattr(delivery.s3, "COPIED_PART_BYTES", 5 * 1024 * 1024)
    monkeypatch.setattr(delivery.s3, "STREAMED_PART_BYTES", 5 * 1024 * 1024)
    _store_keys("demo", "partner")
    copied = create_destination(system, path="copied/{file}")
    streamed = create_destination(system, secretName="partner", path="streamed/{file}")
    report = deliver_report(system, copied["id"], streamed["id"])
    assert [each["status"] for each in deliveries_of(system, report["id"])] == ["DELIVERED"] * 2
    assert set(delivered(system).values()) == {report["sha256"]}
    assert {name.split("/")[0] for name in delivered(system)} == {"demo", "streamed"}
    head = system.s3.head_object(Bucket=BUCKET, Key=next(iter(delivered(system))))
    assert head["Metadata"] == {"resma-report": report["id"], "resma-sha256": report["sha256"]}
    assert system.s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []


def _store_keys(tenant: str, name: str) -> None:
    keys = {"accessKeyId": "partner", "secretAccessKey": "secret"}
    boto3.client("secretsmanager").create_secret(
        Name=f"resma/local/destinations/{tenant}/{name}", SecretString=json.dumps(keys)
    )


def test_a_role_is_assumed_with_the_id_of_the_destination(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    assumed: list[tuple[str, str]] = []
    original = s3_access.assume_role

    def assume(role_arn: str, external_id: str, session_name: str) -> Any:
        assumed.append((role_arn, external_id))
        return original(role_arn, external_id, session_name)

    monkeypatch.setattr(delivery.s3, "assume_role", assume)
    role = "arn:aws:iam::111122223333:role/resma-delivery"
    destination = create_destination(system, roleArn=role)
    assert destination["externalId"] == destination["id"]
    report = deliver_report(system, destination["id"])
    assert assumed == [(role, destination["id"])]
    assert list(delivered(system).values()) == [report["sha256"]]


def test_objects_are_encrypted_with_the_key_of_the_destination(system: System) -> None:
    key = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
    destination = create_destination(system, kmsKeyArn=key)
    deliver_report(system, destination["id"])
    (name,) = delivered(system)
    head = system.s3.head_object(Bucket=BUCKET, Key=name)
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)


def test_the_object_of_somebody_else_is_not_overwritten(system: System) -> None:
    destination = create_destination(system, path="{file}")
    report_id = system.request_report(format="CSV", deliverTo=[destination["id"]])
    assert system.work_once()
    name = f"demo/{_download_name(system, report_id)}"
    system.s3.put_object(Bucket=BUCKET, Key=name, Body=b"theirs")
    system.deliver_files()
    (delivery_,) = deliveries_of(system, report_id)
    assert (delivery_["status"], delivery_["endedReason"]) == ("FAILED", "name-exists")
    assert name in delivery_["attempts"][0]["errorDetail"]
    assert system.s3.get_object(Bucket=BUCKET, Key=name)["Body"].read() == b"theirs"
    # A permanent error of one delivery does not say that the destination is down.
    assert call(system, "GET", f"{DESTINATIONS}/{destination['id']}")["lastAttempt"]["errorCode"] == "name-exists"


def _download_name(system: System, report_id: object) -> str:
    link = call(system, "GET", f"/api/v1/reports/{report_id}/download", link="true")
    return str(link["fileName"])


def test_a_delivery_whose_record_was_lost_is_not_repeated(system: System, admin: Connection[TupleRow]) -> None:
    """The function crashed after the object was complete, and before that was recorded."""
    destination = create_destination(system)
    report = deliver_report(system, destination["id"])
    (name,) = delivered(system)
    before = system.s3.head_object(Bucket=BUCKET, Key=name)["LastModified"]
    admin.execute("UPDATE resma.delivered_files SET delivered_at = NULL")
    admin.execute("UPDATE resma.file_deliveries SET status = 'PENDING', delivered_at = NULL")
    run_again(system, admin)
    (delivery_,) = deliveries_of(system, report["id"])
    assert (delivery_["status"], len(delivery_["attempts"])) == ("DELIVERED", 2)
    assert system.s3.head_object(Bucket=BUCKET, Key=name)["LastModified"] == before
    assert len(delivered(system)) == 1


def test_duplicate_messages_do_nothing(system: System) -> None:
    destination = create_destination(system)
    report_id = system.request_report(format="CSV", deliverTo=[destination["id"]])
    assert system.work_once()
    (record,) = system.receive(system.deliveries_url)
    for _ in range(3):
        system.sqs.send_message(QueueUrl=system.deliveries_url, MessageBody=record["body"], MessageGroupId="demo")
    system.deliver_files()
    (delivery_,) = deliveries_of(system, report_id)
    assert len(delivery_["attempts"]) == 1
    assert len(delivered(system)) == 1


def test_a_destination_that_is_down_is_tried_again(system: System, admin: Connection[TupleRow]) -> None:
    down, works = create_destination(system, "down", bucket="vanished"), create_destination(system, "works")
    report = deliver_report(system, down["id"], works["id"])
    by_name = {each["destinationName"]: each for each in deliveries_of(system, report["id"])}
    assert by_name["works"]["status"] == "DELIVERED"
    assert (by_name["down"]["status"], by_name["down"]["attempts"][0]["errorCode"]) == (
        "PENDING",
        "destination-missing",
    )
    assert "'vanished' does not exist" in by_name["down"]["attempts"][0]["errorDetail"]
    assert call(system, "GET", f"{DESTINATIONS}/{down['id']}")["failing"] is True
    system.run_scheduler()
    assert system.deliver_files() == 0, "it is not due yet"
    create_bucket(system, "vanished")
    run_again(system, admin)
    by_name = {each["destinationName"]: each for each in deliveries_of(system, report["id"])}
    assert by_name["down"]["status"] == "DELIVERED"
    assert list(delivered(system, "vanished").values()) == [report["sha256"]]


def test_a_delivery_ends_after_its_last_attempt(system: System, admin: Connection[TupleRow]) -> None:
    destination = create_destination(system, bucket="vanished")
    report = deliver_report(system, destination["id"])
    for _ in BACKOFF:
        run_again(system, admin)
    (delivery_,) = deliveries_of(system, report["id"])
    assert (delivery_["status"], delivery_["endedReason"]) == ("FAILED", "attempts-exhausted")
    assert len(delivery_["attempts"]) == MAX_ATTEMPTS
    create_bucket(system, "vanished")
    replayed = call(system, "POST", f"{DELIVERIES}/{delivery_['id']}/replay")
    assert (replayed["status"], len(replayed["replays"])) == ("PENDING", 1)
    system.deliver_files()
    assert call(system, "GET", f"{DELIVERIES}/{delivery_['id']}")["status"] == "DELIVERED"
    assert list(delivered(system, "vanished").values()) == [report["sha256"]]


def test_a_replay_keeps_the_name_and_restores_a_removed_file(system: System) -> None:
    destination = create_destination(system)
    report = deliver_report(system, destination["id"])
    before = delivered(system)
    call(system, "PATCH", f"{DESTINATIONS}/{destination['id']}", {"settings": {"bucket": BUCKET, "path": "new/{file}"}})
    (name,) = before
    system.s3.delete_object(Bucket=BUCKET, Key=name)
    (delivery_,) = deliveries_of(system, report["id"])
    call(system, "POST", f"{DELIVERIES}/{delivery_['id']}/replay")
    system.deliver_files()
    assert delivered(system) == before


def test_a_crash_is_followed_by_a_pause_and_another_attempt(system: System, admin: Connection[TupleRow]) -> None:
    destination = create_destination(system)
    report_id = system.request_report(format="CSV", deliverTo=[destination["id"]])
    assert system.work_once()
    with admin.transaction():
        crashed = claim_next(admin, "demo", destination["id"])
    assert crashed is not None
    system.deliver_files()
    assert deliveries_of(system, report_id)[0]["status"] == "PENDING", "the lease of the crashed function is valid"
    assert refused(system, "POST", f"{DELIVERIES}/{crashed.delivery_id}/replay")[:2] == (
        409,
        "file-delivery-in-progress",
    )
    run_again(system, admin)
    (delivery_,) = deliveries_of(system, report_id)
    assert (delivery_["status"], [each["outcome"] for each in delivery_["attempts"]]) == (
        "DELIVERED",
        [None, "DELIVERED"],
    )
    with pytest.raises(LeaseLostError):
        finish_file(admin, crashed, 1)
    with pytest.raises(LeaseLostError):
        record_outcome(admin, crashed, Outcome("FAILED", 1, "internal", "late"))
    assert deliveries_of(system, report_id)[0]["status"] == "DELIVERED"


def test_few_deliveries_to_one_destination_are_in_progress(system: System, admin: Connection[TupleRow]) -> None:
    slow, other = create_destination(system, "slow"), create_destination(system, "other")
    for _ in range(MAX_PER_DESTINATION + 1):
        call(system, "POST", f"{DESTINATIONS}/{slow['id']}/test")
    call(system, "POST", f"{DESTINATIONS}/{other['id']}/test")
    claims = [claim_next(admin, "demo", slow["id"]) for _ in range(MAX_PER_DESTINATION + 1)]
    assert [claim is not None for claim in claims] == [True] * MAX_PER_DESTINATION + [False]
    assert claim_next(admin, "demo", other["id"]) is not None


def test_an_upload_continues_after_its_last_part(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first invocation has no time left after each part; the hash continues with the upload."""
    part = 5 * 1024 * 1024
    monkeypatch.setattr(delivery.s3, "MAX_SINGLE_BYTES", 1000)
    monkeypatch.setattr(delivery.s3, "STREAMED_PART_BYTES", part)
    _store_keys("demo", "partner")
    destination = create_destination(system, secretName="partner")
    report_id = system.request_report(format="CSV", deliverTo=[destination["id"]])
    assert system.work_once()
    content = b"0123456789abcdef" * (3 * part // 32)  # 1.5 parts
    _replace_file(system, admin, report_id, content)
    monkeypatch.setattr("tests.support.system.FunctionContext.get_remaining_time_in_millis", _Times([60_000, 0]))
    system.deliver_files()
    (delivery_,) = deliveries_of(system, report_id)
    assert ([each["outcome"] for each in delivery_["attempts"]], delivered(system)) == (["CONTINUED"], {})
    monkeypatch.undo()
    monkeypatch.setattr(delivery.s3, "MAX_SINGLE_BYTES", 1000)
    monkeypatch.setattr(delivery.s3, "STREAMED_PART_BYTES", part)
    run_again(system, admin)
    (delivery_,) = deliveries_of(system, report_id)
    assert [each["outcome"] for each in delivery_["attempts"]] == ["CONTINUED", "DELIVERED"]
    assert list(delivered(system).values()) == [delivery_["files"][0]["sha256"]]


def test_the_upload_of_a_delivery_that_has_failed_is_removed(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every attempt fails after the first part."""
    part = 5 * 1024 * 1024
    monkeypatch.setattr(delivery.s3, "MAX_SINGLE_BYTES", 1000)
    monkeypatch.setattr(delivery.s3, "STREAMED_PART_BYTES", part)
    _store_keys("demo", "partner")
    destination = create_destination(system, secretName="partner")
    report_id = system.request_report(format="CSV", deliverTo=[destination["id"]])
    assert system.work_once()
    content = b"0123456789abcdef" * (3 * part // 32)
    _replace_file(system, admin, report_id, content)

    def read_first_part_only(store: Any, key: str, start: int, end: int) -> bytes:
        if start:
            raise SourceUnavailableError("not now")
        return content[start:end]

    monkeypatch.setattr(delivery.reading, "_read_range", read_first_part_only)
    system.deliver_files()
    for _ in BACKOFF:
        assert len(system.s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"]) == 1, "all attempts have the same upload"
        run_again(system, admin)
    (delivery_,) = deliveries_of(system, report_id)
    assert (delivery_["status"], delivery_["endedReason"]) == ("FAILED", "attempts-exhausted")
    assert "Uploads" not in system.s3.list_multipart_uploads(Bucket=BUCKET)


class _Times:
    """Returns the remaining times in turn, and then the last one."""

    def __init__(self, times: list[int]) -> None:
        self._times = times

    def __call__(self, *_: object) -> int:
        return self._times.pop(0) if len(self._times) > 1 else self._times[0]


def _replace_file(system: System, admin: Connection[TupleRow], report_id: object, content: bytes) -> None:
    """Replaces a report's file by other content, as if the report were longer."""
    import hashlib

    row = admin.execute("SELECT files FROM resma.reports WHERE report_id = %s", (report_id,)).fetchone()
    assert row is not None
    (file,) = row[0]
    system.s3.put_object(Bucket=system.bucket, Key=file["object_key"], Body=content)
    changed = [{**file, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}]
    admin.execute("UPDATE resma.reports SET files = %s WHERE report_id = %s", (json.dumps(changed), report_id))


def test_changed_bytes_are_not_delivered(system: System, admin: Connection[TupleRow]) -> None:
    destination = create_destination(system)
    report_id = system.request_report(format="CSV", deliverTo=[destination["id"]])
    assert system.work_once()
    (key,) = system.objects()
    size = system.s3.head_object(Bucket=system.bucket, Key=key)["ContentLength"]
    system.s3.put_object(Bucket=system.bucket, Key=key, Body=b"x" * size)
    system.deliver_files()
    (delivery_,) = deliveries_of(system, report_id)
    assert (delivery_["status"], delivery_["attempts"][0]["errorCode"]) == ("PENDING", "checksum-mismatch")
    assert delivered(system) == {}


def test_split_reports_arrive_with_the_manifest_last(system: System) -> None:
    destination = create_destination(system)
    report_id = system.request_report(
        type="ACCOUNT_STATEMENT",
        format="CSV",
        filters={"from": "2024-03-01", "to": "2024-03-31"},
        splitBy=["account"],
        zip=True,
        deliverTo=[destination["id"]],
    )
    while system.show(report_id)["status"] in {"PENDING", "GENERATING"}:
        for record in system.receive():
            system.work(record)
    report = system.show(report_id)
    assert report["status"] == "READY"
    system.deliver_files()
    (delivery_,) = deliveries_of(system, report_id)
    keys = report["split"]["keys"]
    assert (delivery_["status"], delivery_["filesDelivered"]) == ("DELIVERED", keys + 3)
    names = list(delivered(system))
    assert len(names) == keys + 3
    assert sum(name.endswith("/manifest.json") for name in names) == 1
    last = max(delivery_["files"], key=lambda file: file["position"])
    if keys + 3 <= 100:
        assert last["name"].endswith("/manifest.json")


def test_disabling_ends_pending_deliveries(system: System) -> None:
    destination = create_destination(system, bucket="vanished")
    report = deliver_report(system, destination["id"])
    call(system, "PATCH", f"{DESTINATIONS}/{destination['id']}", {"enabled": False})
    (delivery_,) = deliveries_of(system, report["id"])
    assert (delivery_["status"], delivery_["endedReason"]) == ("FAILED", "destination-disabled")
    assert refused(system, "POST", f"{DELIVERIES}/{delivery_['id']}/replay")[:2] == (409, "destination-disabled")
    assert refused(system, "POST", f"{DESTINATIONS}/{destination['id']}/test")[:2] == (409, "destination-disabled")


def test_the_test_file_arrives(system: System) -> None:
    destination = create_destination(system)
    made = call(system, "POST", f"{DESTINATIONS}/{destination['id']}/test")
    assert (made["status"], made["reportId"], made["links"]["report"]) == ("PENDING", None, None)
    system.deliver_files()
    shown = call(system, "GET", f"{DELIVERIES}/{made['id']}")
    assert (shown["status"], len(shown["files"])) == ("DELIVERED", 1)
    (name,) = delivered(system)
    assert b"test file of Resma" in system.s3.get_object(Bucket=BUCKET, Key=name)["Body"].read()


def test_an_expired_report_is_not_delivered(system: System, admin: Connection[TupleRow]) -> None:
    destination = create_destination(system, bucket="vanished")
    report = deliver_report(system, destination["id"])
    admin.execute("UPDATE resma.reports SET status = 'EXPIRED'")
    run_again(system, admin)
    (delivery_,) = deliveries_of(system, report["id"])
    assert (delivery_["status"], delivery_["endedReason"]) == ("FAILED", "report-expired")
    assert refused(system, "POST", f"{DELIVERIES}/{delivery_['id']}/replay")[:2] == (410, "report-expired")
