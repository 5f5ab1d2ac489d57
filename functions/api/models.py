"""What goes in and out of the API, as JSON. Names are camelCase outside, snake_case inside."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from resma.header import Kind
from resma.locales import DEFAULT_LOCALE
from resma.options import FormatOptions
from resma.writers import Format

Status = Literal["PENDING", "GENERATING", "READY", "FAILED", "CANCELLED", "EXPIRED"]


class ViewModel(BaseModel):
    """What goes out."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


def _refuse_other_kinds(value: object) -> object:
    """Pydantic would take true for 1 and a text for its number; JSON Schema does not. Both take 90.0 for one."""
    if isinstance(value, bool | str):
        raise ValueError("give a whole number")  # noqa: TRY004  # pydantic makes an error of this one alone
    return value


WholeNumber = Annotated[int, BeforeValidator(_refuse_other_kinds)]
"""An integer of a request, as JSON Schema has it (2020-12 §6.1.1)."""


class RequestModel(ViewModel):
    """What comes in: names as they are outside, and no others."""

    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=False,  # or time_zone would do as well as timeZone
    )


class ReportRequest(RequestModel):
    """Body of `POST /api/v1/reports/generate`."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"type": "TRANSACTIONS", "format": "PDF", "filters": {"from": "2024-01-01"}},
            "oneOf": [
                {"required": [one], "properties": {one: {"not": {"type": "null"}}, other: {"type": "null"}}}
                for one, other in (("format", "formats"), ("formats", "format"))
            ],
        },
    )

    type: str = Field(max_length=100, description="A report type: GET /api/v1/report-types lists them.")
    format: Format | None = Field(default=None, description="The file's format; or several, in `formats`.")
    formats: list[Format] | None = Field(
        default=None,
        min_length=1,
        max_length=5,
        json_schema_extra={"uniqueItems": True},
        description="Several formats: one read of the database makes a file of each, with equal totals.",
    )
    filters: dict[str, Any] = Field(
        default_factory=dict, description="As the report type's JSON Schema of filters says."
    )
    columns: list[str] | None = Field(
        default=None, max_length=500, description="Names of columns, in the order wanted; left out, all of them."
    )
    locale: str = Field(
        default=DEFAULT_LOCALE.tag,
        max_length=35,
        description="Language, dates and decimal mark of formats for people: PDF, XLSX, CSV for Excel.",
    )
    time_zone: str = Field(
        default="UTC",
        max_length=100,
        json_schema_extra={"format": "iana-time-zone"},
        description="IANA name of the time zone of days and moments: in filters, in every format, in periods.",
    )
    title: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        description="What stands on the report instead of its type's title.",
    )
    options: FormatOptions = Field(
        default=FormatOptions(), description="Options by format; those of a format that is not asked for are refused."
    )
    callback_url: str | None = Field(
        default=None,
        max_length=2000,
        json_schema_extra={"format": "callback-address"},
        description="A public https address that is told, signed as Standard Webhooks says, when the report ends.",
    )
    coalesce: bool = Field(
        default=False,
        strict=True,
        description="While the same request is PENDING or GENERATING, be answered with its report, not with a new one.",
    )

    @model_validator(mode="after")
    def _one_way_of_saying_formats(self) -> Self:
        if (self.format is None) == (self.formats is None):
            raise ValueError("give either format, or several in formats")
        if self.formats and len(set(self.formats)) < len(self.formats):
            raise ValueError("name each format once")
        return self

    @property
    def wanted_formats(self) -> list[str]:
        """Every format asked for, in the request's order."""
        return [self.format] if self.format else [*(self.formats or ())]


class Progress(ViewModel):
    """How far a report is. `rows_expected` and `percent` are known once the snapshot has been counted."""

    rows_done: int
    rows_expected: int | None
    percent: float | None


class TotalView(ViewModel):
    """Rows and amount of one currency; the amount is text so that no digit is lost."""

    currency: str
    rows: int
    amount: str


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


class Health(ViewModel):
    """That the API answers."""

    status: Literal["ok"] = "ok"
