"""JSON models of the access log."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict, Field

from resma.json_models import URI, ViewModel

AccessAction = Literal[
    "REQUESTED",
    "RUN_STARTED",
    "CANCELLED",
    "REDRIVEN",
    "LINK_CREATED",
    "WEBHOOK_SENT",
    "WEBHOOK_REPLAYED",
    "DELIVERY_ATTEMPTED",
    "FILE_DELIVERED",
    "DELIVERY_REPLAYED",
    "EMAIL_SENT",
    "EMAIL_REPORTED",
    "HOLD_PLACED",
    "HOLD_RELEASED",
    "FILES_DELETED",
    "DELETED",
]


class AccessEntryView(ViewModel):
    """One entry of the access log of a report: who did what, when and from where."""

    model_config = ConfigDict(title="AccessLogEntry")

    occurred_at: datetime = Field(description="When it happened.")
    action: AccessAction = Field(
        description="`REQUESTED`: the report was requested. `RUN_STARTED`: a caller started the run of its schedule. "
        "`CANCELLED`, `FILES_DELETED`, `DELETED`. `REDRIVEN`: the report was continued after it failed. "
        "`LINK_CREATED`: a presigned URL of a file was created for a download. `WEBHOOK_SENT`: a webhook was sent. "
        "`WEBHOOK_REPLAYED`: a caller requested to send it again. `DELIVERY_ATTEMPTED`: an attempt to deliver the "
        "files to a destination. `FILE_DELIVERED`: a file was complete at a destination for the first time. "
        "`DELIVERY_REPLAYED`: a caller requested to deliver the files again. `EMAIL_SENT`: a message was sent to a "
        "recipient, or could not be. `EMAIL_REPORTED`: a bounce of that message or a complaint was reported. "
        "`HOLD_PLACED`, `HOLD_RELEASED`: a legal hold of the report."
    )
    subject: str | None = Field(
        description="Who did it: `key:`, `schedule:`, `event:`, `webhook:` or `destination:` and an id, `token:` and "
        "its subject, or `loopback`. Without the scope `personal:read`, the subject of another caller's token is "
        "masked. Null if it was not recorded."
    )
    key_id: str | None = Field(description="Id of the API key that was used; null for other callers.")
    key_name: str | None = Field(description="Current name of that API key.")
    ip_address: str | None = Field(
        description="IP address of the caller, which is masked without the scope `personal:read`. Null if it is not "
        "recorded for this action."
    )
    format: str | None = Field(
        description="Requested formats, or the format of the downloaded file: also `MANIFEST`, `LIST` and `ZIP`."
    )
    object_key: str | None = Field(
        description="Key of the downloaded object in the bucket, as access logs of the bucket name it."
    )
    link_expires_at: datetime | None = Field(description="When the presigned URL expires.")
    endpoint_id: str | None = Field(description="Webhook endpoint that the webhook was sent to, or `callback`.")
    url: str | None = Field(description="URL of that endpoint. The part after `?` is shown as `?…`.")
    secret_version: int | None = Field(
        description="Version of the secret of that endpoint that the webhook was signed with. During a rotation, it "
        "was also signed with the previous version. Null for earlier records."
    )
    status_code: int | None = Field(description="HTTP status of the response to the webhook.")
    outcome: Literal["SUCCEEDED", "FAILED", "CONTINUED", "PENDING"] = Field(
        description="Outcome of the action. `CONTINUED`: the time of the invocation was up, and the next attempt "
        "continues the delivery. `PENDING`: the webhook or the delivery is in progress, or its function crashed."
    )
    detail: str | None = Field(
        description="Why the webhook or the delivery failed, the reason of a redrive or a legal hold, or the "
        "schedule of a run."
    )
    kms_key: str | None = Field(
        description="ARN of the KMS key that encrypts the files of the report in the bucket. Null if the encryption is "
        "that of the bucket, before the report is generated, and if it was deleted."
    )
    pdf_encrypted: bool | None = Field(
        description="Whether the PDF files of the report are encrypted with a password. Null if the report was deleted."
    )
    destination_id: str | None = Field(description="Destination that the files were delivered to.")
    destination_name: str | None = Field(description="Current name of that destination; null if it was deleted.")
    file_name: str | None = Field(description="Name of the delivered file at the destination.")
    error_code: str | None = Field(description="Stable code of the error of a delivery, for programs.")
    recipient: str | None = Field(
        description="Address of the recipient of a message by e-mail. Without the scope `personal:read`, the part "
        "before `@` is masked, also in `detail`."
    )
    encrypted_for: list[str] | None = Field(
        description="Fingerprints of the OpenPGP certificates that the files of the report are encrypted for. Null if "
        "they are not encrypted, before the report is generated, and if it was deleted."
    )
    signed_by: str | None = Field(
        description="Fingerprint of the OpenPGP key that they are signed with. Null like `encryptedFor`, and if your "
        "tenant has no such key."
    )


class AccessLog(ViewModel):
    """A page of the access log of a report, newest first."""

    model_config = ConfigDict(title="AccessLog")

    items: list[AccessEntryView] = Field(description="Entries of this page.")
    next: str | None = Field(description="URL of the next page; null on the last page.", json_schema_extra=URI)
