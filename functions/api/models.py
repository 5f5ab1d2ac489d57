"""What the API answers about reports and report types, as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from resma.caller import Scope
from resma.header import Kind
from resma.progress import Stage
from resma.wire import ViewModel
from resma.writers import Format

Status = Literal["PENDING", "GENERATING", "READY", "FAILED", "CANCELLED", "EXPIRED"]


class Progress(ViewModel):
    """How far a report is. `rows_expected` and `percent` are known once the snapshot has been counted."""

    rows_done: int
    rows_expected: int | None
    percent: float | None
    stage: Stage | None = Field(
        default=None,
        description="`waiting` for a worker, `counting` the snapshot, `writing` rows, `publishing` the files; null of "
        "a report that has ended.",
    )
    eta_seconds: float | None = Field(
        default=None,
        description="How long it will still take: by the pace of this attempt, or, of a report that waits, by what "
        "your recent reports took. Null where nobody knows; in lists also of reports that wait.",
    )
    queue_position: int | None = Field(
        default=None,
        description="Of a report that waits: how many of your own reports come before it, 0 is next. Workers are "
        "shared with other tenants, whose reports are not counted. Null in lists.",
    )


class TotalView(ViewModel):
    """Rows and amount of one currency; the amount is text so that no digit is lost."""

    currency: str
    rows: int
    amount: str


class CostView(ViewModel):
    """What a report cost in US dollars, by the list prices of a table; amounts are text so that no digit is lost."""

    total: str
    lambda_: str = Field(alias="lambda", description="The worker's memory times its time, of all attempts.")
    s3: str = Field(description="The store's requests, and the files for as long as they are kept.")
    requests: str = Field(description="All other charges for a call: invocations, messages, events, keys.")
    prices: str = Field(description="Region and month of the price table.")


class Metrics(ViewModel):
    """What a finished report took."""

    seconds: dict[str, float] = Field(
        description="Of the last attempt, by stage: `write` is made of `read`, `encode`, `upload` and `save`; "
        "`generate` is all, `queued` before it."
    )
    rows_per_second: int
    peak_rss_mb: float
    parts: int
    snapshots: int = Field(
        default=1,
        description="How many the rows were read from: more than one where the report was taken up again. Each held "
        "what the first did, as of `asOf`.",
    )
    cost_usd: CostView | None = Field(
        default=None,
        description="Of all attempts, as far as is known; without the database, data transfer, API calls and webhooks. "
        "Null of reports that were made before it was measured.",
    )


class ErrorView(ViewModel):
    """The last attempt's error. In status PENDING another attempt follows."""

    code: str
    detail: str


class Links(ViewModel):
    """Addresses that stay good for the report's life."""

    self_: str = Field(alias="self")
    download: str | None


class BalanceView(ViewModel):
    """What an account held before the first row and after the last, as text so that no digit is lost."""

    opening: str
    closing: str


class FileView(ViewModel):
    """One file of a finished report."""

    format: Format
    media_type: str
    bytes: int
    sha256: str
    pages: int | None = Field(default=None, description="Of a PDF.")
    download: str = Field(description="Redirects to an address minted at that moment.")


class ReportView(ViewModel):
    """A report as the API shows it."""

    id: UUID
    type: str
    format: Format = Field(description="The first of `formats`.")
    formats: list[Format]
    filters: dict[str, Any]
    columns: list[str] | None
    locale: str
    time_zone: str
    title: str | None
    options: dict[str, Any] = Field(
        description="By format, those that were asked for: with what was left out filled in."
    )
    callback_url: str | None = Field(
        description="Of the request. What follows a `?` is not shown, it may be a secret: `?…` stands for it."
    )
    requested_by: str | None = Field(
        description="Who asked: `key:`, `schedule:` or `event:` and an id, `token:` and its subject, or `loopback`. Of "
        "a report that others joined, the first. Null of reports from before this was kept."
    )
    requested_by_name: str | None = Field(
        description="The name that this key or schedule has now. Null in answers that begin or end a report."
    )
    status: Status
    progress: Progress
    attempt: int = Field(description="Which one it is, hand-overs from one invocation to the next included.")
    handovers: int = Field(description="How often it was handed over, because an invocation's time was up.")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    as_of: datetime | None
    rows: int | None
    bytes: int | None = Field(description="Of the first file.")
    sha256: str | None = Field(description="Of the first file, in hex.")
    files: list[FileView] | None
    totals: list[TotalView] | None
    balance: BalanceView | None
    masked_columns: list[str] = Field(
        description="Of this report's columns those that are personal, where they are masked."
    )
    joined: bool = Field(
        default=False, description="In the answer to a request with `coalesce`: the report is an earlier request's."
    )
    truncated: bool = Field(default=False, description="Always false: a report is whole or it is not there.")
    metrics: Metrics | None
    error: ErrorView | None
    links: Links


class DownloadLink(ViewModel):
    """Where a file is, for a while."""

    url: str = Field(description="Good for one hour, for whoever has it.")
    expires_at: datetime
    file_name: str = Field(description="What a browser saves it as.")


class ReportList(ViewModel):
    """A page of reports, newest first."""

    items: list[ReportView]
    next: str | None = Field(description="Address of the next page, if there is one.")


class ColumnView(ViewModel):
    """A column of a report type."""

    name: str
    heading: str
    kind: Kind
    personal: bool = Field(description="Whether it is masked for callers without the scope personal:read.")


class ReportTypeView(ViewModel):
    """A report type, with the JSON Schema that its filters must meet."""

    type: str
    title: str
    description: str
    formats: list[Format]
    locales: list[str]
    columns: list[ColumnView]
    filters: dict[str, Any]


class ReportTypeList(ViewModel):
    """All report types."""

    items: list[ReportTypeView]


class CallerView(ViewModel):
    """Who you are here, and what you may do."""

    tenant_id: str
    tenant_name: str
    subject: str = Field(description="`key:` and a key's id, `token:` and its subject, or `loopback`.")
    scopes: list[Scope]


class Health(ViewModel):
    """That the API answers."""

    status: Literal["ok"] = "ok"
