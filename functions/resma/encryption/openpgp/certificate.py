"""Reads OpenPGP certificates and checks whether files can be encrypted for them.

The library encrypts also for subkeys that have expired, and for certificates that were revoked. Therefore the usable
subkeys are selected here, and the library gets a certificate that has only these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pysequoia import Cert
    from pysequoia.packet import Packet

MAX_CERTIFICATE_BYTES = 100_000
"""Maximum size of a certificate, as it is sent. Most have 1 to 10 KB."""

_MAX_USER_IDS = 10
_MAX_USER_ID_CHARACTERS = 200
_LONG_AGO = datetime.fromtimestamp(0, UTC)
_ALGORITHMS = {"RSAEncryptSign": "RSA", "RSAEncrypt": "RSA", "ElGamalEncrypt": "ElGamal"}
"""Usual names of algorithms, by the library's. The others are equal."""

_NOT_A_CERTIFICATE = "It is not an OpenPGP certificate. Export one with `gpg --armor --export NAME`."


class CertificateRefusedError(Exception):
    """A certificate cannot be used. `problems` has all reasons, as sentences."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Certificate:
    """A certificate for which files can be encrypted now."""

    content: bytes
    """The certificate as it was sent, in binary form."""
    recipient: bytes
    """The same certificate without the subkeys that must not be used."""
    fingerprint: str
    """Fingerprint of the primary key, in capital letters as GnuPG shows it."""
    user_ids: Sequence[str]
    algorithm: str
    """Algorithm of the key that files are encrypted for."""
    expires_at: datetime | None
    """When the last usable key expires; None: never."""


@dataclass
class _Key:
    """A key of a certificate with the packets that belong to it."""

    key: Packet
    packets: list[Packet]
    bindings: list[Packet] = field(default_factory=list)
    """Signatures of the owner that state what it is for and how long it is valid. The latest one counts."""
    is_revoked: bool = False

    @property
    def name(self) -> str:
        """Its id, as GnuPG shows it."""
        return (self.key.key_id or "").upper()


def read_certificate(content: bytes, now: datetime | None = None) -> Certificate:
    """Reads a certificate, binary or with ASCII armor, and checks that files can be encrypted for it.

    Raises CertificateRefusedError with all problems: it is not one certificate, contains a secret key, was revoked, has
    expired, has no key for encryption, or the library considers its algorithms weak.
    """
    try:
        return _read(content, now or datetime.now(UTC))
    except (RuntimeError, ValueError) as error:  # which accessors of the library raise, too
        raise CertificateRefusedError([_NOT_A_CERTIFICATE]) from error


def _read(content: bytes, now: datetime) -> Certificate:
    from pysequoia import Cert  # noqa: PLC0415  # takes 10 MB
    from pysequoia.packet import PacketPile, Tag  # noqa: PLC0415

    packets = list(PacketPile.from_bytes(content))
    certificates = Cert.split_bytes(content)
    problems = []
    if any(packet.tag in (Tag.SecretKey, Tag.SecretSubkey) for packet in packets):
        problems.append(
            "It contains a secret key, which must stay with its owner. It was not stored. Export the certificate alone "
            "(`gpg --armor --export NAME`), and consider the secret key as known to others."
        )
    if len(certificates) > 1:
        problems.append(f"It contains {len(certificates)} certificates. Add each one alone.")
    if not certificates:
        problems.append(_NOT_A_CERTIFICATE)
    if problems:
        raise CertificateRefusedError(problems)
    return _check(certificates[0], packets, now)


def _check(certificate: Cert, packets: Sequence[Packet], now: datetime) -> Certificate:
    from pysequoia import Cert, encrypt  # noqa: PLC0415

    try:
        user_ids = [_shown(str(user_id)) for user_id in certificate.user_ids][:_MAX_USER_IDS]
        expires_at, is_revoked = certificate.expiration, certificate.is_revoked
    except RuntimeError as error:
        raise CertificateRefusedError([_describe_weakness(error)]) from error
    problems = []
    if is_revoked:
        problems.append("It was revoked. Ask its owner for a new one.")
    if expires_at is not None and expires_at <= now:
        problems.append(f"It expired on {expires_at:%Y-%m-%d}. Ask its owner to extend it, or for a new one.")
    primary, *subkeys = _keys_of(packets)
    candidates = [key for key in (primary, *subkeys) if _may_encrypt(key)]
    reasons = {id(key): _reason_not_to_use(key, now) for key in candidates}
    usable = [key for key in candidates if reasons[id(key)] is None]
    if not candidates:
        problems.append("It has no key for encryption, only for signatures. Ask its owner to add a subkey.")
    elif not usable:
        problems += [reason for reason in reasons.values() if reason is not None]
    if problems:
        raise CertificateRefusedError(problems)
    kept = [*primary.packets, *(packet for key in usable if key is not primary for packet in key.packets)]
    try:
        recipient = Cert.from_packets(kept)
        encrypt(b"", recipients=[recipient], armor=False)  # the policy of the library decides
    except RuntimeError as error:
        raise CertificateRefusedError([_describe_weakness(error)]) from error
    ends = [_end_of(key) for key in usable]
    last = None if None in ends else max(end for end in ends if end is not None)
    return Certificate(
        content=bytes(certificate),
        recipient=bytes(recipient),
        fingerprint=certificate.fingerprint.upper(),
        user_ids=user_ids,
        algorithm=_ALGORITHMS.get(name := str(usable[0].key.key_algorithm).rpartition(".")[2], name),
        expires_at=min((end for end in (last, expires_at) if end is not None), default=None),
    )


def _keys_of(packets: Sequence[Packet]) -> list[_Key]:
    """Returns the primary key, with the names of its owner, and the subkeys."""
    from pysequoia.packet import SignatureType, Tag  # noqa: PLC0415

    of_primary = (
        SignatureType.DirectKey,
        SignatureType.GenericCertification,
        SignatureType.PersonaCertification,
        SignatureType.CasualCertification,
        SignatureType.PositiveCertification,
    )
    keys: list[_Key] = []
    for packet in packets:
        if packet.tag == Tag.Marker:  # to be ignored (RFC 9580, section 5.8)
            continue
        if packet.tag in (Tag.PublicKey, Tag.PublicSubkey):
            keys.append(_Key(packet, [packet]))
            continue
        keys[-1].packets.append(packet)
        if packet.tag != Tag.Signature:
            continue
        is_own = packet.issuer_key_id in {None, keys[0].key.key_id}
        binding = of_primary if len(keys) == 1 else (SignatureType.SubkeyBinding,)
        if is_own and packet.signature_type in binding:
            keys[-1].bindings.append(packet)
        elif is_own and packet.signature_type == SignatureType.SubkeyRevocation:
            keys[-1].is_revoked = True
    return keys


def _shown(user_id: str) -> str:
    """Returns a user id without control characters, of which Postgres cannot store NUL."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in user_id)[
        :_MAX_USER_ID_CHARACTERS
    ]


