"""Files that are encrypted by OpenPGP for their receivers, from the API to the real GnuPG."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from infra.paths import ROOT
from resma.encryption.openpgp import sealer
from resma.snapshot import cursor
from tests.support.cut_reports import Cuts, Reports
from tests.support.destinations import create_bucket, create_destination, deliver_report, delivered
from tests.support.gnupg import LONG_AGO, KeyRing, key_ring
from tests.support.split_jobs import REPORT_ID, SplitReports
from tests.support.system import System
from tests.support.webhook_endpoints import call, refused

CERTIFICATES = "/api/v1/certificates"
GENERATE = "/api/v1/reports/generate"
SCHEDULES = "/api/v1/schedules"
MONTH = {"from": "2024-03-01", "to": "2024-03-31"}
MEDIA_TYPE = "application/pgp-encrypted"
FORMATS = ["CSV", "NDJSON", "XLSX", "PDF", "PARQUET"]


@pytest.fixture(scope="module")
def keys() -> Iterator[KeyRing]:
    """The keys of receivers, and keys that cannot be used."""
    with key_ring() as made:
        made.make_key("curve@example.com", subkey_expires="20d")
        made.make_key("nist@example.com", "nistp256", "nistp384")
        made.make_key("rsa@example.com", "rsa3072", "rsa3072", expires="2y", subkey_expires="1y")
        made.make_key("sign-only@example.com", encryption=None)
        made.make_key("weak@example.com", "rsa1024", "rsa1024")
        made.make_key("expired@example.com", expires="1y", at=LONG_AGO)
        made.make_key("expired-subkey@example.com", subkey_expires="1y", at=LONG_AGO)
        made.revoke(made.make_key("revoked@example.com"))
        yield made


def add(system: System, keys: KeyRing, name: str) -> Any:
    """Adds the certificate of a key, and returns it."""
    status, _, added = system.call_api(
        "POST", CERTIFICATES, {"name": name, "certificate": keys.certificate(f"{name}@example.com")}
    )
    assert status == 201, added
    return added


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def generate(system: System, **request: Any) -> Any:
    """Generates a report, and returns it."""
    report_id = system.request_report(**request)
    assert system.work_once()
    report = system.show(report_id)
    assert report["status"] == "READY", report["error"]
    return report


def files_of(system: System, report_id: str) -> dict[str, bytes]:
    """Returns the content of each file of a report, by the end of its key."""
    keys = [key for key in system.objects() if report_id in key]
    bodies = {key: system.s3.get_object(Bucket=system.bucket, Key=key)["Body"].read() for key in keys}
    return {key.rpartition("/")[2].partition(".")[2]: body for key, body in bodies.items()}


@pytest.mark.parametrize("small_bytes", [sealer.SMALL_BYTES, 1000])
def test_all_formats_are_encrypted_while_they_are_written(
    system: System, keys: KeyRing, monkeypatch: pytest.MonkeyPatch, small_bytes: int
) -> None:
    monkeypatch.setattr(sealer, "SMALL_BYTES", small_bytes)
    added = add(system, keys, "curve")
    plain = files_of(system, generate(system, formats=FORMATS)["id"])
    report = generate(system, formats=FORMATS, encryptFor=[added["id"]])
    sealed = files_of(system, report["id"])
    assert sorted(sealed) == [f"{name}.pgp" for name in sorted(plain)]
    for file in report["files"]:
        name = f"{file['format'].lower()}"
        opened, content = keys.decrypt(sealed[f"{name}.pgp"]), sealed[f"{name}.pgp"]
        assert (file["sha256"], file["bytes"]) == (sha256(content), len(content))
        assert (file["plainSha256"], file["mediaType"]) == (sha256(opened), MEDIA_TYPE)
        assert opened[:4] == plain[name][:4]
    assert keys.decrypt(sealed["csv.pgp"]) == plain["csv"]
    assert report["encryptFor"] == [added["id"]]
    events = [json.loads(envelope["Message"])["data"] for envelope in system.events()]
    (event,) = [data for data in events if data["reportId"] == report["id"]]
    assert [file["plainSha256"] for file in event["files"]] == [file["plainSha256"] for file in report["files"]]


def test_each_receiver_can_decrypt_a_file(system: System, keys: KeyRing) -> None:
    names = ["curve", "nist", "rsa"]
    added = [add(system, keys, name) for name in names]
    assert [each["algorithm"] for each in added] == ["ECDH", "ECDH", "RSA"]
    assert [each["status"] for each in added] == ["EXPIRING", "VALID", "VALID"]
    plain = files_of(system, generate(system, format="CSV")["id"])["csv"]
    report = generate(system, format="CSV", encryptFor=[each["id"] for each in added])
    sealed = files_of(system, report["id"])["csv.pgp"]
    for name in names:
        assert keys.decrypt(sealed, only=f"{name}@example.com") == plain


def test_a_download_and_a_delivery_have_the_encrypted_file(system: System, keys: KeyRing) -> None:
    create_bucket(system)
    destination, added = create_destination(system), add(system, keys, "curve")
    report = deliver_report(system, destination["id"], encryptFor=[added["id"]])
    ((name, found),) = delivered(system).items()
    assert name.endswith(".csv.pgp")
    assert found == report["files"][0]["sha256"]
    status, headers, _ = system.call_api("GET", f"/api/v1/reports/{report['id']}/download")
    assert status == 303
    assert ".csv.pgp" in headers["Location"]


def test_the_commands_of_the_receiver_work_as_they_are_written(system: System, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "encryption.md").read_text()
    export, decrypt, *_ = re.findall(r"^    (gpg .*)$", page, re.MULTILINE)
    with key_ring() as keys:
        keys.make_key("Bank of the North")
        keys.shell(export, tmp_path)
        body = {"name": "Bank", "certificate": (tmp_path / "bank.asc").read_text()}
        added = call(system, "POST", CERTIFICATES, body)
        report = generate(system, format="CSV", encryptFor=[added["id"]])
        (tmp_path / "report.csv.pgp").write_bytes(files_of(system, report["id"])["csv.pgp"])
        keys.shell(decrypt, tmp_path)
    assert sha256((tmp_path / "report.csv").read_bytes()) == report["files"][0]["plainSha256"]


def test_all_files_of_a_split_report_are_encrypted(system: System, admin: Connection[TupleRow], keys: KeyRing) -> None:
    reports, added = SplitReports(system, admin), add(system, keys, "nist")
    request = {"type": "ACCOUNT_STATEMENT", "filters": MONTH, "splitBy": ["account"], "formats": ["CSV", "PDF"]}
    reports.request_report(**request, zip=True, encryptFor=[added["id"]])
    assert reports.run_with_workers(1) == "READY"
    files = call(system, "GET", f"/api/v1/reports/{REPORT_ID}/files")["files"]
    (key,) = [key for key in system.objects() if key.endswith(".zip")]
    data = system.s3.get_object(Bucket=system.bucket, Key=key)["Body"].read()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        lines = gzip.decompress(archive.read("manifest.ndjson.gz")).splitlines()
        assert [json.loads(line)["plainSha256"] for line in lines] == [file["plainSha256"] for file in files]
        for file in files:
            assert file["name"].endswith(f".{file['format'].lower()}.pgp")
            content = archive.read(file["name"])
            assert sha256(content) == file["sha256"]
            assert sha256(keys.decrypt(content)) == file["plainSha256"]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("sign-only", "no key for encryption"),
        ("weak", "too weak"),
        ("expired", "It expired on 2020-12-31"),
        ("expired-subkey", "expired on 2020-12-31"),
        ("revoked", "was revoked"),
    ],
)
def test_a_certificate_that_cannot_encrypt_is_refused(system: System, keys: KeyRing, name: str, problem: str) -> None:
    body = {"name": name, "certificate": keys.certificate(f"{name}@example.com")}
    status, _, answer = system.call_api("POST", CERTIFICATES, body)
    assert status == 422
    assert {error["pointer"] for error in answer["errors"]} == {"/certificate"}
    assert any(problem in error["detail"] for error in answer["errors"]), answer


def test_a_secret_key_is_refused_and_not_stored(
    system: System, keys: KeyRing, admin: Connection[TupleRow], capfd: pytest.CaptureFixture[str]
) -> None:
    secret = keys.secret_key("curve@example.com")
    status, _, answer = system.call_api("POST", CERTIFICATES, {"name": "secret", "certificate": secret})
    assert status == 422
    assert "secret key" in answer["errors"][0]["detail"]
    assert admin.execute("SELECT count(*) FROM resma.certificates").fetchone() == (0,)
    assert secret.splitlines()[3] not in json.dumps(answer) + "".join(capfd.readouterr())


@pytest.mark.parametrize("text", ["garbage", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n", "QUJD", " "])
def test_garbage_is_refused(system: System, text: str) -> None:
    assert refused(system, "POST", CERTIFICATES, {"name": "x", "certificate": text})[2] == ["/certificate"]


def test_two_certificates_at_once_are_refused(system: System, keys: KeyRing) -> None:
    both = keys.run("--export", "curve@example.com", "nist@example.com")
    body = {"name": "x", "certificate": base64.b64encode(both).decode()}
    assert refused(system, "POST", CERTIFICATES, body)[2] == ["/certificate"]


def test_a_binary_certificate_is_the_same_as_one_with_armor(system: System, keys: KeyRing) -> None:
    binary = base64.b64encode(keys.run("--export", "rsa@example.com")).decode()
    status, _, added = system.call_api("POST", CERTIFICATES, {"name": "binary", "certificate": binary})
    assert status == 201
    assert added["fingerprint"] == add(system, keys, "rsa")["fingerprint"]
    assert added["userIds"] == ["rsa@example.com"]
    assert [item["name"] for item in call(system, "GET", CERTIFICATES)["items"]] == ["binary", "rsa"]


def test_requests_name_certificates_of_the_tenant_that_can_still_be_used(
    system: System, keys: KeyRing, admin: Connection[TupleRow]
) -> None:
    works, expired = add(system, keys, "curve"), add(system, keys, "nist")
    _expire(admin, expired["id"], keys)
    unknown = "crt_" + "0" * 32
    request = {"type": "TRANSACTIONS", "format": "CSV", "encryptFor": [works["id"], unknown, expired["id"]]}
    expected = ["/encryptFor/1", "/encryptFor/2"]
    assert refused(system, "POST", GENERATE, request)[2] == expected
    assert refused(system, "POST", "/api/v1/reports/estimate", request)[2] == expected
    again = {**request, "encryptFor": [works["id"], works["id"]]}
    assert refused(system, "POST", GENERATE, again)[2] == ["/encryptFor"]
    admin.execute("INSERT INTO resma.tenants (tenant_id, name) VALUES ('other', 'Other') ON CONFLICT DO NOTHING")
    key = system.make_key("reports:write", "destinations:manage", tenant="other")
    other = {**request, "encryptFor": [works["id"]]}
    status, _, answer = system.call_with(key, "POST", GENERATE, other)
    assert (status, answer["errors"][0]["pointer"]) == (422, "/encryptFor/0")
    assert system.call_with(key, "GET", CERTIFICATES)[2]["items"] == []
    assert system.call_with(key, "DELETE", f"{CERTIFICATES}/{works['id']}")[0] == 404


def _expire(admin: Connection[TupleRow], certificate_id: str, keys: KeyRing) -> None:
    """Replaces a stored certificate by one that has expired, as time would."""
    content = keys.run("--export", "expired-subkey@example.com")
    admin.execute("UPDATE resma.certificates SET content = %s WHERE certificate_id = %s", (content, certificate_id))


@pytest.mark.parametrize("is_deleted", [False, True])
def test_a_report_fails_if_its_certificate_cannot_be_used_any_longer(
    system: System, keys: KeyRing, admin: Connection[TupleRow], is_deleted: bool
) -> None:
    added = add(system, keys, "curve")
    report_id = system.request_report(format="CSV", encryptFor=[added["id"]])
    if is_deleted:
        assert system.call_api("DELETE", f"{CERTIFICATES}/{added['id']}")[0] == 204
    else:
        _expire(admin, added["id"], keys)
    assert system.work_once()
    report = system.show(report_id)
    assert (report["status"], report["error"]["code"]) == ("FAILED", "certificate-unusable")
    assert not [key for key in system.objects() if str(report_id) in key]


def test_a_split_report_fails_as_a_whole_if_its_certificate_cannot_be_used(
    system: System, admin: Connection[TupleRow], keys: KeyRing
) -> None:
    reports, added = SplitReports(system, admin), add(system, keys, "curve")
    reports.request_report(type="ACCOUNT_STATEMENT", splitBy=["account"], format="CSV", encryptFor=[added["id"]])
    _expire(admin, added["id"], keys)
    assert reports.run_with_workers(1) == "FAILED"
    assert reports.row().error_code == "certificate-unusable"
    assert system.objects() == []


def test_a_certificate_of_a_schedule_cannot_be_deleted(system: System, keys: KeyRing) -> None:
    added = add(system, keys, "curve")
    request = {"type": "TRANSACTIONS", "format": "CSV", "encryptFor": [added["id"]]}
    schedule = {"name": "Daily", "when": "daily", "at": "06:00", "request": request}
    made = call(system, "POST", SCHEDULES, schedule)
    assert made["request"]["encryptFor"] == [added["id"]]
    path = f"{CERTIFICATES}/{added['id']}"
    assert refused(system, "DELETE", path)[:2] == (409, "certificate-in-use")
    call(system, "DELETE", f"{SCHEDULES}/{made['id']}")
    assert system.call_api("DELETE", path)[0] == 204
    assert refused(system, "DELETE", path)[:2] == (404, "certificate-not-found")


def test_a_retry_is_encrypted_for_the_same_receivers(system: System, keys: KeyRing) -> None:
    added = add(system, keys, "curve")
    report_id = system.request_report(format="CSV", encryptFor=[added["id"]])
    call(system, "POST", f"/api/v1/reports/{report_id}/cancel")
    _, _, again = system.call_api("POST", f"/api/v1/reports/{report_id}/retry")
    assert again["encryptFor"] == [added["id"]]


def test_a_report_that_needs_another_invocation_fails(
    system: System, admin: Connection[TupleRow], keys: KeyRing, cuts: Cuts, reports: Reports
) -> None:
    """The state of the encryption cannot be saved. A checkpoint would let the report start again forever."""
    added = add(system, keys, "curve")
    cuts.end_invocation = cuts.save = lambda _: True
    reports.request_report({"type": "TRANSACTIONS", "format": "CSV", "encryptFor": [added["id"]]})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(cursor, "BATCH_ROWS", 100)
        assert reports.work() == "FAILED"
    assert admin.execute("SELECT error_code FROM resma.reports").fetchone() == ("sealed-too-long",)
    assert system.objects() == []
    assert system.open_uploads() == []


def test_nothing_is_published_if_the_process_that_encrypts_ends(
    system: System, keys: KeyRing, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """The first attempt fails in the middle of a file, the second one makes the report."""
    monkeypatch.setattr(sealer, "SMALL_BYTES", 1000)
    added = add(system, keys, "curve")
    report_id = system.request_report(format="CSV", encryptFor=[added["id"]])
    program = tmp_path / "dies.py"
    program.write_text("import os; os.read(0, 100000); os.write(1, b'half'); os._exit(1)")
    (record,) = system.receive()
    with monkeypatch.context() as patched:
        patched.setattr(sealer, "_PROGRAM", program)
        assert not system.work(record)
    report = system.show(report_id)
    assert report["status"] == "PENDING"
    assert not [key for key in system.objects() if str(report_id) in key]
    assert system.work(record)
    report = system.show(report_id)
    assert (report["status"], report["attempt"]) == ("READY", 2)
    assert keys.decrypt(system.content(UUID(report["id"])))
