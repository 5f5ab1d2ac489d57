"""A real SMTP server for tests (aiosmtpd), with TLS and a login, whose answers tests choose by recipient."""

from __future__ import annotations

import contextlib
import ssl
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from infra.servers.ports import free_port

USER, PASSWORD = "resma", "only-for-tests"


@dataclass
class Received:
    """A message that the server has accepted."""

    sender: str
    recipients: list[str]
    message: EmailMessage
    was_encrypted: bool
    user: str | None


@dataclass
class SmtpServer:
    """The running server. Tests change `answers`, and read `received`."""

    port: int = 0
    certificate: Path | None = None
    answers: dict[str, list[str]] = field(default_factory=dict)
    """Next answers to RCPT TO by address, such as `450 greylisted`; without one the recipient is accepted."""
    data_answers: list[str] = field(default_factory=list)
    """Next answers after the content of a message. `cut` ends the connection instead."""
    received: list[Received] = field(default_factory=list)

    def to(self, recipient: str) -> list[EmailMessage]:
        """Returns the messages that a recipient has got."""
        return [each.message for each in self.received if each.recipients == [recipient]]


class _Rules:
    """Hooks of aiosmtpd."""

    def __init__(self, server: SmtpServer) -> None:
        self._server = server

    async def handle_RCPT(  # noqa: N802  # the signature of aiosmtpd
        self, _smtp: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if answers := self._server.answers.get(address):
            answer = answers.pop(0)
            if not answer.startswith("2"):
                return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, smtp: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self._server.data_answers:
            answer = self._server.data_answers.pop(0)
            if answer == "cut":
                cast(Any, smtp.transport).abort()
                return "250 lost"
            if not answer.startswith("2"):
                return answer
        content = envelope.content
        assert isinstance(content, bytes)
        login = cast(Any, session).auth_data.login.decode() if session.authenticated else None
        message = message_from_bytes(content, policy=policy.default)
        was_encrypted = cast(Any, smtp.transport).get_extra_info("cipher") is not None
        self._server.received.append(
            Received(envelope.mail_from or "", list(envelope.rcpt_tos), message, was_encrypted, login)
        )
        return "250 accepted"


def _authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
    is_known = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=is_known, handled=is_known, auth_data=data)


@contextlib.contextmanager
def smtp_server(
    folder: Path | None = None, *, tls: str = "NONE", max_bytes: int = 33_554_432, name: str = "localhost"
) -> Iterator[SmtpServer]:
    """Runs a server during the block. `tls` is NONE, STARTTLS or IMPLICIT; the latter require a folder and a login.

    `name` is the host name of the certificate.
    """
    server = SmtpServer(free_port())  # the controller connects to its port to see that it is open
    options: dict[str, Any] = {}
    if tls != "NONE":
        assert folder is not None
        server.certificate, context = _certificate(folder, name)
        options |= {"authenticator": _authenticate, "auth_required": True}
        options |= {"ssl_context": context, "auth_require_tls": False} if tls == "IMPLICIT" else {}
        options |= {"tls_context": context, "require_starttls": True} if tls == "STARTTLS" else {}
    controller = Controller(
        _Rules(server), hostname="127.0.0.1", port=server.port, data_size_limit=max_bytes, ready_timeout=20, **options
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the server does not know that connections have TLS already
        controller.start()
        try:
            yield server
        finally:
            controller.stop()


def _certificate(folder: Path, name: str) -> tuple[Path, ssl.SSLContext]:
    """Creates a certificate that signs itself; returns its path, and the context of a server with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    names: list[x509.GeneralName] = [x509.DNSName(name)]
    if name == "localhost":
        names.append(x509.IPAddress(ip_address("127.0.0.1")))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True)
    path, private = folder / f"{name}.pem", folder / f"{name}.key"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, private)
    return path, context
