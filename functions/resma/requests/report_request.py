"""JSON model of a report request, which comes from a caller, a schedule or an event."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field, ValidationInfo, field_validator

from resma.catalog import MAX_RETENTION_DAYS, MAX_SPLIT_COLUMNS
from resma.destinations.request_check import DESTINATION_ID, MAX_DESTINATIONS_PER_REPORT
from resma.encryption.certificate_ids import CertificateIds
from resma.i18n.locales import DEFAULT_LOCALE
from resma.i18n.time_zones import TIME_ZONE_SCHEMA
from resma.json_models import SINGLE_LINE, SINGLE_LINE_SCHEMA, WHOLE_NUMBER, RequestModel
from resma.report.format_options import FormatOptions
from resma.report.only_if import OnlyIf
from resma.string_patterns import NO_NUL
from resma.webhooks.url import URL_SCHEMA
from resma.writers import Format

_RetentionDays = Annotated[int, Field(ge=1, le=MAX_RETENTION_DAYS), WHOLE_NUMBER]
_ColumnName = Annotated[str, Field(min_length=1, max_length=100, pattern=NO_NUL)]


class ReportRequest(RequestModel):
    """A report to generate. Exactly one of `format` and `formats` is required."""

    # The JSON Schema does not say "exactly one": client generators lose the properties that stand beside a `oneOf`.
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"type": "TRANSACTIONS", "format": "PDF", "filters": {"from": "2024-01-01"}}],
        },
    )

    type: str = Field(max_length=100, description="Report type. `GET /api/v1/report-types` lists them.")
    format: Format | None = Field(
        default=None, description="Format of the file. Use `formats` instead for several files."
    )
    formats: list[Format] | None = Field(
        default=None,
        min_length=1,
        max_length=5,
        validate_default=True,  # for requests that omit both properties
        json_schema_extra={"uniqueItems": True},
        description="Formats of the files, all made from one read of the database. Use `format` instead for one file.",
    )
    filters: dict[str, Any] = Field(
        default_factory=dict,
        description="Filters of the report type, as described by its JSON Schema in `GET /api/v1/report-types`.",
    )
    split_by: list[_ColumnName] | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_SPLIT_COLUMNS,
        json_schema_extra={"uniqueItems": True},
        description="Columns to split the report by: it gets a file in each format for each combination of their "
        "values. The first or more columns of `splitBy` of the report type, whose filters must then not be set. Null "
        "or omitted: the report is not split.",
    )
    zip: bool = Field(
        default=False, strict=True, description="Whether a split report also has a ZIP archive of all its files."
    )
    columns: list[_ColumnName] | None = Field(
        default=None,
        max_length=500,
        description="Names of columns of the report type, in order. Null or omitted: all columns.",
    )
    locale: str = Field(
        default=DEFAULT_LOCALE.tag,
        max_length=35,
        description="Language, date format and number format of files for people: PDF, XLSX, CSV for Excel.",
    )
    time_zone: str = Field(
        default="UTC",
        max_length=100,
        json_schema_extra={**TIME_ZONE_SCHEMA},
        description="IANA name of the time zone of dates and timestamps, in filters and in files.",
    )
    title: (
        Annotated[str, Field(min_length=1, max_length=200, json_schema_extra=SINGLE_LINE_SCHEMA), SINGLE_LINE] | None
    ) = Field(
        default=None,
        description="Title of the report. Null or omitted: the title of the report type.",
    )
    options: FormatOptions = Field(
        default=FormatOptions(), description="Options by format. Only options of requested formats are accepted."
    )
    callback_url: str | None = Field(
        default=None,
        max_length=2000,
        json_schema_extra={**URL_SCHEMA},
        description="A public https URL. It receives a webhook, signed according to Standard "
        "Webhooks, when the report ends.",
    )
    deliver_to: list[Annotated[str, Field(pattern=DESTINATION_ID)]] | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_DESTINATIONS_PER_REPORT,
        json_schema_extra={"uniqueItems": True},
        description="Ids of destinations that the files are delivered to when the report is READY. "
        "`GET /api/v1/destinations` lists them. Null or omitted: the files are not delivered.",
    )
    encrypt_for: CertificateIds | None = Field(
        default=None,
        description="Ids of OpenPGP certificates that all files are encrypted for, together with those of the "
        "destinations in `deliverTo`, at most ten: each of their owners can decrypt the files, and nobody else. "
        "`GET /api/v1/certificates` lists them. Null or omitted: those of the destinations, or no encryption.",
    )
    only_if: OnlyIf | None = Field(
        default=None,
        description="Conditions: the report is SKIPPED, without a file, unless its data meet all of them. Null or "
        "omitted: the report is generated in any case.",
    )
    retention_days: _RetentionDays | None = Field(
        default=None,
        description="Days for which the files are kept after the end of the report, within the limits of the "
        "deployment and of your tenant. Null or omitted: as long as the report type or the deployment says.",
    )
    deduplicate: bool = Field(
        default=False,
        strict=True,
        description="True: if a report of the same request is PENDING or GENERATING, answer with "
        "that report instead of a "
        "new one.",
    )

    @field_validator("formats")
    @classmethod
    def _require_format_or_formats(cls, formats: list[Format] | None, info: ValidationInfo) -> list[Format] | None:
        """Validates this field rather than the model, so that errors have a pointer to it."""
        if "format" in info.data and (info.data["format"] is None) == (formats is None):
            raise ValueError("Send either `format`, or several formats in `formats`.")
        if formats and len(set(formats)) < len(formats):
            raise ValueError("It must not contain a format twice.")
        return formats

    @field_validator("deliver_to")
    @classmethod
    def _require_distinct(cls, destination_ids: list[str] | None) -> list[str] | None:
        if destination_ids and len(set(destination_ids)) < len(destination_ids):
            raise ValueError("It must not contain a destination twice.")
        return destination_ids

    @property
    def requested_formats(self) -> list[str]:
        """All requested formats, in the order of the request."""
        return [self.format] if self.format else [*(self.formats or ())]
