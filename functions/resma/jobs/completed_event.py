"""JSON models of the completion event: `Report Completed` on the bus and the topic, and the body of webhooks.

`outbox.describe_event` creates the JSON, and tests validate it against these models.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue

from resma.json_models import URI, ViewModel
from resma.writers import Format

EventType = Literal["report.ready", "report.failed", "report.cancelled", "report.skipped"]
"""Events that an endpoint can receive."""

_SHA256: dict[str, JsonValue] = {"pattern": "^[0-9a-f]{64}$"}
_AT_MIN_ONE: dict[str, JsonValue] = {"minimum": 1}


class _Part(ViewModel):
    model_config = ConfigDict(extra="forbid")


class EventFile(_Part):
    """One file of a READY report."""

    format: Format = Field(description="Format of the file.")
    media_type: str = Field(description="Media type of the file, such as `application/pdf`.")
    bytes: int = Field(description="Size of the file in bytes.")
    sha256: str = Field(description="SHA-256 of the file, in hexadecimal.", json_schema_extra=_SHA256)
    plain_sha256: str | None = Field(
        default=None,
        description="SHA-256 of the file after decryption. Absent if it is not encrypted by OpenPGP.",
        json_schema_extra=_SHA256,
    )
    download: str = Field(
        description="URL that redirects to a presigned URL of the file. It needs an API key or token.",
        json_schema_extra=URI,
    )


class EventFailedFile(_Part):
    """A file that could not be made because its format cannot hold a value. `column` and `row` can be absent."""

    format: Format = Field(description="Format of the file.")
    code: str = Field(description="Stable code of the error, for programs.")
    detail: str = Field(description="What is wrong, and what to do.")
    column: str | None = Field(default=None, description="Name of the column that the value is in.")
    row: int | None = Field(
        default=None, description="Number of the first such row, from 1.", json_schema_extra=_AT_MIN_ONE
    )


class EventWarning(_Part):
    """Something that readers of a READY report should know. Only `code` and `detail` are always present."""

    code: str = Field(description="Stable code of the warning, for programs.")
    detail: str = Field(description="The warning in words.")
    format: Format | None = Field(default=None, description="Format of the file that it is about; absent: all files.")
    column: str | None = Field(default=None, description="Name of the column that it is about.")
    row: int | None = Field(
        default=None,
        description="Number of the first row that it is about, from 1.",
        json_schema_extra=_AT_MIN_ONE,
    )
    rows: int | None = Field(
        default=None, description="Number of rows that it is about.", json_schema_extra=_AT_MIN_ONE
    )
    files: int | None = Field(
        default=None,
        description="Number of files of a split report that it is about.",
        json_schema_extra=_AT_MIN_ONE,
    )
    file: int | None = Field(
        default=None,
        description="Number of the first file of a split report that it is about.",
        json_schema_extra=_AT_MIN_ONE,
    )


class EventTotal(_Part):
    """Number of rows and total amounts of one currency, or of all rows."""

    currency: str | None = Field(
        description="Currency, as in the rows; null if the report type has no currencies, for the total of all rows."
    )
    rows: int = Field(description="Number of rows in this currency.")
    amounts: dict[str, str] = Field(
        description="Sum of each amount, by the name of its column, as a decimal string so that no digit is lost."
    )


class EventBalance(_Part):
    """Balance of an account before the first row and after the last one, as decimal strings."""

    opening: str = Field(description="Balance before the first row.")
    closing: str = Field(description="Balance after the last row.")


class EventSplitObject(_Part):
    """The manifest or the ZIP archive of a split report."""

    bytes: int = Field(description="Size of the object in bytes.")
    sha256: str = Field(description="SHA-256 of the object, in hexadecimal.", json_schema_extra=_SHA256)
    download: str = Field(
        description="URL that redirects to a presigned URL of the object. It needs an API key or token.",
        json_schema_extra=URI,
    )


class EventSplit(_Part):
    """Keys and manifest of a split report, which has a file in each format for each key."""

    by: list[str] = Field(min_length=1, description="Columns by which the report is split.")
    keys: int | None = Field(description="Number of keys; null if the report ended before they were counted.")
    files: int = Field(ge=0, description="Number of files that are stored, in all formats; 0 if it was cancelled.")
    files_failed: int = Field(ge=0, description="Number of files that could not be generated.")
    manifest: EventSplitObject | None = Field(description="Manifest of a READY report; null for others.")
    zip: EventSplitObject | None = Field(description="ZIP archive of a READY report, if it was requested.")


class EventRowPair(_Part):
    """Number of rows of a currency in the report, and in the result of the control query."""

    report: int = Field(description="Number of rows in the report.")
    control: int = Field(description="Number of rows in the result of the control query.")


class EventAmountPair(_Part):
    """Sum of an amount in the report, and in the result of the control query, as decimal strings."""

    report: str = Field(description="Sum in the report.")
    control: str = Field(description="Value in the result of the control query.")


class EventControlTotal(_Part):
    """Figures of one currency, or of all rows, in the report and in the result of the control query."""

    currency: str | None = Field(description="Currency, as in the rows; null if the report type has no currencies.")
    rows: EventRowPair | None = Field(description="Numbers of rows; null if the control query does not count rows.")
    amounts: dict[str, EventAmountPair] = Field(description="Sums of each amount, by the name of its column.")


class EventError(_Part):
    """Error that a FAILED report ended with."""

    code: str = Field(description="Stable code of the error, for programs.")
    detail: str | None = Field(description="What is wrong, and what to do, for people.")


class EventSkippedReason(_Part):
    """Condition of the request that the data of a SKIPPED report do not meet."""

    code: str = Field(description="Stable code of the condition, for programs.")
    detail: str = Field(description="The limit and the value, for people.")


class EventLinks(_Part):
    """URLs of the report. They need an API key or token."""

    report: str = Field(description="URL of the report's status.", json_schema_extra=URI)
    download: str = Field(
        description="URL that redirects to the first file, or to the manifest of a split report.",
        json_schema_extra=URI,
    )


class EventData(_Part):
    """The report that has ended."""

    tenant_id: str = Field(description="Id of the tenant.")
    report_id: UUID = Field(description="Id of the report.")
    type: str = Field(description="Report type.")
    format: Format = Field(description="Format of the first file; the first of `formats` if there is no file.")
    formats: list[Format] = Field(min_length=1, description="Formats that were requested.")
    status: Literal["READY", "FAILED", "CANCELLED", "SKIPPED"] = Field(description="Status that the report ended with.")
    expires_at: datetime | None = Field(description="When the files are deleted; null unless READY.")
    as_of: datetime | None = Field(description="Timestamp of the database snapshot that the files show.")
    rows: int | None = Field(description="Number of rows in each file; null unless READY.")
    bytes: int | None = Field(description="Size of the first file in bytes; null unless READY.")
    sha256: str | None = Field(
        description="SHA-256 of the first file, in hexadecimal; null unless READY.", json_schema_extra=_SHA256
    )
    signed_by: str | None = Field(
        description="Fingerprint of the OpenPGP key that the files of a READY report are signed with, in capital "
        "letters; null: they are not signed.",
        json_schema_extra={"pattern": "^([0-9A-F]{40}|[0-9A-F]{64})$"},
    )
    files: list[EventFile] = Field(description="Files of a READY report, in the order of `formats`.")
    split: EventSplit | None = Field(
        description="Keys and manifest of a split report, whose `files` are empty; null for other reports."
    )
    failed_files: list[EventFailedFile] = Field(
        description="Files that could not be made in their format, with the reason. A READY report has at least one "
        "other file."
    )
    warnings: list[EventWarning] = Field(description="What readers of a READY report should know.")
    totals: list[EventTotal] | None = Field(
        max_length=50, description="Totals by currency, the largest by rows, at most 50."
    )
    totals_omitted: int = Field(
        ge=0,
        description="Number of further currencies, whose totals are in `GET /api/v1/reports/{reportId}/summary`.",
    )
    balance: EventBalance | None = Field(description="Opening and closing balance of an account statement.")
    control_totals: list[EventControlTotal] | None = Field(
        max_length=20,
        description="Result of the control query beside the report's totals, at most 20 currencies. It is equal to the "
        "totals, unless the report FAILED as `control-mismatch`; those that differ are then first. Null if the report "
        "has no control query, or it has not run.",
    )
    error: EventError | None = Field(description="Error that a FAILED report ended with.")
    skipped_reason: EventSkippedReason | None = Field(
        description="Why the report is SKIPPED: the condition in `onlyIf` that its data do not meet; otherwise null."
    )
    links: EventLinks = Field(description="URLs of the report.")


class ReportCompleted(_Part):
    """A report has ended. The event is delivered at least once: `id` identifies a repetition."""

    id: str = Field(
        pattern="^evt_[0-9a-f]{32}(_[1-9][0-9]*)?$",
        description="Id of the event. A report has one, and another one for each time that it was redriven.",
    )
    type: EventType = Field(description="How the report ended.")
    timestamp: datetime = Field(description="When the report ended.")
    data: EventData = Field(description="The report that has ended.")


class WebhookEventFile(EventFile):
    """One file of a READY report, with a presigned URL."""

    download_url: str | None = Field(
        default=None,
        description="Presigned URL of the file. Absent for registered endpoints if the report shows personal data.",
        json_schema_extra=URI,
    )


class WebhookSplitObject(EventSplitObject):
    """The manifest or the ZIP archive of a split report, with a presigned URL."""

    download_url: str | None = Field(
        default=None,
        description="Presigned URL of the object. Absent for registered endpoints if the report shows personal data.",
        json_schema_extra=URI,
    )


class WebhookSplit(EventSplit):
    """Keys and manifest of a split report, with presigned URLs."""

    manifest: WebhookSplitObject | None = Field(description="Manifest of a READY report; null for others.")
    zip: WebhookSplitObject | None = Field(description="ZIP archive of a READY report, if it was requested.")


class WebhookEventData(EventData):
    """The report that has ended, with presigned URLs of its files."""

    files: list[WebhookEventFile] = Field(description="Files of a READY report, in the order of `formats`.")  # type: ignore[assignment]
    split: WebhookSplit | None = Field(
        description="Keys and manifest of a split report, whose `files` are empty; null for other reports."
    )
    download_url: str | None = Field(
        default=None,
        description="Presigned URL of the first file, or of the manifest of a split report.",
        json_schema_extra=URI,
    )
    download_url_seconds: int | None = Field(
        default=None, description="Seconds for which the presigned URLs are valid, from the attempt on."
    )


class WebhookEvent(ReportCompleted):
    """A report has ended. A webhook is sent at least once: `id`, which is also the header `webhook-id`, identifies a
    repetition.
    """

    data: WebhookEventData = Field(description="The report that has ended.")
