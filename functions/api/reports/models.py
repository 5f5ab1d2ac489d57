"""JSON models of reports."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue

from api.reports.progress import Stage
from api.reports.split_models import SHA256_SCHEMA, SplitView
from resma.jobs.conditions import SkipCode
from resma.json_models import URI, ViewModel
from resma.report.status import Status
from resma.writers import Format

DECIMAL_SCHEMA: dict[str, JsonValue] = {"examples": ["25081481.59"]}
"""JSON Schema of amounts. They are strings so that no digit is lost, and can be `NaN` or `Infinity`."""


class ProgressView(ViewModel):
    """Progress of a report. `rowsExpected` and `percent` are known once the snapshot has been counted."""

    model_config = ConfigDict(title="ReportProgress")

    rows_done: int = Field(description="Number of rows written so far.")
    rows_expected: int | None = Field(description="Number of rows in the snapshot; null until it has been counted.")
    percent: float | None = Field(description="Percentage of the rows that are written, from 0 to 100.")
    stage: Stage | None = Field(
        default=None,
        description="`waiting` for a worker, `counting` the snapshot, `writing` rows, or `publishing` the files; null "
        "for a report that has ended.",
    )
    eta_seconds: float | None = Field(
        default=None,
        description="Estimated seconds until the report is READY, from the speed of this attempt or, while the "
        "report is queued, from your recent reports. Null if it cannot be estimated, and for queued reports in lists.",
    )
    queue_position: int | None = Field(
        default=None,
        description="Number of your own reports that are ahead of this one while it is queued; 0 is next. Workers are "
        "shared with other tenants, whose reports are not counted. Null in lists.",
    )


class TotalView(ViewModel):
    """Number of rows and total amounts of one currency, or of all rows."""

    model_config = ConfigDict(title="Total")

    currency: str | None = Field(
        description="Currency, as in the rows; null if the report type has no currencies, for the total of all rows."
    )
    rows: int = Field(description="Number of rows in this currency.")
    amounts: dict[str, Annotated[str, Field(json_schema_extra=DECIMAL_SCHEMA)]] = Field(
        description="Sum of each amount, by the name of its column, as a decimal string so that no digit is lost.",
    )


class CostView(ViewModel):
    """Cost of a report in US dollars by list prices. Amounts are decimal strings so that no digit is lost."""

    model_config = ConfigDict(title="ReportCost")

    total: str = Field(description="Sum of the other amounts.")
    lambda_: str = Field(alias="lambda", description="The worker's memory times its duration, for all attempts.")
    s3: str = Field(description="Requests to the object store, and storage of the files until they expire.")
    requests: str = Field(description="All other charges per request: invocations, messages, events, keys.")
    prices: str = Field(description="Region and month of the price list.")


class MetricsView(ViewModel):
    """Measurements of a finished report."""

    model_config = ConfigDict(title="ReportMetrics")

    seconds: dict[str, float] = Field(
        description="Durations in the last attempt by stage: `write` consists of `read`, `encode`, `upload` and "
        "`save`; `generate` is the whole attempt; `queued` is the time before it."
    )
    rows_per_second: int = Field(description="Number of rows divided by the duration of `generate`.")
    peak_rss_mb: float = Field(description="Largest resident memory of the worker, in megabytes.")
    parts: int = Field(description="Number of parts that the files were uploaded in.")
    snapshots: int = Field(
        default=1,
        description="Number of database snapshots that the rows were read from: more than one if the report was "
        "resumed. Each held the same data as the first, as of `asOf`.",
    )
    keys: int | None = Field(default=None, description="Number of keys of a split report; null for other reports.")
    files: int | None = Field(default=None, description="Number of stored files of a split report.")
    files_per_second: int | None = Field(
        default=None,
        description="Files of a split report that all workers stored per second, in the last attempt of the "
        "coordinator.",
    )
    workers: int | None = Field(default=None, description="Number of workers that generated a split report.")
    cost_usd: CostView | None = Field(
        default=None,
        description="Cost of all attempts as far as it is known, without the database, data transfer, API requests "
        "and webhooks. Null for reports from before it was measured.",
    )


class ErrorView(ViewModel):
    """Error of the last attempt. If the report is PENDING, another attempt follows."""

    model_config = ConfigDict(title="ReportError")

    code: str = Field(description="Stable code of the error, for programs.")
    detail: str = Field(description="What is wrong and what to do, for people.")


class WaitingFor(ViewModel):
    """Dependency that a PENDING report waits for. Waiting uses up no attempt."""

    dependency: Literal["object-store", "secrets", "source-database"] = Field(
        description="What is unavailable: the store of finished files, Secrets Manager, or the database that "
        "reports read."
    )
    since: datetime = Field(
        description="When the report started to wait. It is FAILED with `dependency-unavailable` after the limit of "
        "the deployment, which is six hours by default."
    )
    next_attempt_at: datetime = Field(description="Earliest time of the next attempt.")
    detail: str = Field(description="Last error, for people.")


class Links(ViewModel):
    """URLs that are valid for the report's lifetime."""

    model_config = ConfigDict(title="ReportLinks")

    self_: str = Field(alias="self", description="URL of the report's status.", json_schema_extra=URI)
    download: str | None = Field(
        description="URL that redirects to the first file, or to the manifest of a split report; null: no file.",
        json_schema_extra=URI,
    )