def _latest(key: _Key) -> Packet | None:
    return max(key.bindings, key=lambda packet: packet.signature_created or _LONG_AGO, default=None)


def _may_encrypt(key: _Key) -> bool:
    binding = _latest(key)
    flags = binding.key_flags if binding is not None else None
    return flags is not None and (flags.transport_encryption or flags.storage_encryption)


def _end_of(key: _Key) -> datetime | None:
    binding = _latest(key)
    period = binding.key_validity_period if binding is not None else None
    return key.key.key_created + period if period and key.key.key_created else None


def _reason_not_to_use(key: _Key, now: datetime) -> str | None:
    """Returns why a key for encryption cannot be used; None if it can."""
    if key.is_revoked:
        return f"Its key for encryption {key.name} was revoked. Ask its owner to add a new one."
    if (end := _end_of(key)) is not None and end <= now:
        return f"Its key for encryption {key.name} expired on {end:%Y-%m-%d}. Ask its owner to extend it."
    if key.key.key_created is not None and key.key.key_created > now:
        return f"Its key for encryption {key.name} is valid from {key.key.key_created:%Y-%m-%d} on."
    return None


def _describe_weakness(error: RuntimeError) -> str:
    lines = [line.strip() for line in str(error).splitlines()]
    cause = next((lines[i + 1] for i, line in enumerate(lines[:-1]) if line == "Caused by:"), lines[0] if lines else "")
    return (
        f"Its algorithms are too weak ({cause}). Ask its owner for a new one, with Curve25519 or RSA with 3,072 bits."
    )
