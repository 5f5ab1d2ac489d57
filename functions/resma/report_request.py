"""What a caller, a schedule or an event asks for, as JSON."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field, ValidationInfo, field_validator

from resma.locales import DEFAULT_LOCALE
from resma.options import FormatOptions
from resma.wire import RequestModel
from resma.writers import Format


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
        validate_default=True,  # where both are left out
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

    @field_validator("formats")
    @classmethod
    def _one_way_of_saying_formats(cls, formats: list[Format] | None, said: ValidationInfo) -> list[Format] | None:
        """Of this field, so that its errors say where."""
        if "format" in said.data and (said.data["format"] is None) == (formats is None):
            raise ValueError("give either format, or several in formats")
        if formats and len(set(formats)) < len(formats):
            raise ValueError("name each format once")
        return formats

    @property
    def wanted_formats(self) -> list[str]:
        """Every format asked for, in the request's order."""
        return [self.format] if self.format else [*(self.formats or ())]
