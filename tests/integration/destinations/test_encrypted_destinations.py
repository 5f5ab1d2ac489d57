"""Destinations with OpenPGP certificates: reports and test files for them, which the real GnuPG decrypts."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any
from uuid import UUID

import boto3
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from delivery import planned_test
from infra.admin import access
from resma.access.caller import SCOPES
from resma.database.connection import Database
from resma.destinations.destination_rows import NewDestination, delete_destination, insert_destination
from resma.encryption.certificate_rows import delete_certificate, encrypt_for_errors
from resma.encryption.tenant_signing_key import secret_name
from resma.errors import SealingFailedError
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
from tests.support.embedded_metrics import read_metrics, total_of
from tests.support.eventually import eventually
from tests.support.gnupg import LONG_AGO, KeyRing, key_ring
from tests.support.system import ActAs, System
from tests.support.webhook_endpoints import call, refused

CERTIFICATES = "/api/v1/certificates"
GENERATE = "/api/v1/reports/generate"
SCHEDULES = "/api/v1/schedules"
CSV: dict[str, Any] = {"type": "TRANSACTIONS", "format": "CSV", "filters": {"from": "2030-01-01"}}


@pytest.fixture(scope="module")
def keys() -> Iterator[KeyRing]:
    """The keys of receivers, one that has expired, and the key of the tenant."""
    with key_ring() as made:
        for name in ("north", "south", "tenant"):
            made.make_key(f"{name}@example.com")
        made.make_key("expired@example.com", expires="1y", at=LONG_AGO)
        yield made


@pytest.fixture
def north(system: System, keys: KeyRing) -> str:
    """Id of a certificate."""
    return add(system, keys, "north")


@pytest.fixture
def south(system: System, keys: KeyRing) -> str:
    """Id of another certificate."""
    return add(system, keys, "south")


@pytest.fixture(autouse=True)
def _has_a_bucket(system: System) -> None:
    create_bucket(system)


def add(system: System, keys: KeyRing, name: str) -> str:
    """Adds the certificate of a key, and returns its id."""
    body = {"name": name, "certificate": keys.certificate(f"{name}@example.com")}
    return str(call(system, "POST", CERTIFICATES, body)["id"])


def create(system: System, *certificate_ids: str, name: str = "Partner") -> str:
    """Creates a destination with certificates, and returns its id."""
    settings = {"bucket": BUCKET, "path": f"{name}/{{report}}-{{file}}"}
    body = {"name": name, "kind": "S3", "settings": settings, "encryptFor": list(certificate_ids) or None}
    return str(call(system, "POST", DESTINATIONS, body)["id"])


def change(system: System, destination_id: str, *certificate_ids: str) -> Any:
    """Replaces the certificates of a destination, and returns it."""
    body = {"encryptFor": list(certificate_ids) or None}
    return call(system, "PATCH", f"{DESTINATIONS}/{destination_id}", body)


def objects_of(system: System) -> list[bytes]:
    """Returns the objects in the bucket, by name."""
    return [system.s3.get_object(Bucket=BUCKET, Key=name)["Body"].read() for name in sorted(delivered(system))]


def expire(admin: Connection[TupleRow], certificate_id: str, keys: KeyRing) -> None:
    """Replaces a stored certificate by one that has expired, as time would."""
    content = keys.run("--export", "expired@example.com")
    admin.execute("UPDATE resma.certificates SET content = %s WHERE certificate_id = %s", (content, certificate_id))


def scheduled(*destination_ids: str, **request: Any) -> dict[str, Any]:
    """Returns a schedule whose reports are delivered."""
    wanted = {**CSV, "deliverTo": list(destination_ids) or None, **request}
    return {"name": "Daily", "request": wanted, "when": "daily", "at": "06:00"}


# ---------------------------------------------------------------- the settings of a destination


def test_a_destination_has_certificates_until_they_are_removed(system: System, north: str, south: str) -> None:
    destination = create(system, north)
    path = f"{DESTINATIONS}/{destination}"
    assert call(system, "GET", path)["encryptFor"] == [north]
    assert change(system, destination, north, south)["encryptFor"] == [north, south]
    assert call(system, "PATCH", path, {"name": "Other"})["encryptFor"] == [north, south]
    assert change(system, destination)["encryptFor"] is None
    assert create_destination(system)["encryptFor"] is None


def test_each_wrong_certificate_is_named(
    system: System, keys: KeyRing, admin: Connection[TupleRow], as_tenant: ActAs
) -> None:
    as_tenant("other")
    foreign = add(system, keys, "north")
    as_tenant("demo")
    works, expired = add(system, keys, "north"), add(system, keys, "south")
    expire(admin, expired, keys)
    named = [foreign, works, expired, "crt_" + "0" * 32]
    body = {"name": "x", "kind": "S3", "settings": {}, "encryptFor": named}
    expected = ["/encryptFor/0", "/encryptFor/2", "/encryptFor/3"]
    assert refused(system, "POST", DESTINATIONS, body)[2] == ["/settings/bucket", *expected]
    path = f"{DESTINATIONS}/{create(system, works)}"
    assert refused(system, "PATCH", path, {"encryptFor": named})[2] == expected
    assert refused(system, "PATCH", path, {"encryptFor": named, "settings": {}})[2] == ["/settings/bucket", *expected]
    for wrong in ([], [works, works], [f"crt_{number:032x}" for number in range(11)], "x"):
        assert refused(system, "PATCH", path, {"encryptFor": wrong})[2] == ["/encryptFor"]
    assert refused(system, "PATCH", path, {"encryptFor": ["crt_1"]})[2] == ["/encryptFor/0"]
    assert call(system, "GET", path)["encryptFor"] == [works]


def test_who_writes_the_certificates_decides_about_personal_data(system: System, as_tenant: ActAs, north: str) -> None:
    """A caller who may not see personal data must not become able to read them with a certificate of their own."""
    destination = create(system)
    assert call(system, "GET", f"{DESTINATIONS}/{destination}")["acceptsPersonalData"] is True
    as_tenant("demo", SCOPES - {"personal:read"})
    assert call(system, "PATCH", f"{DESTINATIONS}/{destination}", {"name": "Same"})["acceptsPersonalData"] is True
    assert change(system, destination, north)["acceptsPersonalData"] is False
    settings = {"settings": {"bucket": "of-this-caller"}}
    unseen = call(system, "POST", DESTINATIONS, {"name": "x", "kind": "S3", **settings})["id"]
    # Who saves one of both has not approved the other.
    as_tenant("demo")
    assert change(system, unseen, north)["acceptsPersonalData"] is False
    path = f"{DESTINATIONS}/{destination}"
    assert call(system, "PATCH", path, settings)["acceptsPersonalData"] is False
    assert call(system, "PATCH", path, {**settings, "encryptFor": None})["acceptsPersonalData"] is True
    assert change(system, destination, north)["acceptsPersonalData"] is True
    as_tenant("demo", SCOPES - {"personal:read"})
    assert call(system, "PATCH", path, {**settings, "encryptFor": None})["acceptsPersonalData"] is False
    as_tenant("demo")
    assert call(system, "PATCH", path, settings)["acceptsPersonalData"] is True, "there are no certificates"


# ---------------------------------------------------------------- reports


def test_files_are_encrypted_for_the_request_and_for_all_destinations(
    system: System, keys: KeyRing, north: str, south: str
) -> None:
    third = add(system, keys, "tenant")
    several = [((south, north), "First"), ((north,), "Second"), ((), "Third")]
    destinations = [create(system, *certificates, name=name) for certificates, name in several]
    report = deliver_report(system, *destinations, encryptFor=[third, north], **CSV)
    assert (report["encryptFor"], report["encryptForRequested"]) == ([third, north, south], [third, north])
    files = objects_of(system)
    assert len(files) == 3
    assert {hashlib.sha256(file).hexdigest() for file in files} == {report["files"][0]["sha256"]}
    for name in ("north", "south", "tenant"):
        opened = keys.decrypt(files[0], only=f"{name}@example.com")
        assert hashlib.sha256(opened).hexdigest() == report["files"][0]["plainSha256"]
    assert all(name.endswith(".csv.pgp") for name in delivered(system))


def test_a_destination_without_a_certificate_cannot_get_files_that_only_others_can_decrypt(
    system: System, keys: KeyRing, admin: Connection[TupleRow], north: str, south: str
) -> None:
    sealed, plain = create(system, north, name="Sealed"), create(system, name="Plain")
    request = {**CSV, "deliverTo": [plain, sealed]}
    status, _, answer = system.call_api("POST", GENERATE, request)
    assert (status, [error["pointer"] for error in answer["errors"]]) == (422, ["/deliverTo/0"])
    assert "'Plain' could not decrypt them" in answer["errors"][0]["detail"]
    assert refused(system, "POST", "/api/v1/reports/estimate", request)[2] == ["/deliverTo/0"]
    assert refused(system, "POST", SCHEDULES, scheduled(sealed, plain))[2] == ["/request/deliverTo/1"]
    made = call(system, "POST", SCHEDULES, scheduled(plain))
    body = {"request": {**made["request"], "deliverTo": [plain, sealed]}}
    assert refused(system, "PATCH", f"{SCHEDULES}/{made['id']}", body)[2] == ["/request/deliverTo/0"]
    detail = json.dumps({"tenantId": "demo", "request": request})
    system.bus.put_events(Entries=[{"Source": "bank", "DetailType": "Report Requested", "Detail": detail}])
    assert system.take_in(system.receive(system.requests_url)[0])
    (event,) = system.bus_events()
    assert event["detail-type"] == "Report Rejected"
    assert [error["pointer"] for error in event["detail"]["errors"]] == ["/request/deliverTo/0"]
    assert admin.execute("SELECT count(*) FROM resma.reports").fetchone() == (0,)
    # Each of the ways that the message names.
    for way in ({"encryptFor": [south]}, {"deliverTo": [plain]}, {"deliverTo": [sealed]}):
        assert system.call_api("POST", GENERATE, {**request, **way})[0] == 202, way
    change(system, plain, south)
    assert call(system, "POST", GENERATE, request)["encryptFor"] == [south, north]


def test_an_event_delivers_encrypted_files(
    system: System, keys: KeyRing, admin: Connection[TupleRow], north: str
) -> None:
    detail = json.dumps({"tenantId": "demo", "request": {**CSV, "deliverTo": [create(system, north)]}})
    system.bus.put_events(Entries=[{"Source": "bank", "DetailType": "Report Requested", "Detail": detail}])
    assert system.take_in(system.receive(system.requests_url)[0])
    assert system.work_once()
    system.deliver_files()
    row = admin.execute("SELECT encrypt_for, files -> 0 ->> 'plain_sha256' FROM resma.reports").fetchone()
    assert row is not None
    (file,) = objects_of(system)
    assert row == ([north], hashlib.sha256(keys.decrypt(file)).hexdigest())


def test_a_report_is_encrypted_for_ten_certificates_at_most(system: System, keys: KeyRing) -> None:
    several = [add(system, keys, "north") for _ in range(11)]
    first, second = create(system, *several[:6]), create(system, *several[5:10])
    assert len(call(system, "POST", GENERATE, {**CSV, "deliverTo": [first, second]})["encryptFor"]) == 10
    status, _, answer = system.call_api(
        "POST", GENERATE, {**CSV, "deliverTo": [first, second], "encryptFor": several[10:]}
    )
    assert (status, [error["pointer"] for error in answer["errors"]]) == (422, ["/deliverTo"])
    assert "11 certificates" in answer["errors"][0]["detail"]


def test_a_certificate_of_a_destination_that_has_expired_is_named(
    system: System, keys: KeyRing, admin: Connection[TupleRow], north: str
) -> None:
    plain, sealed = create(system), create(system, north, name="Sealed")
    expire(admin, north, keys)
    request = {**CSV, "deliverTo": [plain, sealed], "encryptFor": [add(system, keys, "south")]}
    status, _, answer = system.call_api("POST", GENERATE, request)
    assert (status, [error["pointer"] for error in answer["errors"]]) == (422, ["/deliverTo/1"])
    assert "It expired on" in answer["errors"][0]["detail"]


def test_an_expiring_certificate_of_an_enabled_destination_is_counted(
    system: System, admin: Connection[TupleRow], north: str, capsys: pytest.CaptureFixture[str]
) -> None:
    destination = create(system, north)
    admin.execute("UPDATE resma.certificates SET expires_at = now() + interval '20 days'")
    for is_enabled in (True, False):
        call(system, "PATCH", f"{DESTINATIONS}/{destination}", {"enabled": is_enabled})
        capsys.readouterr()
        system.run_scheduler()
        metrics = read_metrics(capsys.readouterr().out)
        assert total_of(metrics, "ExpiringCertificates", Stage="local") == int(is_enabled)


def test_a_schedule_uses_the_certificates_of_its_destinations_at_each_run(
    system: System, keys: KeyRing, admin: Connection[TupleRow], north: str, south: str
) -> None:
    first, second = create(system, north, name="First"), create(system, north, name="Second")
    schedule = call(system, "POST", SCHEDULES, scheduled(first, second))
    path = f"{SCHEDULES}/{schedule['id']}"
    change(system, first, south)
    assert call(system, "POST", f"{path}/run")["encryptFor"] == [south, north]

    def run() -> tuple[int, Any]:
        admin.execute("DELETE FROM resma.schedule_runs")  # so that the same time can be run twice
        admin.execute(
            "UPDATE resma.schedules SET due_at = now(),"
            " next_run_at = date_trunc('day', now()) + interval '6 hours' - interval '1 day'"
        )
        return system.run_scheduler()["started"], call(system, "GET", path)

    started, shown = run()
    assert (started, shown["status"]) == (1, "ACTIVE")
    (newest, *_) = call(system, "GET", "/api/v1/reports")["items"]
    assert newest["encryptFor"] == [south, north]
    change(system, second)  # it could not decrypt the files any longer
    started, shown = run()
    assert (started, shown["status"]) == (0, "BLOCKED")
    assert "/deliverTo/1: The files would be encrypted" in shown["statusDetail"]
    assert refused(system, "POST", f"{path}/run")[2] == ["/deliverTo/1"]


def test_a_retry_uses_the_certificates_of_today(system: System, keys: KeyRing, north: str, south: str) -> None:
    destination, other = create(system, north), create(system, north)
    third = add(system, keys, "tenant")
    own = call(system, "POST", GENERATE, {**CSV, "deliverTo": [destination], "encryptFor": [third]})
    both = call(system, "POST", GENERATE, {**CSV, "deliverTo": [destination, other]})
    for report in (own, both):
        call(system, "POST", f"/api/v1/reports/{report['id']}/cancel")
    change(system, destination, south)
    assert call(system, "POST", f"/api/v1/reports/{own['id']}/retry")["encryptFor"] == [third, south]
    change(system, other)
    assert refused(system, "POST", f"/api/v1/reports/{both['id']}/retry")[2] == ["/deliverTo/1"]
    change(system, destination)
    assert call(system, "DELETE", f"{CERTIFICATES}/{north}") is None
    assert call(system, "POST", f"/api/v1/reports/{both['id']}/retry")["encryptFor"] is None


def test_a_report_for_other_certificates_is_not_the_same_report(system: System, north: str, south: str) -> None:
    destination = create(system, north)
    request = {**CSV, "deliverTo": [destination], "deduplicate": True}
    first = call(system, "POST", GENERATE, request)
    assert call(system, "POST", GENERATE, request)["id"] == first["id"]
    change(system, destination, south)
    second = call(system, "POST", GENERATE, request)
    assert (second["id"] != first["id"], second["encryptFor"]) == (True, [south])
    change(system, destination)
    third = call(system, "POST", GENERATE, request)
    assert third["id"] not in {first["id"], second["id"]}
    assert call(system, "POST", GENERATE, request)["id"] == third["id"]


def test_an_idempotency_key_returns_the_first_report_after_a_change(system: System, north: str, south: str) -> None:
    destination = create(system, north)
    request, header = {**CSV, "deliverTo": [destination]}, {"Idempotency-Key": "month-end"}
    status, _, first = system.call_api("POST", GENERATE, request, header)
    assert status == 202
    change(system, destination, south)
    _, _, again = system.call_api("POST", GENERATE, request, header)
    assert (again["id"], again["encryptFor"]) == (first["id"], [north])
    status, _, other = system.call_api("POST", GENERATE, {**request, "encryptFor": [south]}, header)
    assert (status, other["type"]) == (422, "urn:resma:problem:idempotency-key-reused")


# ---------------------------------------------------------------- deletion


def test_a_certificate_of_a_destination_cannot_be_deleted(system: System, north: str) -> None:
    destination = create(system, north, name="Sealed")
    path = f"{CERTIFICATES}/{north}"
    status, _, answer = system.call_api("DELETE", path)
    assert (status, answer["type"]) == (409, "urn:resma:problem:certificate-in-use")
    assert f"'Sealed' ({destination})" in answer["detail"]
    call(system, "DELETE", f"{DESTINATIONS}/{destination}")
    call(system, "DELETE", path)


@pytest.fixture
def database() -> Iterator[Database]:
    """A connection of its own, for a transaction at the same time."""
    made = Database(os.environ["DATABASE_SECRET_ARN"], "test")
    yield made
    made.close()


def during(
    database: Database,
    admin: Connection[TupleRow],
    use: Callable[[Connection[TupleRow]], object],
    other: Callable[[], Any],
) -> Any:
    """Calls `other` in a transaction with `use`, which ends when `other` waits for it. Returns its result."""
    is_used = Event()
    waiting = (
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database())"
    )

    def keep_open() -> None:
        with database.transaction("demo") as connection:
            use(connection)
            is_used.set()
            eventually("the other transaction waits", lambda: (admin.execute(waiting).fetchone() or [False])[0])

    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(keep_open)
        assert is_used.wait(30)
        result = other()
        done.result()
    return result


@pytest.mark.parametrize("is_schedule", [False, True])
def test_a_certificate_that_is_being_deleted_cannot_be_named(
    system: System, admin: Connection[TupleRow], database: Database, north: str, *, is_schedule: bool
) -> None:
    destination = {"name": "x", "kind": "S3", "settings": {"bucket": BUCKET}, "encryptFor": [north]}
    path, body = (SCHEDULES, scheduled(encryptFor=[north])) if is_schedule else (DESTINATIONS, destination)
    status, _, answer = during(
        database,
        admin,
        lambda connection: delete_certificate(connection, "demo", north),
        lambda: system.call_api("POST", path, body),
    )
    pointer = "/request/encryptFor/0" if is_schedule else "/encryptFor/0"
    assert (status, [error["pointer"] for error in answer["errors"]]) == (422, [pointer])


def test_a_certificate_that_is_being_named_cannot_be_deleted(
    system: System, admin: Connection[TupleRow], database: Database, north: str
) -> None:
    def name(connection: Connection[TupleRow]) -> None:
        assert not list(encrypt_for_errors(connection, "demo", [north], lock=True))
        new = NewDestination(
            name="x", kind="S3", settings={}, accepts_personal=True, encrypt_for=[north], created_by="x"
        )
        insert_destination(connection, "demo", new)

    status, _, answer = during(database, admin, name, lambda: system.call_api("DELETE", f"{CERTIFICATES}/{north}"))
    assert (status, answer["type"]) == (409, "urn:resma:problem:certificate-in-use")


def test_a_destination_that_is_being_deleted_cannot_be_named_by_a_schedule(
    system: System, admin: Connection[TupleRow], database: Database
) -> None:
    destination = create(system)
    status, _, answer = during(
        database,
        admin,
        lambda connection: delete_destination(connection, "demo", destination),
        lambda: system.call_api("POST", SCHEDULES, scheduled(destination)),
    )
    assert (status, [error["pointer"] for error in answer["errors"]]) == (422, ["/request/deliverTo/0"])


# ---------------------------------------------------------------- test files


def send_test(system: System, destination_id: str) -> Any:
    """Requests a test file, makes the first attempt, and returns the delivery."""
    made = call(system, "POST", f"{DESTINATIONS}/{destination_id}/test")
    system.deliver_files()
    return call(system, "GET", f"{DELIVERIES}/{made['id']}")


def test_the_receiver_can_decrypt_the_test_file(system: System, keys: KeyRing, north: str, south: str) -> None:
    shown = send_test(system, create(system, north, south))
    assert shown["status"] == "DELIVERED", shown
    ((name, sha256),) = delivered(system).items()
    assert (name.endswith(".txt.pgp"), shown["files"][0]["sha256"]) == (True, sha256)
    assert system.s3.head_object(Bucket=BUCKET, Key=name)["ContentType"] == "application/pgp-encrypted"
    (file,) = objects_of(system)
    for only in ("north@example.com", "south@example.com"):
        assert b"test file of Resma" in keys.decrypt(file, only=only)
    assert keys.signers_of(file) == []


def test_the_test_file_is_signed_with_the_key_of_the_tenant(
    system: System, keys: KeyRing, admin: Connection[TupleRow], north: str
) -> None:
    fingerprint = keys.fingerprint("tenant@example.com")
    destination = create(system, north)
    assert access.main(["--database", system.database_url, "set-signing-key", "demo", fingerprint]) == 0
    try:
        failed = send_test(system, destination)
        assert (failed["status"], failed["endedReason"]) == ("FAILED", "encryption-failed")
        assert "secret 'resma/local/openpgp/demo'" in failed["attempts"][0]["errorDetail"]
        value = json.dumps({"privateKey": keys.secret_key("tenant@example.com")})
        boto3.client("secretsmanager").create_secret(Name=secret_name("local", "demo"), SecretString=value)
        call(system, "POST", f"{DELIVERIES}/{failed['id']}/replay")
        system.deliver_files()
        (file,) = objects_of(system)
        assert keys.signers_of(file) == [fingerprint]
    finally:
        admin.execute("UPDATE resma.tenants SET signing_key = NULL")


def test_all_attempts_and_replays_deliver_the_same_test_file(
    system: System, keys: KeyRing, admin: Connection[TupleRow], north: str, south: str
) -> None:
    """An encrypted file has other bytes each time that it is encrypted, and would be another file under the name."""
    destination = create(system, north)
    delivery = send_test(system, destination)
    # As if the function had ended after the upload, before it recorded anything.
    admin.execute("UPDATE resma.file_deliveries SET status = 'PENDING', delivered_at = NULL")
    admin.execute("UPDATE resma.delivered_files SET delivered_at = NULL")
    make_due(admin)
    change(system, destination, south)
    system.run_scheduler()
    system.deliver_files()
    again = call(system, "GET", f"{DELIVERIES}/{delivery['id']}")
    assert (again["status"], again["files"][0]["sha256"]) == ("DELIVERED", delivery["files"][0]["sha256"])
    (name,) = delivered(system)
    system.s3.delete_object(Bucket=BUCKET, Key=name)
    call(system, "POST", f"{DELIVERIES}/{delivery['id']}/replay")
    system.deliver_files()
    assert delivered(system) == {name: delivery["files"][0]["sha256"]}
    send_test(system, destination)
    assert len(delivered(system)) == 2


def test_a_test_file_is_not_sent_if_its_certificate_has_expired(
    system: System, keys: KeyRing, admin: Connection[TupleRow], north: str
) -> None:
    destination = create(system, north)
    expire(admin, north, keys)
    failed = send_test(system, destination)
    assert (failed["status"], failed["endedReason"]) == ("FAILED", "encryption-failed")
    assert "'north'" in failed["attempts"][0]["errorDetail"]
    assert delivered(system) == {}


def test_a_test_file_is_tried_again_after_a_temporary_error(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch, north: str
) -> None:
    destination = create(system, north)
    with monkeypatch.context() as patch:
        patch.setattr(planned_test, "open_sealer", _lose_process)
        failed = send_test(system, destination)
    assert (failed["status"], failed["attempts"][0]["errorCode"]) == ("PENDING", "sealing-failed")
    make_due(admin)
    system.run_scheduler()
    system.deliver_files()
    assert call(system, "GET", f"{DELIVERIES}/{failed['id']}")["status"] == "DELIVERED"


def _lose_process(*_: object) -> None:
    raise SealingFailedError("The process has ended.")


def test_files_without_encryption_are_not_delivered_to_a_destination_with_certificates(
    system: System, north: str
) -> None:
    """Neither by the delivery of a report that was requested before, nor by a replay of one that has arrived."""
    destination = create(system)
    arrived = system.request_report(deliverTo=[destination], **{**CSV, "type": "TRANSACTIONS"})
    assert system.work_once()
    system.deliver_files()
    (delivery,) = deliveries_of(system, arrived)
    assert delivery["status"] == "DELIVERED"
    waiting = system.request_report(deliverTo=[destination], **{**CSV, "type": "TRANSACTIONS"})
    change(system, destination, north)
    assert system.work_once()
    (name,) = delivered(system)
    system.s3.delete_object(Bucket=BUCKET, Key=name)
    call(system, "POST", f"{DELIVERIES}/{delivery['id']}/replay")
    system.deliver_files()
    system.deliver_files()
    for report_id in (arrived, waiting):
        (failed,) = deliveries_of(system, report_id)
        assert (failed["status"], failed["endedReason"]) == ("FAILED", "encryption-missing")
    assert objects_of(system) == []


def test_a_delivery_has_the_encrypted_file_of_its_report_after_a_change(
    system: System, keys: KeyRing, north: str
) -> None:
    """A report keeps the certificates that its destinations had when it was requested."""
    destination = create(system, north)
    report_id = system.request_report(deliverTo=[destination], **{**CSV, "type": "TRANSACTIONS"})
    change(system, destination)
    assert system.work_once()
    system.deliver_files()
    (file,) = objects_of(system)
    plain = system.show(report_id)["files"][0]["plainSha256"]
    assert hashlib.sha256(keys.decrypt(file)).hexdigest() == plain
    assert [each["status"] for each in deliveries_of(system, UUID(str(report_id)))] == ["DELIVERED"]
