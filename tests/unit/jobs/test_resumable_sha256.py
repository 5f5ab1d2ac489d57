"""SHA-256 with a state: it has hashlib's digest after saving and resuming at any position."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resma.errors import SettingsInvalidError
from resma.storage import resumable_sha256
from resma.storage.resumable_sha256 import STATE_BYTES, Sha256


@given(st.lists(st.binary(max_size=200), max_size=8))
def test_the_digest_after_saving_and_resuming_is_that_of_hashlib(pieces: list[bytes]) -> None:
    hashed = Sha256()
    for piece in pieces:
        hashed.update(piece)
        hashed = Sha256.from_state(hashed.state)
    assert hashed.hexdigest() == hashlib.sha256(b"".join(pieces)).hexdigest()


def test_more_may_come_after_the_digest() -> None:
    hashed = Sha256()
    hashed.update(b"a" * 100)
    assert hashed.hexdigest() == hashlib.sha256(b"a" * 100).hexdigest()
    hashed.update(b"\0" * 1000)
    assert hashed.hexdigest() == hashlib.sha256(b"a" * 100 + b"\0" * 1000).hexdigest()


def test_a_state_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match=f"{STATE_BYTES} bytes"):
        Sha256.from_state(b"short")


def test_without_openssl_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resumable_sha256, "_libraries_of_psycopg", lambda: ["/nowhere/libcrypto.so.3"])
    monkeypatch.setattr("ctypes.util.find_library", lambda _: None)
    with pytest.raises(SettingsInvalidError, match=r"psycopg\[binary\]"):
        resumable_sha256._openssl.__wrapped__()
