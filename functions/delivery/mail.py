"""What sends e-mail: the interface of mailers, and the settings of the deployment for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

MAX_MESSAGE_BYTES = 10_000_000
"""Maximum size of a message that SES takes with `SendRawEmail`, and that most servers take."""

SmtpTls = Literal["STARTTLS", "IMPLICIT", "NONE"]


@dataclass(frozen=True, kw_only=True)
class MailSettings:
    """How the operator has set that e-mail is sent."""

    transport: Literal["NONE", "SES", "SMTP"] = "NONE"
    sender: str = ""
    """Address of the sender."""
    sender_name: str = ""
    """Name that mail programs show; may be empty."""
    configuration_set: str | None = None
    """Configuration set of SES, which publishes bounces and complaints."""
    smtp_host: str = ""
    smtp_port: int = 587
    smtp_tls: SmtpTls = "STARTTLS"
    smtp_secret: str | None = None
    """Secret with `username` and `password`; None: no login."""
    public_base_url: str = ""
    """URL of the API, below which the console is."""


@dataclass(frozen=True)
class Letter:
    """A message to one recipient, as it is sent."""

    recipient: str
    message_id: str
    """The header `Message-ID`, with angle brackets."""
    content: bytes
    """The whole message (RFC 5322), with CRLF."""
    tenant_id: str
    delivery_id: str


class Mailer(Protocol):
    """Sends messages one after another."""

    max_bytes: int
    """Maximum size of a message that it takes."""

    def send(self, letter: Letter) -> str:
        """Sends a message, and returns its id, which bounces name.

        Raises RecipientRefusedError if it will never be accepted for this recipient, RecipientDeferredError if it is
        not accepted for this recipient now, and other DeliveryErrors if no message can be sent.
        """

    def close(self) -> None:
        """Closes connections. Never raises."""
