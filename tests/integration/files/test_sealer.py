"""Encryption by OpenPGP alone: sizes around the limit of small files, memory, and the behavior of the library."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pysequoia import Cert, Tsk, encrypt

from resma.encryption.openpgp.certificate import CertificateRefusedError, read_certificate
from resma.encryption.openpgp.sealer import SMALL_BYTES, Encryption, open_sealer
from resma.errors import SealingFailedError
from tests.support.certificates import sample_certificate
from tests.support.gnupg import LONG_AGO, KeyRing, key_ring

RECEIVER = "receiver@example.com"
MAX_MB = 120
"""Maximum memory of both processes. An interpreter alone needs about 10 MB, and the library 10 MB more."""


@pytest.fixture(scope="module")
def keys() -> Iterator[KeyRing]:
    """The key of a receiver."""
    with key_ring() as made:
        made.make_key(RECEIVER)
        yield made


def recipient(keys: KeyRing, name: str = RECEIVER) -> bytes:
    return read_certificate(keys.certificate(name).encode()).recipient


@pytest.mark.parametrize("size", [0, 1, SMALL_BYTES, SMALL_BYTES + 1, 3_000_000])
@pytest.mark.parametrize("step", [1000, 1_000_000])
def test_messages_of_all_sizes_are_decrypted(keys: KeyRing, size: int, step: int) -> None:
    content = os.urandom(size)
    with open_sealer(Encryption([recipient(keys)])) as sealer:
        pieces = [sealer.write(content[start : start + step]) for start in range(0, size, step)]
        sealed = b"".join([*pieces, sealer.end()])
    assert keys.decrypt(sealed) == content
    assert sealer.bytes == size
    assert content[:100] not in sealed or size < 10


def test_the_process_ends_with_the_block(keys: KeyRing) -> None:
    with open_sealer(Encryption([recipient(keys)])) as sealer:
        sealer.write(bytes(SMALL_BYTES + 1))
        process = sealer._process
        assert process is not None
        assert process.poll() is None
    assert process.poll() is not None


def test_a_process_that_was_killed_is_an_error(keys: KeyRing) -> None:
    with open_sealer(Encryption([recipient(keys)])) as sealer:
        sealer.write(bytes(SMALL_BYTES + 1))
        assert sealer._process is not None
        sealer._process.kill()
        sealer._process.wait()
        with pytest.raises(SealingFailedError):
            sealer.write(bytes(10 * SMALL_BYTES))


def test_the_process_gets_no_credentials(keys: KeyRing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "only-for-tests")
    with open_sealer(Encryption([recipient(keys)])) as sealer:
        sealer.write(bytes(SMALL_BYTES + 1))
        assert sealer._process is not None
        environment = Path(f"/proc/{sealer._process.pid}/environ").read_bytes()
    assert b"only-for-tests" not in environment


def test_an_expired_subkey_is_left_out_if_another_can_be_used(keys: KeyRing) -> None:
    fingerprint = keys.make_key("renewed@example.com", subkey_expires="1y", at=LONG_AGO)
    with pytest.raises(CertificateRefusedError, match="expired on 2020-12-31"):
        read_certificate(keys.certificate("renewed@example.com").encode())
    keys.run("--quick-add-key", fingerprint, "cv25519", "encr", "0")
    renewed = read_certificate(keys.certificate("renewed@example.com").encode())
    assert renewed.expires_at is None
    assert len(renewed.recipient) < len(renewed.content)
    with open_sealer(Encryption([renewed.recipient])) as sealer:
        assert keys.decrypt(sealer.write(b"x") + sealer.end()) == b"x"


def test_a_marker_before_a_certificate_is_ignored() -> None:
    """RFC 9580, section 5.8: programs begin with one to refuse older programs."""
    plain = read_certificate(sample_certificate().encode())
    assert read_certificate(b"\xca\x03PGP" + plain.content).fingerprint == plain.fingerprint


@pytest.mark.parametrize("character", ["\0", "\n", "\x1b", "\u202e"])
def test_user_ids_have_no_control_characters(character: str) -> None:
    certificate = Tsk.generate(f"a{character}b <a@example.com>").extract_certificate()
    assert read_certificate(bytes(certificate)).user_ids == ["a\ufffdb <a@example.com>"]


def test_changed_certificates_are_refused_or_read(keys: KeyRing) -> None:
    """No other error escapes, whatever the library makes of the bytes."""
    content = keys.run("--export", RECEIVER)
    chosen = random.Random(7)
    for _ in range(300):
        changed = bytearray(content)
        for _ in range(chosen.randint(1, 4)):
            changed[chosen.randrange(len(changed))] = chosen.randrange(256)
        with contextlib.suppress(CertificateRefusedError):
            read_certificate(bytes(changed[: chosen.randint(1, len(changed))]))


def test_the_library_encrypts_for_revoked_certificates(keys: KeyRing) -> None:
    """It does not check this, so that `read_certificate` must. If it does one day, the check may go."""
    keys.revoke(keys.make_key("gone@example.com"))
    assert encrypt(b"x", recipients=[Cert.from_bytes(keys.certificate("gone@example.com").encode())], armor=False)


@pytest.mark.slow
def test_memory_does_not_depend_on_the_size(keys: KeyRing, tmp_path: Path) -> None:
    """200 MB, in processes of their own. `make openpgp-run` measures 2 GB."""
    certificate = tmp_path / "receiver.asc"
    certificate.write_text(keys.certificate(RECEIVER))
    command = [sys.executable, "-m", "tests.support.peak_of_sealing", str(certificate), "200000000"]
    environment = {**os.environ, "PYTHONPATH": "functions"}
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout
    peak, _, _, written = printed.split()
    assert int(written) > 200_000_000
    assert float(peak) <= MAX_MB
