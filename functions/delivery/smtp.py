"""Sends e-mail to an SMTP server of the operator, by TLS with a verified certificate, one recipient per message."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from delivery.errors import (
    AccessDeniedError,
    DestinationRefusedError,
    DestinationUnavailableError,
    RecipientDeferredError,
    RecipientRefusedError,
)
from delivery.mail import MAX_MESSAGE_BYTES, Letter, MailSettings
from resma.aws.clients import read_secret
from resma.destinations.addresses import domain_of
from resma.errors import SecretUnavailableError
from resma.short_text import shorten

ANSWER_SECONDS = 25.0
"""Maximum duration of connecting, and of each response of the server."""

_MAX_REPLY = 300
_UNAVAILABLE = 421  # the server closes the connection (RFC 5321, section 3.8)


class SmtpMailer:
    """A session at an SMTP server, logged in if there is a secret."""

    def __init__(self, settings: MailSettings) -> None:
        """Connects and logs in. Raises DeliveryError."""
        self._settings = settings
        self._where = f"{settings.smtp_host}:{settings.smtp_port}"
        with self._errors():
            self._server = self._connect()
            try:
                self._log_in()
            except BaseException:
                self._server.close()
                raise
        size = self._server.esmtp_features.get("size", "")
        self.max_bytes = min(MAX_MESSAGE_BYTES, int(size)) if size.isdecimal() and int(size) else MAX_MESSAGE_BYTES

    def send(self, letter: Letter) -> str:
        """Sends a message, and returns its Message-ID. See `Mailer.send`."""
        with self._errors():
            try:
                self._server.sendmail(self._settings.sender, [letter.recipient], letter.content)
            except smtplib.SMTPRecipientsRefused as error:
                (answer,) = error.recipients.values()
                raise self._refusal(letter, *answer) from error
            except smtplib.SMTPSenderRefused as error:
                if error.smtp_code == 552:  # the message is larger than the server takes
                    raise self._refusal(letter, error.smtp_code, error.smtp_error) from error
                raise DestinationRefusedError(
                    f"The mail server {self._where} refuses the sender '{self._settings.sender}': "
                    f"{_text(error.smtp_code, error.smtp_error)}. Ask the operator to check EmailSender."
                ) from error
            except smtplib.SMTPDataError as error:
                raise self._refusal(letter, error.smtp_code, error.smtp_error) from error
        return letter.message_id

    def close(self) -> None:
        """Ends the session."""
        with suppress(OSError, smtplib.SMTPException):
            self._server.quit()
        self._server.close()

    def _connect(self) -> smtplib.SMTP:
        settings, context = self._settings, ssl.create_default_context()
        name = domain_of(settings.sender)  # for EHLO; otherwise smtplib looks up the name of this machine
        if settings.smtp_tls == "IMPLICIT":
            return smtplib.SMTP_SSL(
                settings.smtp_host, settings.smtp_port, name, timeout=ANSWER_SECONDS, context=context
            )
        server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, name, timeout=ANSWER_SECONDS)
        if settings.smtp_tls == "STARTTLS":
            try:
                server.starttls(context=context)
            except BaseException:
                server.close()
                raise
        return server

    def _log_in(self) -> None:
        self._server.ehlo_or_helo_if_needed()
        if self._settings.smtp_secret is None:
            return
        try:
            secret = read_secret(self._settings.smtp_secret)
            username, password = str(secret["username"]), str(secret["password"])
        except (SecretUnavailableError, KeyError) as error:
            raise AccessDeniedError(
                "The secret of the mail server cannot be used: it must have `username` and `password`. Ask the "
                "operator to check EmailSmtpSecretArn."
            ) from error
        self._server.login(username, password)

    def _refusal(
        self, letter: Letter, code: int, answer: bytes | str
    ) -> RecipientRefusedError | RecipientDeferredError | DestinationUnavailableError:
        """Returns the error for a response: 5xx is final, 4xx is not (RFC 5321, section 4.2.1)."""
        text = _text(code, answer)
        if code == _UNAVAILABLE:
            return DestinationUnavailableError(f"The mail server {self._where} ended the session: {text}.")
        if 500 <= code < 600:
            return RecipientRefusedError(f"The mail server refused the message to '{letter.recipient}': {text}.")
        return RecipientDeferredError(
            f"The mail server does not accept the message to '{letter.recipient}' now: {text}. It is tried again."
        )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Translates errors of the session to errors that say what to do."""
        try:
            yield
        except smtplib.SMTPAuthenticationError as error:
            raise AccessDeniedError(
                f"The mail server {self._where} refused the login: {_text(error.smtp_code, error.smtp_error)}. Ask the "
                "operator to check the secret EmailSmtpSecretArn."
            ) from error
        except ssl.SSLCertVerificationError as error:
            raise DestinationRefusedError(
                f"The certificate of the mail server {self._where} is not valid ({error.verify_message}). Nothing was "
                "sent."
            ) from error
        except smtplib.SMTPNotSupportedError as error:
            raise DestinationRefusedError(
                f"The mail server {self._where} does not support what Resma requires ({error}). Nothing was sent. Ask "
                "the operator to check EmailSmtpTls and EmailSmtpSecretArn."
            ) from error
        except smtplib.SMTPResponseException as error:
            raise DestinationUnavailableError(
                f"The mail server {self._where} returned {_text(error.smtp_code, error.smtp_error)}. It is tried again."
            ) from error
        except (OSError, smtplib.SMTPException) as error:
            raise DestinationUnavailableError(
                f"The mail server {self._where} does not answer, or the connection broke "
                f"({str(error) or type(error).__name__}). It is tried again."
            ) from error


def _text(code: int, answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return f"{code} {shorten(' '.join(text.split()), _MAX_REPLY)}".rstrip(".")
