"""Report types: a folder each in `functions/catalog/`, read once and checked as a whole.

`report.toml` says what a report is called, its columns, filters, totals and charts; `query.sql` is plain SQL
with named parameters, one for each filter, and `tenant_id`. Filters are bound values, never text in SQL.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model, model_validator

from resma.errors import CatalogueInvalid, Fault, RequestInvalid

CATALOGUE_FOLDER = Path(__file__).parent.parent / "catalog"

_PARAMETER = re.compile(r"%\((\w+)\)s")
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NAME = r"^[a-z][a-z0-9_]*$"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Column(_Frozen):
    """One column of a report. `width` is a share of the page's width in formats that have pages."""

    name: str = Field(pattern=_NAME)
    heading: str
    kind: Literal["text", "integer", "amount", "date", "timestamp"] = "text"
    width: float = Field(default=1.0, gt=0)
    align: Literal["left", "right"] = "left"


class Filter(_Frozen):
    """One filter that a request may set. `not_before` names the filter whose date may not be later than this one's."""

    name: str = Field(pattern=_NAME)
    label: str
    description: str
    kind: Literal["date", "choice", "text"]
    choices: tuple[str, ...] = ()
    not_before: str | None = None

    @model_validator(mode="after")
    def _choices_where_they_belong(self) -> Self:
        if (self.kind == "choice") != bool(self.choices):
            raise ValueError(f"filter {self.name}: kind 'choice' goes with choices, and no other kind does")
        return self


class Totals(_Frozen):
    """Which column is added up, and by which currency column."""

    amount: str
    currency: str


class ChartSpec(_Frozen):
    """A chart on the first page. `by` is a column; for kind `time` it is a date or timestamp, taken by month."""

    title: str
    kind: Literal["time", "bars", "share"]
    by: str
    unit: Literal["amount", "rows"]


class ReportType(_Frozen):
    """One kind of report, as its folder describes it."""

    type: str = Field(pattern=r"^[A-Z][A-Z0-9_]*$")
    title: str
    description: str
    file_name: str = Field(pattern=r"^[a-z0-9-]+$")
    columns: tuple[Column, ...] = Field(min_length=1)
    filters: tuple[Filter, ...] = ()
    sort: tuple[str, ...] = Field(min_length=1)
    period: str | None = None
    totals: Totals | None = None
    charts: tuple[ChartSpec, ...] = ()
    query: str

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        columns = {column.name for column in self.columns}
        used = {*self.sort, *(chart.by for chart in self.charts)}
        used |= {self.period} if self.period else set()
        used |= {self.totals.amount, self.totals.currency} if self.totals else set()
        if unknown := used - columns:
            raise ValueError(f"no column is named {', '.join(sorted(unknown))}; there are {', '.join(columns)}")
        filters = {filter_.name for filter_ in self.filters}
        if unknown := {f.not_before for f in self.filters if f.not_before} - filters:
            raise ValueError(f"not_before names no filter: {', '.join(sorted(unknown))}")
        parameters = set(_PARAMETER.findall(self.query))
        if parameters != filters | {"tenant_id"}:
            raise ValueError(
                "query.sql must use each filter and tenant_id as a named parameter, and no others; "
                f"it uses {', '.join(sorted(parameters))}, the filters are {', '.join(sorted(filters))}"
            )
        return self

    def column_index(self, name: str) -> int:
        """Position of a column in every row of the report."""
        return [column.name for column in self.columns].index(name)

    def check_filters(self, filters: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the filters as JSON values, without those that are not set.

        Raises RequestInvalid with one fault for each filter that is unknown, malformed or out of order.
        """
        try:
            checked = filter_model(self).model_validate(filters)
        except ValidationError as error:
            faults = tuple(_fault(self, item) for item in error.errors(include_url=False))
            count = "one" if len(faults) == 1 else str(len(faults))
            raise RequestInvalid(f"{count} of the filters of {self.type} can't be used", faults) from None
        values: dict[str, Any] = checked.model_dump(mode="json", exclude_none=True)
        if faults := tuple(_disorder(self, values)):
            raise RequestInvalid("the dates are in the wrong order", faults)
        return values

    def describe_filters(self, filters: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
        """Pairs of label and value for people, in the catalogue's order."""
        return tuple(
            (item.label, ", ".join(value) if isinstance(value := filters[item.name], list) else str(value))
            for item in self.filters
            if item.name in filters
        )


@lru_cache
def filter_model(report_type: ReportType) -> type[BaseModel]:
    """The pydantic model of a report type's filters; its JSON Schema is what the API publishes."""
    fields: dict[str, Any] = {}
    for item in report_type.filters:
        fields[item.name] = (_annotation(item), Field(default=None, description=item.description))
    return create_model(
        f"{report_type.type.title().replace('_', '')}Filters",
        __config__=ConfigDict(extra="forbid", frozen=True),
        **fields,
    )


def _annotation(item: Filter) -> Any:
    if item.kind == "date":
        return Annotated[date, BeforeValidator(_require_iso_date)] | None
    if item.kind == "choice":
        choice: Any = Literal.__getitem__(item.choices)
        return Annotated[list[choice], Field(min_length=1, max_length=len(item.choices))] | None
    # Postgres text can't hold NUL.
    return Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")] | None


def _require_iso_date(value: object) -> object:
    """Pydantic would also take numbers, as seconds since 1970, and texts with a time."""
    if not (isinstance(value, str) and _ISO_DATE.fullmatch(value)):
        raise ValueError("give a day as YYYY-MM-DD")
    return value


def _fault(report_type: ReportType, item: Mapping[str, Any]) -> Fault:
    pointer = "/filters" + "".join(f"/{part}" for part in item["loc"])
    if item["type"] == "extra_forbidden":
        known = ", ".join(f.name for f in report_type.filters)
        return Fault(pointer, f"{report_type.type} has no such filter; it has {known}")
    return Fault(pointer, str(item["msg"]))


def _disorder(report_type: ReportType, values: Mapping[str, Any]) -> list[Fault]:
    return [
        Fault(f"/filters/{late.name}", f"must not be before {late.not_before} ({values[late.not_before]})")
        for late in report_type.filters
        if late.not_before
        and late.name in values
        and late.not_before in values
        # Both are ISO 8601 dates of four-digit years: their text sorts as they do.
        and values[late.name] < values[late.not_before]
    ]


@lru_cache
def load_catalogue(folder: Path = CATALOGUE_FOLDER) -> Mapping[str, ReportType]:
    """Reads every report type, by its name. Raises CatalogueInvalid naming the file and what to mend."""
    types = [_load(path.parent) for path in sorted(folder.glob("*/report.toml"))]
    return {report_type.type: report_type for report_type in types}


def find_report_type(name: str) -> ReportType:
    """Returns the report type of that name. Raises RequestInvalid that names those there are."""
    catalogue = load_catalogue()
    if name not in catalogue:
        fault = Fault("/type", f"there is no such report type; there are {', '.join(catalogue)}")
        raise RequestInvalid("that report type is unknown: GET /api/v1/report-types lists them", (fault,))
    return catalogue[name]


def _load(folder: Path) -> ReportType:
    try:
        described = tomllib.loads((folder / "report.toml").read_text(encoding="utf-8"))
        query = (folder / "query.sql").read_text(encoding="utf-8")
        return ReportType.model_validate({**described, "query": query})
    except (OSError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise CatalogueInvalid(f"{folder}: {error}") from error
