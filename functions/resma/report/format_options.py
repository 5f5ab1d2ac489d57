"""Options of the output formats that a request can set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Compression = Literal["none", "gzip", "zstd"]


class _Options(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CsvOptions(_Options):
    """Options of CSV files."""

    profile: Literal["rfc4180", "excel"] = Field(
        default="rfc4180",
        description="`rfc4180`: exact values, for programs. `excel`: opens in Excel, in the format of the locale.",
    )
    compression: Compression = Field(default="none", description="Compression of the file.")


class NdjsonOptions(_Options):
    """Options of NDJSON files."""

    compression: Compression = Field(default="none", description="Compression of the file.")
    numbers: Literal["number", "string"] = Field(
        default="number",
        description="How integers and amounts are written. `number`: JSON numbers with every digit. JavaScript and "
        "other readers of doubles change integers over 2^53 and long amounts. `string`: the same digits as strings.",
    )


class PdfOptions(_Options):
    """Options of PDF files."""

    orientation: Literal["landscape", "portrait"] | None = Field(
        default=None, description="Page orientation. Null or omitted: the default of the report type."
    )
    paper: Literal["A4", "Letter"] | None = Field(
        default=None, description="Page size. Null or omitted: Letter for `en-US`, A4 for other locales."
    )


class FormatOptions(_Options):
    """Options by format. Only options of requested formats are accepted."""

    csv: CsvOptions = Field(default=CsvOptions(), description="Options of CSV files.")
    ndjson: NdjsonOptions = Field(default=NdjsonOptions(), description="Options of NDJSON files.")
    pdf: PdfOptions = Field(default=PdfOptions(), description="Options of PDF files.")


def options_of_formats(formats: Iterable[str], options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the options of these formats only; a report's row has the options of all formats."""
    names = {format_.lower() for format_ in formats}
    return {name: value for name, value in options.items() if name in names}
