"""JSON models of the files of split reports."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from api.reports.models import ErrorView, TotalView
from api.reports.split_models import SHA256_SCHEMA
from resma.json_models import URI, ViewModel
from resma.writers import Format


class SplitFileView(ViewModel):
    """One file of a split report: the rows of one key in one format."""

    model_config = ConfigDict(title="SplitReportFile")

    number: int = Field(description="Number of the key in the order of the report, from 1.")
    key: dict[str, Annotated[str | None, Field(description="Value of the column as a string; null for NULL.")]] = Field(
        description="Values of the columns that the report is split by, by name, as strings; null for NULL. Personal "
        "values are masked for callers without the scope `personal:read`."
    )
    format: Format = Field(description="Format of the file.")
    name: str = Field(description="Name of the file for its recipient. It is unique in the report.")
    bytes: int | None = Field(description="Size of the file in bytes; null if it could not be generated.")
    sha256: str | None = Field(
        description="SHA-256 of the file, in hexadecimal; null if it could not be generated.",
        json_schema_extra=SHA256_SCHEMA,
    )
    plain_sha256: str | None = Field(
        description="SHA-256 of the file after decryption; null if it is not encrypted by OpenPGP.",
        json_schema_extra=SHA256_SCHEMA,
    )
    rows: int = Field(description="Number of rows of the key.")
    pages: int | None = Field(description="Number of pages of a PDF; null for other formats.")
    totals: list[TotalView] = Field(description="Totals of the key by currency.")
    snapshot: int = Field(description="Number of the database snapshot that the rows were read from, from 1.")
    error: ErrorView | None = Field(description="Why the file could not be generated; null if it is stored.")
    download: str | None = Field(
        description="URL that redirects to a presigned URL of the file. It needs an API key or token. Null if the file "
        "could not be generated.",
        json_schema_extra=URI,
    )


class SplitFileList(ViewModel):
    """A page of files of a split report, by number and format."""

    model_config = ConfigDict(title="SplitReportFileList")

    files: list[SplitFileView] = Field(description="Files of this page.")
    next: str | None = Field(description="URL of the next page; null on the last page.", json_schema_extra=URI)
