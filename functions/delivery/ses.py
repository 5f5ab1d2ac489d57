"""Sends e-mail with Amazon SES (API v1, `SendRawEmail`), one recipient per message."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from delivery.errors import (
    AccessDeniedError,
    DestinationRefusedError,
    DestinationUnavailableError,
    RecipientRefusedError,
)
from delivery.mail import MAX_MESSAGE_BYTES, Letter, MailSettings
from resma.aws.clients import ses_client

TENANT_TAG, DELIVERY_TAG = "resma-tenant", "resma-delivery"
"""Tags of a message, which its bounces and complaints have too. SES does not show them to recipients."""

_OVERLOADED = frozenset(
    {"Throttling", "ThrottlingException", "ServiceUnavailable", "InternalFailure", "RequestTimeout", "LimitExceeded"}
)
_NOT_ALLOWED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AccountSendingPausedException",
        "ConfigurationSetDoesNotExist",
        "ConfigurationSetDoesNotExistException",
        "ConfigurationSetSendingPausedException",
        "MailFromDomainNotVerifiedException",
        "MailFromDomainNotVerified",
        "ExpiredToken",
        "UnrecognizedClientException",
    }
)
_NOT_VERIFIED = ("not verified", "did not have authority")  # of SES, and of its simulation
_RECIPIENT = frozenset({"MessageRejected", "InvalidParameterValue"})


class SesMailer:
    """Sends messages by SES."""

    max_bytes = MAX_MESSAGE_BYTES

    def __init__(self, settings: MailSettings) -> None:
        self._settings = settings
        self._client = ses_client()

    def send(self, letter: Letter) -> str:
        """Sends a message, and returns the id that SES gives it. See `Mailer.send`."""
        more: dict[str, Any] = {}
        if self._settings.configuration_set:
            more["ConfigurationSetName"] = self._settings.configuration_set
        try:
            return self._client.send_raw_email(
                Source=self._settings.sender,
                Destinations=[letter.recipient],
                RawMessage={"Data": letter.content},
                Tags=[
                    {"Name": TENANT_TAG, "Value": letter.tenant_id},
                    {"Name": DELIVERY_TAG, "Value": letter.delivery_id},
                ],
                **more,
            )["MessageId"]
        except ClientError as error:
            code, detail = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
            if code in _OVERLOADED:
                raise DestinationUnavailableError(f"SES is overloaded ({code}). It is tried again.") from error
            if code in _NOT_ALLOWED or any(words in detail.lower() for words in _NOT_VERIFIED):
                raise AccessDeniedError(
                    f"SES does not accept messages of '{self._settings.sender}': {code}, {detail} Ask the operator to "
                    "check EmailSender, EmailIdentity and the account's state in SES."
                ) from error
            if code in _RECIPIENT:
                raise RecipientRefusedError(
                    f"SES refused the message to '{letter.recipient}': {code}, {detail}"
                ) from error
            raise DestinationRefusedError(f"SES returned {code}: {detail} It is tried again.") from error
        except BotoCoreError as error:
            raise DestinationUnavailableError(
                f"SES does not answer ({type(error).__name__}). It is tried again."
            ) from error

    def close(self) -> None:
        """Does nothing: the client is used again."""