class BalanceView(ViewModel):
    """Balance of an account before the first row and after the last one, as decimal strings."""

    model_config = ConfigDict(title="AccountBalance")

    opening: str = Field(description="Balance before the first row.", json_schema_extra=DECIMAL_SCHEMA)
    closing: str = Field(description="Balance after the last row.", json_schema_extra=DECIMAL_SCHEMA)


class RowPairView(ViewModel):
    """Number of rows of a currency in the report, and in the result of the control query."""

    model_config = ConfigDict(title="RowPair")

    report: int = Field(description="Number of rows in the report.")
    control: int = Field(description="Number of rows in the result of the control query.")


class AmountPairView(ViewModel):
    """Sum of an amount in the report, and in the result of the control query, as decimal strings."""

    model_config = ConfigDict(title="AmountPair")

    report: str = Field(description="Sum in the report.", json_schema_extra=DECIMAL_SCHEMA)
    control: str = Field(description="Value in the result of the control query.", json_schema_extra=DECIMAL_SCHEMA)


class ControlTotalView(ViewModel):
    """Figures of one currency, or of all rows, in the report and in the result of the control query."""

    model_config = ConfigDict(title="ControlTotal")

    currency: str | None = Field(description="Currency, as in the rows; null if the report type has no currencies.")
    rows: RowPairView | None = Field(description="Numbers of rows; null if the control query does not count rows.")
    amounts: dict[str, AmountPairView] = Field(description="Sums of each amount, by the name of its column.")


ControlTotals = Annotated[
    list[ControlTotalView] | None,
    Field(
        description="Result of the control query beside the report's totals, at most 20 currencies. It is equal to the "
        "totals, unless the report FAILED as `control-mismatch`; those that differ are then first. Null if the report "
        "has no control query, or it has not run."
    ),
]


class FileView(ViewModel):
    """One file of a finished report."""

    model_config = ConfigDict(title="ReportFile")

    format: Format = Field(description="Format of the file.")
    media_type: str = Field(description="Media type of the file, such as `application/pdf`.")
    bytes: int = Field(description="Size of the file in bytes.")
    sha256: str = Field(description="SHA-256 of the file, in hexadecimal.", json_schema_extra=SHA256_SCHEMA)
    plain_sha256: str | None = Field(
        default=None,
        description="SHA-256 of the file after decryption; null if it is not encrypted by OpenPGP.",
        json_schema_extra=SHA256_SCHEMA,
    )
    pages: int | None = Field(default=None, description="Number of pages of a PDF; null for other formats.")
    download: str = Field(
        description="URL that redirects to a presigned URL of the file. It needs an API key or token.",
        json_schema_extra=URI,
    )


class FailedFileView(ViewModel):
    """A file that could not be generated because its format cannot hold a value. The other files are delivered."""

    model_config = ConfigDict(title="FailedReportFile")

    format: Format = Field(description="Format of the file.")
    code: str = Field(description="Stable code of the error, for programs.")
    detail: str = Field(description="What is wrong and what to do.")
    column: str | None = Field(default=None, description="Name of the column that the value is in.")
    row: int | None = Field(
        default=None, description="Number of the first row with such a value, from 1, without headings."
    )


