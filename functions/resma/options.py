"""What a request may say of each format, beyond which rows and columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Compression = Literal["none", "gzip", "zstd"]


class _Options(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CsvOptions(_Options):
    """Options of CSV."""

    profile: Literal["rfc4180", "excel"] = Field(
        default="rfc4180",
        description="`rfc4180`: exact values, for programs. `excel`: opens in the locale's Excel with a double click.",
    )
    compression: Compression = "none"


class NdjsonOptions(_Options):
    """Options of NDJSON."""

    compression: Compression = "none"


class PdfOptions(_Options):
    """Options of PDF."""

    orientation: Literal["landscape", "portrait"] | None = Field(
        default=None, description="How pages lie; unset, as the report type says."
    )
    paper: Literal["A4", "Letter"] | None = Field(
        default=None, description="The pages' size; unset, Letter for en-US and A4 elsewhere."
    )


class FormatOptions(_Options):
    """Options by format. Those of a format that is not asked for are refused."""

    csv: CsvOptions = CsvOptions()
    ndjson: NdjsonOptions = NdjsonOptions()
    pdf: PdfOptions = PdfOptions()


def asked_options(formats: Iterable[str], options: Mapping[str, Any]) -> dict[str, Any]:
    """Of all options as a report's row has them those that its request may have: of the formats asked for."""
    wanted = {format_.lower() for format_ in formats}
    return {name: value for name, value in options.items() if name in wanted}
