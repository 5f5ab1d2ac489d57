"""JSON models of destinations and of deliveries of files."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from aws_lambda_powertools.event_handler.openapi.params import Path
from pydantic import AfterValidator, ConfigDict, Field

from api.reports.split_models import SHA256_SCHEMA
from resma.destinations.kinds import DestinationKind, settings_schema
from resma.destinations.recipients import RecipientStatus
from resma.destinations.request_check import DESTINATION_ID
from resma.encryption.certificate_ids import CertificateIds
from resma.json_models import SINGLE_LINE, SINGLE_LINE_SCHEMA, URI, RequestModel, ViewModel
from resma.request_errors import DestinationNotFoundError, FileDeliveryNotFoundError

FileDeliveryStatus = Literal["PENDING", "DELIVERED", "FAILED"]

_DELIVERY_ID = r"^dlv_[0-9a-f]{32}$"


def _require_destination_id(text: str) -> str:
    if re.fullmatch(DESTINATION_ID, text, re.ASCII) is None:
        raise DestinationNotFoundError(
            "This is not the id of a destination. GET /api/v1/destinations lists your destinations."
        )
    return text


def _require_delivery_id(text: str) -> str:
    if re.fullmatch(_DELIVERY_ID, text, re.ASCII) is None:
        raise FileDeliveryNotFoundError(
            "This is not the id of a delivery. GET /api/v1/destinations/{id}/deliveries lists the deliveries of a "
            "destination."
        )
    return text


def _describe_settings(schema: dict[str, Any]) -> None:
    """Replaces the schema of any object by that of the settings of all kinds."""
    description = schema.get("description")
    schema.clear()
    schema.update(settings_schema())
    schema["description"] = description


DestinationId = Annotated[
    str,
    AfterValidator(_require_destination_id),
    Path(description="Id of the destination.", json_schema_extra={"pattern": DESTINATION_ID}),
]
DeliveryId = Annotated[
    str,
    AfterValidator(_require_delivery_id),
    Path(description="Id of the delivery.", json_schema_extra={"pattern": _DELIVERY_ID}),
]
_Name = Annotated[
    str,
    Field(min_length=1, max_length=100, json_schema_extra=SINGLE_LINE_SCHEMA, description="Name of the destination."),
    SINGLE_LINE,
]
_Settings = Annotated[
    dict[str, Any],
    Field(
        json_schema_extra=_describe_settings,
        description="Settings of the kind, without secrets. They are replaced as a whole.",
    ),
]
_EncryptFor = Annotated[
    CertificateIds | None,
    Field(
        description="Ids of OpenPGP certificates. Reports that are delivered here, and test files, are encrypted for "
        "them and for those that the request names. `GET /api/v1/certificates` lists them. Null: none.",
    ),
]
_EXAMPLE: dict[str, Any] = {
    "name": "Partner's bucket",
    "kind": "S3",
    "settings": {
        "bucket": "partner-reports",
        "region": "sa-east-1",
        "roleArn": "arn:aws:iam::111122223333:role/resma-delivery",
        "path": "resma/{type}/{date}/{file}",
    },
}


class DestinationRequest(RequestModel):
    """A destination to create."""

    model_config = ConfigDict(title="CreateDestinationRequest", json_schema_extra={"examples": [_EXAMPLE]})

    name: _Name
    kind: DestinationKind = Field(
        description="Kind of the destination. `S3`: a bucket. `SFTP`: a folder of an SSH server. "
        "`EMAIL`: recipients of e-mail."
    )
    settings: _Settings
    encrypt_for: _EncryptFor = None


class DestinationChanges(RequestModel):
    """Changes of a destination. A property that is omitted keeps its value."""

    model_config = ConfigDict(title="UpdateDestinationRequest", json_schema_extra={"examples": [{"enabled": False}]})

    name: _Name = ""
    settings: _Settings = Field(default_factory=dict)
    encrypt_for: _EncryptFor = None
    enabled: bool = Field(
        strict=True,
        default=True,
        description="Whether files are delivered. Disabling the destination ends its pending deliveries. They are not "
        "repeated when it is enabled again; replay them instead.",
    )


class LastFileDelivery(ViewModel):
    """The attempt at a destination that ended last."""

    started_at: datetime = Field(description="When it started.")
    outcome: str = Field(description="`DELIVERED`, `CONTINUED` in another invocation, or `FAILED`.")
    error_code: str | None = Field(description="Stable code of the error, for programs; null unless it failed.")
    error_detail: str | None = Field(description="What is wrong, and what to do.")


class DestinationView(ViewModel):
    """A destination of files."""

    id: str = Field(description="Id of the destination, for `deliverTo` in requests.")
    name: str = Field(description="Name of the destination.")
    kind: DestinationKind = Field(description="Kind of the destination.")
    settings: _Settings
    encrypt_for: list[str] | None = Field(
        description="Ids of the OpenPGP certificates that reports which are delivered here, and test files, are "
        "encrypted for; null: none."
    )
    url: str = Field(description="URL of the place where files go, such as `s3://partner-reports`.")
    external_id: str = Field(
        description="External id with which roles are assumed. The trust policy of the role must require it."
    )
    name_prefix: str = Field(
        description="Start of the names of all files that Resma adds: the id of the tenant, if its own identity writes "
        "to the bucket; otherwise empty."
    )
    accepts_personal_data: bool = Field(
        description="Whether files with personal data may go there: a caller with the scope `personal:read` wrote the "
        "settings and `encryptFor`."
    )
    enabled: bool = Field(description="Whether files are delivered.")
    disabled_at: datetime | None = Field(description="When the destination was disabled.")
    created_at: datetime = Field(description="When the destination was created.")
    created_by: str = Field(description="Caller that created it, like `subject` of `GET /api/v1/me`.")
    updated_at: datetime = Field(description="When it was changed last.")
    updated_by: str = Field(description="Caller that changed it last.")
    failing: bool = Field(default=False, description="Whether the last attempt failed.")
    last_attempt: LastFileDelivery | None = Field(
        default=None,
        description="Attempt that ended last. Null before the first one, and in responses to requests that change the "
        "destination.",
    )


class DestinationList(ViewModel):
    """All destinations, oldest first."""

    items: list[DestinationView] = Field(description="Destinations.")


class DeliveredFileView(ViewModel):
    """A file of a delivery."""

    model_config = ConfigDict(title="DeliveredFile")

    position: int = Field(description="Position of the file in the delivery, from 1.")
    name: str = Field(description="Name at the destination. It is the same in each attempt and replay.")
    bytes: int = Field(description="Size of the file in bytes.")
    sha256: str = Field(description="SHA-256 of the file, in hexadecimal.", json_schema_extra=SHA256_SCHEMA)
    delivered_at: datetime | None = Field(description="When the file was complete there; null: not yet.")


class FileDeliveryAttemptView(ViewModel):
    """One attempt of a delivery. Without an outcome it is in progress or was interrupted."""

    model_config = ConfigDict(title="FileDeliveryAttempt")

    attempt: int = Field(description="Number of the attempt, from 1.")
    started_at: datetime = Field(description="When the attempt started.")
    milliseconds: int | None = Field(description="Duration of the attempt in milliseconds.")
    outcome: Literal["DELIVERED", "CONTINUED", "FAILED"] | None = Field(
        description="`CONTINUED`: the time of the invocation was up, and the next attempt continues."
    )
    error_code: str | None = Field(description="Stable code of the error, for programs.")
    error_detail: str | None = Field(description="What is wrong, and what to do.")


class DeliveryRecipientView(ViewModel):
    """What became of the message to a recipient."""

    model_config = ConfigDict(title="DeliveryRecipient")

    address: str = Field(description="Address of the recipient.")
    status: RecipientStatus = Field(
        description="`ACCEPTED` by the mail server, which does not mean that it has arrived; `DEFERRED`: refused for "
        "now, and sent again; `REFUSED` for good; `SUPPRESSED`: not sent, because an earlier message has bounced or "
        "the recipient complained; `BOUNCED` or `COMPLAINED` after it was accepted."
    )
    message_id: str | None = Field(description="Id of the message at the mail server; null unless it was accepted.")
    detail: str | None = Field(description="Answer of the mail server.")
    updated_at: datetime = Field(description="When the status was recorded.")


class FileDeliveryReplayView(ViewModel):
    """A request to replay a delivery."""

    model_config = ConfigDict(title="FileDeliveryReplay")

    requested_at: datetime = Field(description="When the replay was requested.")
    requested_by: str = Field(description="Caller that requested it, like `subject` of `GET /api/v1/me`.")
    requested_from: str | None = Field(description="IP address of the caller.")


class FileDeliveryLinks(ViewModel):
    """URLs of a delivery."""

    self_: str = Field(alias="self", description="URL of the delivery.", json_schema_extra=URI)
    report: str | None = Field(description="URL of the report; null for a test file.", json_schema_extra=URI)
    replay: str = Field(description="URL to which a POST request replays the delivery.", json_schema_extra=URI)


class FileDeliveryView(ViewModel):
    """Delivery of the files of a report, or of a test file, to a destination."""

    id: str = Field(description="Id of the delivery.")
    destination_id: str = Field(description="Id of the destination.")
    destination_name: str | None = Field(description="Name of the destination; null if it was deleted.")
    report_id: UUID | None = Field(description="Id of the report; null for a test file.")
    status: FileDeliveryStatus = Field(description="Status of the delivery. `PENDING` deliveries are attempted again.")
    ended_reason: str | None = Field(
        description="Reason why the delivery is FAILED: `attempts-exhausted`, `destination-disabled`, "
        "`destination-deleted`, or the code of an error that another attempt would meet again, such as `name-exists`."
    )
    created_at: datetime = Field(description="When the report became READY, or the test was requested.")
    next_attempt_at: datetime | None = Field(
        description="When the next attempt of a PENDING delivery is due. It starts within a minute of that time."
    )
    delivered_at: datetime | None = Field(description="When the last file was complete at the destination.")
    files_delivered: int = Field(description="Number of files that are complete at the destination.")
    bytes_delivered: int = Field(description="Size of these files in bytes.")
    files: list[DeliveredFileView] = Field(
        description="Files whose delivery has started, in their order: at most 100. The manifest of a split report "
        "is the last file."
    )
    attempts: list[FileDeliveryAttemptView] = Field(description="Attempts so far, oldest first.")
    recipients: list[DeliveryRecipientView] = Field(
        description="Recipients of a delivery by e-mail, by address; empty for other kinds."
    )
    replays: list[FileDeliveryReplayView] = Field(description="Requests to replay the delivery.")
    links: FileDeliveryLinks = Field(description="URLs of the delivery.")


class FileDeliveryList(ViewModel):
    """A page of deliveries."""

    items: list[FileDeliveryView] = Field(description="Deliveries of this page.")
    next: str | None = Field(
        default=None, description="URL of the next page; null on the last page.", json_schema_extra=URI
    )
