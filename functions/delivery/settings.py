"""Settings of the delivery function."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from delivery.mail import MailSettings, SmtpTls
from resma.destinations.settings import DestinationRuleSettings
from resma.settings import LOCAL_STAGE, TenantSettings


class DeliverySettings(TenantSettings, DestinationRuleSettings):
    """Environment variables that template.yaml sets."""

    s3_credentials_secret_arn: str | None = None
    public_base_url: str = ""
    """URL of the API, below which the console is."""
    email_sender: str = ""
    email_sender_name: str = ""
    email_configuration_set: str | None = None
    email_smtp_host: str = ""
    email_smtp_port: int = 587
    email_smtp_tls: SmtpTls = "STARTTLS"
    email_smtp_secret_arn: str | None = None

    @model_validator(mode="after")
    def _has_sender(self) -> Self:
        if self.email_transport != "NONE" and not self.email_sender:
            raise ValueError("EMAIL_TRANSPORT requires EMAIL_SENDER.")
        if self.email_transport == "SMTP" and not self.email_smtp_host:
            raise ValueError("EMAIL_TRANSPORT SMTP requires EMAIL_SMTP_HOST.")
        if self.email_transport == "SMTP" and self.email_smtp_tls == "NONE" and self.stage != LOCAL_STAGE:
            raise ValueError("EMAIL_SMTP_TLS may be NONE on the stage local only.")
        return self

    @property
    def mail(self) -> MailSettings:
        """How e-mail is sent."""
        return MailSettings(
            transport=self.email_transport,
            sender=self.email_sender,
            sender_name=self.email_sender_name,
            configuration_set=self.email_configuration_set,
            smtp_host=self.email_smtp_host,
            smtp_port=self.email_smtp_port,
            smtp_tls=self.email_smtp_tls,
            smtp_secret=self.email_smtp_secret_arn,
            public_base_url=self.public_base_url,
        )
