"""The mailer that the operator has chosen."""

from __future__ import annotations

from delivery.errors import SettingsNotAllowedError
from delivery.mail import Mailer, MailSettings
from delivery.ses import SesMailer
from delivery.smtp import SmtpMailer


def open_mailer(settings: MailSettings) -> Mailer:
    """Opens the mailer of the deployment; the caller closes it. Raises DeliveryError."""
    if settings.transport == "SES":
        return SesMailer(settings)
    if settings.transport == "SMTP":
        return SmtpMailer(settings)
    raise SettingsNotAllowedError("This deployment does not send e-mail. Ask its operator to set EmailTransport.")
