"""JSON models of report types."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field

from resma.json_models import ViewModel
from resma.report.header import Kind
from resma.writers import Format


class ColumnView(ViewModel):
    """A column of a report type."""

    model_config = ConfigDict(title="ReportColumn")

    name: str = Field(description="Name, as in `columns` of a request.")
    heading: str = Field(description="Heading in the files, in the language of `locale`.")
    kind: Kind = Field(description="Kind of the values.")
    personal: bool = Field(
        description="Whether the column has personal data, which is masked without the scope `personal:read`."
    )


class ReportTypeView(ViewModel):
    """A report type, with its columns and the JSON Schema of its filters."""

    type: str = Field(description="Name, as in `type` of a request.")
    title: str = Field(description="Title in the language of `locale`.")
    description: str = Field(description="What the report shows, in the language of `locale`.")
    formats: list[Format] = Field(description="Formats that it can be generated in.")
    locales: list[str] = Field(description="Locales that it can be generated in.")
    columns: list[ColumnView] = Field(description="Columns, in the order of the files.")
    filters: dict[str, Any] = Field(
        description="JSON Schema (2020-12) of `filters` in a request of this type. A request with `splitBy` must not "
        "set the filters of its columns, even if they are required."
    )
    split_by: list[str] = Field(
        description="Columns that a report may be split by: `splitBy` of a request has the first or more of them. Each "
        "has a filter of the same name. Empty: the report cannot be split."
    )


class CatalogErrorView(ViewModel):
    """An error in the files of a report type, which cannot be generated until it is corrected."""

    model_config = ConfigDict(title="CatalogError")

    type: str = Field(description="Name of the report type, from the name of its folder.")
    file: str = Field(description="File in the folder of the catalog, such as `orders/report.toml`.")
    line: int = Field(description="Line of the file, from 1.")
    detail: str = Field(description="What is wrong, and how to correct it.")


class ReportTypeList(ViewModel):
    """All report types."""

    items: list[ReportTypeView] = Field(description="Report types that can be generated.")
    errors: list[CatalogErrorView] = Field(description="Errors of the other report types of the catalog.")
