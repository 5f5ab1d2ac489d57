"""Encrypted files that are signed with the key of the tenant, checked by the real GnuPG."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import boto3
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from infra.admin import access
from infra.paths import ROOT
from infra.servers.ports import free_port
from resma.aws import clients
from resma.encryption.openpgp import sealer
from resma.encryption.openpgp.certificate import read_certificate
from resma.encryption.openpgp.signing_key import read_signing_key
from resma.encryption.tenant_signing_key import secret_name
from tests.support.gnupg import LONG_AGO, KeyRing, key_ring
from tests.support.split_jobs import REPORT_ID, SplitReports
from tests.support.system import System
from tests.support.webhook_endpoints import call

CERTIFICATES = "/api/v1/certificates"
MONTH = {"from": "2024-03-01", "to": "2024-03-31"}
PASSPHRASE = "correct horse"


@pytest.fixture(scope="module")
def keys() -> Iterator[KeyRing]:
    """The key of a receiver, and keys that sign or cannot."""
    with key_ring() as made:
        made.make_key("receiver@example.com")
        made.make_key("signer@example.com")
        made.make_key("rsa@example.com", "rsa3072", "rsa3072")
        made.make_key("expired@example.com", expires="1y", at=LONG_AGO)
        made.make_key("revoked@example.com")
        made.revoke(made.fingerprint("revoked@example.com"))
        made.run("--quick-gen-key", "locked@example.com", "ed25519", "cert,sign", "0", passphrase=PASSPHRASE)
        made.run("--quick-gen-key", "certify-only@example.com", "ed25519", "cert", "0")
        for name, days in (("subkey@example.com", "0"), ("stale@example.com", "1y")):
            made.run("--quick-gen-key", name, "ed25519", "cert", "0", at=LONG_AGO)
            made.run("--quick-add-key", made.fingerprint(name), "ed25519", "sign", days, at=LONG_AGO)
        yield made


@pytest.fixture(autouse=True)
def _signs_nothing(admin: Connection[TupleRow]) -> Iterator[None]:
    """Switches signatures off after each test."""
    yield
    admin.execute("UPDATE resma.tenants SET signing_key = NULL")


def store(secret: dict[str, Any] | str) -> None:
    """Stores the secret of the tenant, as its operator does."""
    value = secret if isinstance(secret, str) else json.dumps(secret)
    boto3.client("secretsmanager").create_secret(Name=secret_name("local", "demo"), SecretString=value)


def sign_with(system: System, fingerprint: str) -> None:
    """Switches signatures of the tenant on."""
    assert access.main(["--database", system.database_url, "set-signing-key", "demo", fingerprint]) == 0


def use(system: System, keys: KeyRing, name: str, **secret: Any) -> str:
    """Makes the tenant sign with a key, and returns its fingerprint."""
    address = f"{name}@example.com"
    exported = keys.run("--armor", "--export-secret-keys", address, passphrase=secret.get("unlock", ""))
    secret.pop("unlock", None)
    store({"privateKey": exported.decode(), **secret})
    sign_with(system, keys.fingerprint(address))
    return keys.fingerprint(address)


def receiver(system: System, keys: KeyRing) -> str:
    """Adds the certificate of the receiver, and returns its id."""
    body = {"name": "Receiver", "certificate": keys.certificate("receiver@example.com")}
    return str(call(system, "POST", CERTIFICATES, body)["id"])


def generate(system: System, keys: KeyRing, **request: Any) -> Any:
    """Requests an encrypted report, runs its job and returns the report."""
    report_id = system.request_report(encryptFor=[receiver(system, keys)], **request)
    assert system.work_once()
    return system.show(report_id)


def files_of(system: System, report_id: str) -> list[bytes]:
    """Returns the content of each file of a report."""
    found = [key for key in system.objects() if report_id in key]
    return [system.s3.get_object(Bucket=system.bucket, Key=key)["Body"].read() for key in found]


@pytest.mark.parametrize("small_bytes", [sealer.SMALL_BYTES, 1000])
@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("signer", {}),
        ("rsa", {"passphrase": "is ignored without protection"}),
        ("subkey", {}),
        ("locked", {"passphrase": PASSPHRASE, "unlock": PASSPHRASE}),
    ],
)
def test_gnupg_finds_the_signature_of_the_tenant_valid(
    system: System, keys: KeyRing, monkeypatch: pytest.MonkeyPatch, small_bytes: int, name: str, secret: dict[str, Any]
) -> None:
    monkeypatch.setattr(sealer, "SMALL_BYTES", small_bytes)
    fingerprint = use(system, keys, name, **secret)
    report = generate(system, keys, formats=["CSV", "PDF"])
    assert (report["status"], report["signedBy"]) == ("READY", fingerprint), report["error"]
    files = files_of(system, report["id"])
    assert [keys.signers_of(file) for file in files] == [[fingerprint], [fingerprint]]
    events = [json.loads(envelope["Message"])["data"] for envelope in system.events()]
    assert [data["signedBy"] for data in events if data["reportId"] == report["id"]] == [fingerprint]
    call(system, "DELETE", f"{CERTIFICATES}/{report['encryptFor'][0]}")
    (entry,) = call(system, "GET", f"/api/v1/reports/{report['id']}/access")["items"]
    assert (entry["encryptedFor"], entry["signedBy"]) == ([keys.fingerprint("receiver@example.com")], fingerprint)


@pytest.mark.parametrize(
    ("name", "secret", "problem"),
    [
        ("expired", {}, "It expired on 2020-12-31."),
        ("revoked", {}, "It was revoked."),
        ("certify-only", {}, "no key for signatures"),
        ("stale", {}, "no key for signatures"),
        ("locked", {"unlock": PASSPHRASE}, "It has a passphrase."),
        ("locked", {"passphrase": "wrong", "unlock": PASSPHRASE}, "is not its passphrase"),
    ],
)
def test_a_report_fails_if_the_key_cannot_sign(
    system: System, keys: KeyRing, name: str, secret: dict[str, Any], problem: str
) -> None:
    use(system, keys, name, **secret)
    _fails(generate(system, keys, format="CSV"), problem)
    assert system.objects() == []


@pytest.mark.parametrize(
    ("secret", "problem"),
    [
        (None, "ResourceNotFoundException"),
        ("not JSON", "must be a JSON object"),
        ({"passphrase": 5}, "the field `privateKey`"),
        ({"privateKey": "garbage"}, "not an OpenPGP secret key"),
    ],
)
def test_a_report_fails_if_the_secret_is_not_valid(
    system: System, keys: KeyRing, admin: Connection[TupleRow], secret: Any, problem: str
) -> None:
    """It does not wait, and opens no circuit, for which the reports of other tenants would wait."""
    if secret is not None:
        store(secret)
    sign_with(system, keys.fingerprint("signer@example.com"))
    _fails(generate(system, keys, format="CSV"), problem)
    assert admin.execute("SELECT count(*) FROM resma.outages").fetchone() == (0,)


def test_a_certificate_or_another_key_does_not_sign(system: System, keys: KeyRing) -> None:
    store({"privateKey": keys.certificate("signer@example.com")})
    sign_with(system, keys.fingerprint("signer@example.com"))
    _fails(generate(system, keys, format="CSV"), "not an OpenPGP secret key")
    boto3.client("secretsmanager").put_secret_value(
        SecretId=secret_name("local", "demo"),
        SecretString=json.dumps({"privateKey": keys.secret_key("rsa@example.com")}),
    )
    _fails(generate(system, keys, format="CSV"), f"Its fingerprint is {keys.fingerprint('rsa@example.com')}, and not")
    assert system.objects() == []


def _fails(report: Any, problem: str) -> None:
    """Asserts that a report has failed with a problem of its key, and that no part of a secret is shown."""
    assert (report["status"], report["error"]["code"]) == ("FAILED", "signing-key-unusable")
    assert problem in report["error"]["detail"]
    assert "PRIVATE KEY" not in json.dumps(report)
    assert report["files"] is None


def test_only_encrypted_reports_are_signed(system: System, keys: KeyRing) -> None:
    use(system, keys, "signer")
    report_id = system.request_report(format="CSV")
    assert system.work_once()
    report = system.show(report_id)
    assert (report["status"], report["signedBy"]) == ("READY", None)


def test_all_files_of_a_split_report_are_signed(system: System, admin: Connection[TupleRow], keys: KeyRing) -> None:
    fingerprint = use(system, keys, "locked", passphrase=PASSPHRASE, unlock=PASSPHRASE)
    reports = SplitReports(system, admin)
    request = {"type": "ACCOUNT_STATEMENT", "filters": MONTH, "splitBy": ["account"], "formats": ["CSV"]}
    reports.request_report(**request, zip=True, encryptFor=[receiver(system, keys)])
    assert reports.run_with_workers(1) == "READY"
    (key,) = [key for key in system.objects() if key.endswith(".zip")]
    data = system.s3.get_object(Bucket=system.bucket, Key=key)["Body"].read()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        sealed = [archive.read(name) for name in archive.namelist() if name.endswith(".pgp")]
    assert sealed
    assert all(keys.signers_of(file) == [fingerprint] for file in sealed)
    assert call(system, "GET", f"/api/v1/reports/{REPORT_ID}")["signedBy"] == fingerprint


def test_a_split_report_fails_as_a_whole_if_the_key_cannot_sign(
    system: System, admin: Connection[TupleRow], keys: KeyRing
) -> None:
    use(system, keys, "expired")
    reports = SplitReports(system, admin)
    reports.request_report(
        type="ACCOUNT_STATEMENT", splitBy=["account"], format="CSV", encryptFor=[receiver(system, keys)]
    )
    assert reports.run_with_workers(1) == "FAILED"
    assert reports.row().error_code == "signing-key-unusable"
    assert system.objects() == []


def test_the_process_has_the_key_only_on_its_standard_input(keys: KeyRing) -> None:
    content = keys.run("--export-secret-keys", "locked@example.com", passphrase=PASSPHRASE)
    key = read_signing_key(content, PASSPHRASE, keys.fingerprint("locked@example.com"))
    recipient = read_certificate(keys.certificate("receiver@example.com").encode()).recipient
    assert PASSPHRASE not in repr(key)
    with sealer.open_sealer(sealer.Encryption([recipient], key)) as opened:
        opened.write(bytes(sealer.SMALL_BYTES + 1))
        assert opened._process is not None
        process = Path(f"/proc/{opened._process.pid}")
        shown = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
        opened_files = [str(each.readlink()) for each in (process / "fd").iterdir() if each.name != "2"]
    assert PASSPHRASE.encode() not in shown
    assert all(name.startswith("pipe:") for name in opened_files)


def test_the_operator_switches_signatures_on_and_off(
    system: System, admin: Connection[TupleRow], capsys: pytest.CaptureFixture[str]
) -> None:
    database = ["--database", system.database_url]
    spaced = "59fe 3eb5 20b2 4c86 f683  341d 1b92 7e9a 1d3b d66c"
    stored = "59FE3EB520B24C86F683341D1B927E9A1D3BD66C"
    assert access.main([*database, "set-signing-key", "demo", spaced]) == 0
    assert admin.execute("SELECT signing_key FROM resma.tenants WHERE tenant_id = 'demo'").fetchone() == (stored,)
    assert access.main([*database, "list"]) == 0
    assert f"encrypted files are signed with {stored}" in capsys.readouterr().out
    assert access.main([*database, "set-signing-key", "demo", "--none"]) == 0
    assert admin.execute("SELECT signing_key FROM resma.tenants WHERE tenant_id = 'demo'").fetchone() == (None,)
    for wrong in (["1D3BD66C"], [stored + "00"], [], [stored, "--none"]):
        assert access.main([*database, "set-signing-key", "demo", *wrong]) == 1
    assert access.main([*database, "set-signing-key", "nobody", stored]) == 1
    assert "is not the fingerprint of an OpenPGP key" in capsys.readouterr().err


def test_the_commands_of_the_receiver_work_as_they_are_written(system: System, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "encryption.md").read_text().partition("### Signatures")[2].partition("\n## ")[0]
    export_secret, export, load, decrypt = re.findall(r"^    (gpg .*)$", page, re.MULTILINE)
    with key_ring() as tenant, key_ring() as keys:
        tenant.make_key("Example Bank")
        fingerprint = tenant.fingerprint("Example Bank")
        tenant.shell(export_secret, tmp_path)
        tenant.shell(export, tmp_path)
        store({"privateKey": (tmp_path / "signing-key.asc").read_text()})
        sign_with(system, fingerprint)
        keys.make_key("receiver@example.com")
        report = generate(system, keys, format="CSV")
        (tmp_path / "report.csv.pgp").write_bytes(system.content(UUID(report["id"])))
        keys.shell(load, tmp_path)
        assert b'Good signature from "Example Bank"' in keys.shell(decrypt, tmp_path)
    assert sha256((tmp_path / "report.csv").read_bytes()).hexdigest() == report["files"][0]["plainSha256"]


def test_a_report_waits_while_secrets_manager_is_unavailable(
    system: System, keys: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(system, keys, "signer")
    first = generate(system, keys, format="CSV")  # the worker has its connections to databases then
    report_id = system.request_report(format="CSV", encryptFor=first["encryptFor"])
    with monkeypatch.context() as patched:
        patched.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", f"http://127.0.0.1:{free_port()}")
        clients.secrets_client.cache_clear()
        assert not system.work_once()
    clients.secrets_client.cache_clear()
    report = system.show(report_id)
    assert (report["status"], report["waitingFor"]["dependency"]) == ("PENDING", "secrets")