class WarningView(ViewModel):
    """Warning for readers of a finished report."""

    model_config = ConfigDict(title="ReportWarning")

    code: str = Field(description="Stable code of the warning, for programs.")
    detail: str = Field(description="The warning in words.")
    format: Format | None = Field(default=None, description="Format of the file with the problem; null: all files.")
    column: str | None = Field(default=None, description="Name of the column with the problem.")
    row: int | None = Field(default=None, description="Number of the first row with the problem, from 1.")
    rows: int | None = Field(default=None, description="Number of rows with the problem.")
    files: int | None = Field(
        default=None, description="Number of files of a split report with the problem; null for other reports."
    )
    file: int | None = Field(default=None, description="Number of the first file of a split report with the problem.")


class SkippedReasonView(ViewModel):
    """Condition in `onlyIf` that the data of a report do not meet."""

    model_config = ConfigDict(title="SkippedReason")

    code: SkipCode = Field(description="Stable code of the condition, for programs.")
    detail: str = Field(description="The limit and the value, for people.")


class ReportView(ViewModel):
    """A report: what was requested, its status, and its files once it is READY."""

    id: UUID = Field(description="Id of the report.")
    type: str = Field(description="Report type.")
    format: Format = Field(description="Format of the first file; the first of `formats` until there is a file.")
    formats: list[Format] = Field(description="Formats that were requested.")
    filters: dict[str, Any] = Field(description="Filters that were requested.")
    columns: list[str] | None = Field(description="Columns that were requested, in order; null: all columns.")
    locale: str = Field(description="Locale of the files: language, and formats of dates and numbers.")
    time_zone: str = Field(description="IANA name of the time zone of dates and timestamps.")
    title: str | None = Field(description="Title that was requested; null: the title of the report type.")
    options: dict[str, Any] = Field(
        description="Options by format, for the formats that were requested, with defaults filled in."
    )
    pdf_encrypted: bool = Field(
        description="Whether PDF files are encrypted with a password that was requested, which is not shown."
    )
    split_by: list[str] | None = Field(
        description="Columns by which the report is split into a file for each key; null: one file in each format."
    )
    zip: bool = Field(description="Whether a ZIP archive of all files of a split report was requested.")
    callback_url: str | None = Field(
        description="Callback URL of the request. The part after `?` can be a secret and is shown as `?…`."
    )
    deliver_to: list[str] | None = Field(
        default=None,
        description="Destinations that the files are delivered to; null: none. "
        "`GET /api/v1/reports/{reportId}/file-deliveries` lists the deliveries.",
    )
    encrypt_for: list[str] | None = Field(
        default=None,
        description="OpenPGP certificates that all files are encrypted for: those of the request, and those that its "
        "destinations had when it was requested. Null: the files are not encrypted.",
    )
    encrypt_for_requested: list[str] | None = Field(
        default=None, description="Those that the request itself names, to send it again; null: none."
    )
    signed_by: str | None = Field(
        default=None,
        description="Fingerprint of the OpenPGP key of your tenant that the encrypted files are signed with. Null: "
        "they are not signed, or the report has not started.",
    )
    only_if: dict[str, Any] | None = Field(
        default=None, description="Conditions that were requested; null: the report is generated in any case."
    )
    requested_by: str | None = Field(
        description="Who requested the report: `key:`, `schedule:` or `event:` and an id, `token:` and its subject, or "
        "`loopback`. If several requests returned this report, the caller of the first one. Without the scope "
        "`personal:read`, the subject of another caller's token is masked. Null for reports from before this was "
        "recorded."
    )
    requested_by_name: str | None = Field(
        description="Current name of that key or schedule. Null in responses to requests that start or end a report."
    )
    status: Status = Field(
        description="`PENDING` and `GENERATING` reports are in progress. `READY` has files, `EXPIRED` had files. The "
        "data of a `SKIPPED` report did not meet a condition in `onlyIf`."
    )
    progress: ProgressView = Field(description="Progress of the report.")
    waiting_for: WaitingFor | None = Field(
        default=None,
        description="Unavailable dependency that a PENDING report waits for. Null: it does not wait for one.",
    )
    attempt: int = Field(
        description="Number of the attempt, including continuations in a new invocation, and attempts that ended "
        "because a dependency was unavailable. The report is FAILED after three attempts that fail for any other "
        "reason."
    )
    continuations: int = Field(
        description="Number of times that the report was continued because an invocation had reached its timeout."
    )
    created_at: datetime = Field(description="When the report was requested.")
    started_at: datetime | None = Field(description="When the last attempt started.")
    finished_at: datetime | None = Field(description="When the report ended.")
    expires_at: datetime | None = Field(
        description="When the files expire or have expired; not before its hold is released. Null for a report that "
        "was never READY."
    )
    retention_days: int | None = Field(
        default=None,
        description="Days for which the files are kept after the end of the report. Null for reports from before this "
        "was recorded.",
    )
    held: bool = Field(
        default=False, description="Whether the report has a legal hold, so that nothing of it can be deleted."
    )
    kms_key: str | None = Field(
        default=None,
        description="ARN of the KMS key of your tenant that the files are encrypted with. Null: the encryption of the "
        "bucket, or the report has not started.",
    )
    files_deleted_at: datetime | None = Field(
        default=None, description="When a caller deleted the files. Null if none did."
    )
    files_deleted_by: str | None = Field(
        default=None, description="Caller that deleted the files, like `subject` of `GET /api/v1/me`."
    )
    as_of: datetime | None = Field(description="Timestamp of the database snapshot that the files show.")
    rows: int | None = Field(description="Number of rows in each file; in all files of a split report together.")
    bytes: int | None = Field(description="Size of the first file in bytes.")
    sha256: str | None = Field(
        description="SHA-256 of the first file, in hexadecimal.", json_schema_extra=SHA256_SCHEMA
    )
    files: list[FileView] | None = Field(
        description="Files of a READY report, in the order of `formats`. Empty for a split report, whose files are "
        "listed by `GET /api/v1/reports/{reportId}/files`."
    )
    split: SplitView | None = Field(description="Keys, files and manifest of a split report; null for other reports.")
    failed_files: list[FailedFileView] = Field(
        default=[],
        description="Files that could not be generated, with the reason. A READY report has at least one other file.",
    )
    warnings: list[WarningView] = Field(default=[], description="Warnings for readers of a READY report.")
    totals: list[TotalView] | None = Field(description="Totals by currency, the largest by rows, at most 50.")
    totals_omitted: int = Field(
        default=0, description="Number of further currencies, whose totals are in the report's summary."
    )
    balance: BalanceView | None = Field(description="Opening and closing balance of an account statement.")
    control_totals: ControlTotals = None
    masked_columns: list[str] = Field(
        description="Columns of this report with personal data that are masked in its files."
    )
    deduplicated: bool = Field(
        default=False,
        description="True in the response to a request with `deduplicate` if an identical earlier request created "
        "the report.",
    )
    metrics: MetricsView | None = Field(description="Measurements of a finished report.")
    skipped_reason: SkippedReasonView | None = Field(
        default=None, description="Why the report is SKIPPED. Null for reports with another status."
    )
    error: ErrorView | None = Field(description="Error of the last attempt.")
    links: Links = Field(description="URLs of the report.")


