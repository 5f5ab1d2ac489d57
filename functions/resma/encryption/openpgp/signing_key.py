"""Reads OpenPGP secret keys and checks whether files can be signed with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pysequoia import Cert, PySigner, Tsk

_NOT_A_KEY = "It is not an OpenPGP secret key. Export one with `gpg --armor --export-secret-keys FINGERPRINT`."
_CANNOT_SIGN = (
    "It has no key for signatures that can be used now, or only one with a weak algorithm. Add a subkey "
    "(`gpg --quick-add-key FINGERPRINT ed25519 sign 2y`), and export the key again."
)


class SigningKeyRefusedError(Exception):
    """A secret key cannot be used. The message has all reasons, and no part of the key."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(" ".join(problems))


@dataclass(frozen=True)
class SigningKey:
    """A secret key with which files can be signed now."""

    fingerprint: str
    """Fingerprint of the primary key, in capital letters as GnuPG shows it."""
    content: bytes = field(repr=False)
    """The secret key in binary form, still protected by the passphrase."""
    passphrase: str | None = field(repr=False)
    signer: PySigner = field(repr=False)
    """The unlocked key. To unlock it takes a tenth of a second, so that it is done once for many files."""


def read_signing_key(
    content: bytes, passphrase: str | None, fingerprint: str, now: datetime | None = None
) -> SigningKey:
    """Reads a secret key, binary or with ASCII armor, and checks that it is the expected one and can sign files.

    `fingerprint` is that of its primary key, in capital letters. The signature is that of the primary key or of a
    subkey for signatures. Raises SigningKeyRefusedError with all problems.
    """
    from pysequoia import Cert, Tsk  # noqa: PLC0415  # takes 10 MB
    from pysequoia.packet import PacketPile, Tag  # noqa: PLC0415

    try:
        secret = any(packet.tag in (Tag.SecretKey, Tag.SecretSubkey) for packet in PacketPile.from_bytes(content))
        number = len(Cert.split_bytes(content)) if secret else 0
        if number > 1:
            raise SigningKeyRefusedError([f"It contains {number} keys. Export the one that signs files."])
        if number == 0:
            raise SigningKeyRefusedError([_NOT_A_KEY])
        key = Tsk.from_bytes(content)
        problems = _problems_of(key.extract_certificate(), fingerprint, now or datetime.now(UTC))
    except (RuntimeError, ValueError) as error:
        raise SigningKeyRefusedError([_NOT_A_KEY]) from error
    if problems:
        raise SigningKeyRefusedError(problems)
    return _unlock(key, passphrase, fingerprint)


def _problems_of(certificate: Cert, fingerprint: str, now: datetime) -> list[str]:
    problems = []
    if (found := certificate.fingerprint.upper()) != fingerprint:
        problems.append(f"Its fingerprint is {found}, and not {fingerprint}.")
    if certificate.is_revoked:
        problems.append("It was revoked.")
    if (end := certificate.expiration) is not None and end <= now:
        problems.append(f"It expired on {end:%Y-%m-%d}.")
    return problems


def _unlock(key: Tsk, passphrase: str | None, fingerprint: str) -> SigningKey:
    """Returns the key with the library's signer, which takes no subkey that was revoked or has expired."""
    from pysequoia import sign  # noqa: PLC0415

    try:
        signer = key.signer()
        used = None  # the key has no passphrase
    except RuntimeError as error:
        if "is encrypted" not in str(error):
            raise SigningKeyRefusedError([_CANNOT_SIGN]) from error
        if not passphrase:
            raise SigningKeyRefusedError(["It has a passphrase. Add the field `passphrase` to the secret."]) from error
        signer, used = _unlock_with(key, passphrase), passphrase
    try:
        sign(signer, b"")
    except RuntimeError as error:
        raise SigningKeyRefusedError(["A signature with it has failed. Export the key again."]) from error
    return SigningKey(fingerprint, bytes(key), used, signer)


def _unlock_with(key: Tsk, passphrase: str) -> PySigner:
    try:
        return key.signer(passphrase)
    except RuntimeError as error:
        raise SigningKeyRefusedError(["The field `passphrase` of the secret is not its passphrase."]) from error
