"""Options of the output formats that a request can set, and their defaults in a catalog."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic.alias_generators import to_camel

from resma.report.pdf_password import MAX_PASSWORD_BYTES, MIN_PASSWORD_CHARACTERS, check_pdf_password

Compression = Literal["none", "gzip", "zstd"]


class _Defaults(BaseModel):
    """Options that a catalog can set. None means that the next default applies."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def or_else(self, defaults: _Defaults) -> Self:
        """Returns these options; those that are None have the value of `defaults`."""
        missing = {name: getattr(defaults, name) for name in type(defaults).model_fields if getattr(self, name) is None}
        return self.model_copy(update=missing)


class CsvDialect(_Defaults):
    """Dialect of CSV files: `[csv]` in resma.toml."""

    delimiter: str | None = Field(
        default=None,
        pattern=r"^[,;|\t]$",
        description="Separator of fields: comma, semicolon, tab or vertical bar. Null or omitted: the catalog's, or a "
        "comma; in the profile `excel` the list separator of the locale.",
    )
    quote: str | None = Field(
        default=None,
        pattern=r"""^["']$""",
        description="Character around strings that need it: `\"` or `'`. Null or omitted: the catalog's, or `\"`.",
    )
    quote_all: bool | None = Field(
        default=None,
        strict=True,
        description="True: every field except NULL is in quotes. Null or omitted: the catalog's, or only fields that "
        "need quotes.",
    )
    decimal_mark: str | None = Field(
        default=None,
        pattern=r"^[.,]$",
        description="Decimal mark of amounts and floats: point or comma. Null or omitted: the catalog's, or a point; "
        "in the profile `excel` that of the locale.",
    )
    byte_order_mark: bool | None = Field(
        default=None,
        strict=True,
        description="Whether the file begins with the byte order mark of UTF-8. Null or omitted: the catalog's, or "
        "only in the profile `excel`.",
    )
    line_end: Literal["crlf", "lf"] | None = Field(
        default=None,
        description="End of each line: CR and LF (RFC 4180), or LF. Null or omitted: the catalog's, or `crlf`.",
    )

    @property
    def line_end_bytes(self) -> bytes:
        """The bytes at the end of each line."""
        return b"\n" if self.line_end == "lf" else b"\r\n"

    @property
    def quote_byte(self) -> bytes:
        """The quote character."""
        return (self.quote or '"').encode()


class PdfParts(_Defaults):
    """Parts of PDF files: `[pdf]` in resma.toml and report.toml."""

    cover: bool | None = Field(
        default=None,
        strict=True,
        description="False: no cover. The first page then begins with a letterhead: organization, title, filters and "
        "totals. Null or omitted: the default of the report type, or of the catalog, or true.",
    )
    contents: bool | None = Field(
        default=None,
        strict=True,
        description="False: no table of contents. Null or omitted: the default of the report type, or of the catalog, "
        "or a table of contents if the report has several periods.",
    )


class CsvOptions(CsvDialect):
    """Options of CSV files."""

    model_config = ConfigDict(alias_generator=to_camel)

    profile: Literal["rfc4180", "excel"] = Field(
        default="rfc4180",
        description="`rfc4180`: exact values, for programs. `excel`: opens in Excel, in the format of the locale.",
    )
    compression: Compression = Field(default="none", description="Compression of the file.")

    @model_validator(mode="after")
    def _check_quote(self) -> Self:
        if self.profile == "excel" and self.quote not in {None, '"'}:
            raise ValueError('Excel reads no other quote than `"`. Remove `quote`, or use the profile `rfc4180`.')
        return self


class NdjsonOptions(BaseModel):
    """Options of NDJSON files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    compression: Compression = Field(default="none", description="Compression of the file.")
    numbers: Literal["number", "string"] = Field(
        default="number",
        description="How integers and amounts are written. `number`: JSON numbers with every digit. JavaScript and "
        "other readers of doubles change integers over 2^53 and long amounts. `string`: the same digits as strings.",
    )


class PdfOptions(PdfParts):
    """Options of PDF files."""

    orientation: Literal["landscape", "portrait"] | None = Field(
        default=None, description="Page orientation. Null or omitted: the default of the report type."
    )
    paper: Literal["A4", "Letter"] | None = Field(
        default=None, description="Page size. Null or omitted: that of the locale, such as Letter for `en-US`."
    )
    password: SecretStr | None = Field(
        default=None,
        exclude=True,  # never stored and never shown
        json_schema_extra={
            "format": "pdf-password",
            "minLength": MIN_PASSWORD_CHARACTERS,
            "maxLength": MAX_PASSWORD_BYTES,
        },
        description="Password that opens the PDF file, which is then encrypted with AES-256 and does not conform to "
        f"PDF/A. At most {MAX_PASSWORD_BYTES} bytes in UTF-8. It is not stored and not shown again: `pdfEncrypted` "
        "says that the file has one. Files of other formats are not encrypted. Null or omitted: no password.",
    )

    @field_validator("password")
    @classmethod
    def _check_password(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            check_pdf_password(value.get_secret_value())
        return value


class FormatOptions(BaseModel):
    """Options by format. Only options of requested formats are accepted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    csv: CsvOptions = Field(default=CsvOptions(), description="Options of CSV files.")
    ndjson: NdjsonOptions = Field(default=NdjsonOptions(), description="Options of NDJSON files.")
    pdf: PdfOptions = Field(default=PdfOptions(), description="Options of PDF files.")

    def as_json(self) -> dict[str, Any]:
        """Returns the options as they are in requests, responses and the database."""
        return self.model_dump(by_alias=True)


def options_of_formats(formats: Iterable[str], options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the options of these formats only; a report's row has the options of all formats."""
    names = {format_.lower() for format_ in formats}
    return {name: value for name, value in options.items() if name in names}