class DeletionView(ViewModel):
    """Record of a deleted report. All other data of it are deleted."""

    model_config = ConfigDict(title="ReportDeletion")

    id: UUID = Field(description="Id of the report.")
    type: str = Field(description="Report type.")
    created_at: datetime = Field(description="When the report was requested.")
    deleted_at: datetime = Field(description="When the report was deleted.")
    deleted_by: str = Field(description="Caller that deleted it, like `subject` of `GET /api/v1/me`.")
    files_removed_at: datetime | None = Field(
        description="When the files were removed from the object store. Null until then: normally for less than a "
        "minute, and for up to 20 minutes if a worker may still be writing. Repeat the request to see it."
    )


class DownloadLink(ViewModel):
    """A presigned URL of a file."""

    url: str = Field(
        description="URL of the file, valid until `expiresAt`. Anyone who has it can download the file.",
        json_schema_extra=URI,
    )
    expires_at: datetime = Field(
        description="When the URL expires: after one hour, or earlier if the file or the session that signed it "
        "expires."
    )
    file_name: str = Field(description="Name under which a browser saves the file.")


class ReportList(ViewModel):
    """A page of reports, newest first."""

    items: list[ReportView] = Field(description="Reports of this page.")
    next: str | None = Field(description="URL of the next page; null on the last page.", json_schema_extra=URI)
