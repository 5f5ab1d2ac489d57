"""Derivation of signing secrets: different for each endpoint, and reproducible."""

from __future__ import annotations

import base64
import itertools
import time

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from resma.errors import SettingsInvalidError
from resma.webhooks.signing_secrets import (
    MASTER_SECRET_SECONDS,
    MasterSecret,
    derive_secret,
    read_master_secret,
    signing_secrets,
)

MASTER = bytes(range(32))


def test_the_derivation_is_hkdf() -> None:
    """Compares with another implementation of RFC 5869."""
    secret = derive_secret(MASTER, "demo", "callback", 3)
    expected = HKDFExpand(SHA256(), 32, b"resma webhook|demo|callback|3").derive(MASTER)
    assert base64.b64decode(secret.removeprefix("whsec_")) == expected


def test_all_secrets_are_different() -> None:
    parts = itertools.product(
        (MASTER, bytes(32)), ("demo", "demo-2"), ("callback", "whe_" + "0" * 32, "whe_" + "1" * 32), (1, 2, 11)
    )
    secrets = [derive_secret(*each) for each in parts]
    assert len(set(secrets)) == len(secrets) == 36


def test_the_previous_version_signs_while_it_is_valid() -> None:
    first, second = (derive_secret(MASTER, "demo", "callback", version) for version in (1, 2))
    assert signing_secrets(MASTER, "demo", "callback", 2, is_previous_valid=True) == [second, first]
    assert signing_secrets(MASTER, "demo", "callback", 2, is_previous_valid=False) == [second]
    assert signing_secrets(MASTER, "demo", "callback", 1, is_previous_valid=True) == [first]


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_%%%", base64.b64encode(MASTER).decode()])
def test_an_invalid_master_secret_is_refused_and_not_shown(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resma.webhooks.signing_secrets.read_secret", lambda _arn: {"secret": text})
    with pytest.raises(SettingsInvalidError, match="at least 24 random bytes") as caught:
        read_master_secret("arn")
    assert len(text) < 7 or text not in str(caught.value)


def test_the_master_secret_is_read_once_per_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets Manager charges for each call."""
    now, read = 1000.0, []

    def read_secret(arn: str) -> dict[str, str]:
        read.append(arn)
        return {"secret": f"whsec_{base64.b64encode(bytes(32)).decode()}"}

    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr("resma.webhooks.signing_secrets.read_secret", read_secret)
    secret = MasterSecret("arn")
    for _ in range(5):
        assert secret.read() == bytes(32)
    assert read == ["arn"]
    now += MASTER_SECRET_SECONDS + 1
    secret.read()
    assert read == ["arn", "arn"]
