"""Files that are encrypted by OpenPGP for their receivers, from the API to the real GnuPG."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.gnupg import KeyRing, key_ring
from tests.support.system import System
from tests.support.webhook_endpoints import call, refused

CERTIFICATES = "/api/v1/certificates"
GENERATE = "/api/v1/reports/generate"


@pytest.fixture(scope="module")
def keys() -> Iterator[KeyRing]:
    """The keys of receivers: Curve25519, RSA, NIST P-256, and keys that cannot be used."""
    with key_ring() as made:
        made.make_key("curve@example.com")
        made.make_key("nist@example.com", "nistp256", "nistp256", subkey_expires="20d")
        made.make_key("rsa@example.com", "rsa3072", "rsa3072", expires="2y", subkey_expires="1y")
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


def test_a_file_is_encrypted_for_its_receiver(system: System, keys: KeyRing) -> None:
    plain_id = system.request_report(format="CSV")
    assert system.work_once()
    plain = system.content(plain_id)
    added = add(system, keys, "curve")
    report_id = system.request_report(format="CSV", encryptFor=[added["id"]])
    assert system.work_once()
    report = system.show(report_id)
    assert report["status"] == "READY", report["error"]
    sealed = system.content(report_id)
    (file,) = report["files"]
    assert keys.decrypt(sealed) == plain
    assert (file["sha256"], file["bytes"]) == (sha256(sealed), len(sealed))
    assert file["plainSha256"] == sha256(plain)
    assert file["mediaType"] == "application/pgp-encrypted"
    assert report["encryptFor"] == [added["id"]]
