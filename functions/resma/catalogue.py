"""Report types: a folder each in `functions/catalog/`, read once and checked as a whole.

`report.toml` says what a report is called, its columns, filters, totals and charts; `query.sql` is plain SQL
with named parameters, one for each filter, and `tenant_id`. Filters are bound values, never text in SQL.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model, model_validator

from resma.errors import CatalogueInvalid, Fault, RequestInvalid
from resma.header import Kind
from resma.locales import Language, Locale

CATALOGUE_FOLDER = Path(__file__).parent.parent / "catalog"

_PARAMETER = re.compile(r"%\((\w+)\)s")
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NAME = r"^[a-z][a-z0-9_]*$"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Texts(_Frozen):
    """The same words in each language; German falls back to English where it is left out."""

    en: str = Field(min_length=1)
    pt: str = Field(min_length=1)
    de: str | None = Field(default=None, min_length=1)

    def say(self, language: Language) -> str:
        """The words in that language."""
        return {"en": self.en, "pt": self.pt, "de": self.de or self.en}[language]


class ColumnSpec(_Frozen):
    """One column of a report type."""

    name: str = Field(pattern=_NAME)
    heading: Texts
    kind: Kind = "text"
    width: float = Field(default=1.0, gt=0)
    """Share of the page's width in formats that have pages."""
    align: Literal["left", "right"] = "left"
    format: Literal["plain", "grouped", "wrap"] = "plain"
    """For people: `grouped` sets thousands apart, `wrap` lets a long text go on below instead of cutting it."""
    decimals: int = Field(default=0, ge=0, le=20)
    """Least digits after the decimal mark that an amount is shown with."""

    @model_validator(mode="after")
    def _format_fits_kind(self) -> Self:
        if self.format == "grouped" and self.kind not in {"integer", "amount"}:
            raise ValueError(f"column {self.name}: format 'grouped' is for kinds integer and amount")
        if self.format == "wrap" and (self.kind not in {"text", "json"} or self.align == "right"):
            raise ValueError(f"column {self.name}: format 'wrap' is for kinds text and json, aligned left")
        if self.decimals and self.kind != "amount":
            raise ValueError(f"column {self.name}: decimals are for kind amount")
        return self


class Filter(_Frozen):
    """One filter that a request may set. `not_before` names the filter whose date may not be later than this one's.

    `minimum` and `maximum` are limits of an integer, an amount or a date; `max_length` of a text.
    """

    name: str = Field(pattern=_NAME)
    label: Texts
    description: Texts
    kind: Literal["date", "choice", "text", "integer", "amount"]
    choices: tuple[str, ...] = ()
    not_before: str | None = None
    required: bool = False
    default: str | int | tuple[str, ...] | None = None
    minimum: str | int | None = None
    maximum: str | int | None = None
    max_length: int = Field(default=200, ge=1, le=10_000)

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        if (self.kind == "choice") != bool(self.choices):
            raise ValueError(f"filter {self.name}: kind 'choice' goes with choices, and no other kind does")
        if (self.minimum is not None or self.maximum is not None) and self.kind in {"choice", "text"}:
            raise ValueError(f"filter {self.name}: minimum and maximum are for kinds date, integer and amount")
        if self.required and self.default is not None:
            raise ValueError(f"filter {self.name}: what is required needs no default")
        return self


class Totals(_Frozen):
    """Which column is added up, and by which currency column."""

    amount: str
    currency: str


class BalanceSpec(_Frozen):
    """The column that holds the balance after each row, and the one that holds what the row adds to it."""

    column: str
    amount: str


class ChartSpec(_Frozen):
    """A chart on the first page. `by` is a column; for kind `time` it is a date or timestamp, taken by month."""

    title: Texts
    kind: Literal["time", "bars", "share"]
    by: str
    unit: Literal["amount", "rows"]


class ReportType(_Frozen):
    """One kind of report, as its folder describes it."""

    type: str = Field(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=100)
    title: Texts
    description: Texts
    file_name: str = Field(pattern=r"^[a-z0-9-]+$")
    orientation: Literal["landscape", "portrait"] = "landscape"
    columns: tuple[ColumnSpec, ...] = Field(min_length=1)
    filters: tuple[Filter, ...] = ()
    sort: tuple[str, ...] = Field(min_length=1)
    """Columns, ascending. Together they must tell every row from every other: reports go on after the last one."""
    period: str | None = None
    """The date or timestamp column, first in `sort`, by which a long file is divided: contents, bookmarks."""
    subtotals: Literal["day", "month", "year"] | None = None
    """Whether each period ends with its totals, and how long a period is then."""
    totals: Totals | None = None
    balance: BalanceSpec | None = None
    charts: tuple[ChartSpec, ...] = ()
    query: str

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        columns = {column.name: column for column in self.columns}
        if len(columns) < len(self.columns):
            raise ValueError("two columns have the same name")
        used = {*self.sort, *(chart.by for chart in self.charts)}
        used |= {self.period} if self.period else set()
        used |= {self.totals.amount, self.totals.currency} if self.totals else set()
        used |= {self.balance.amount, self.balance.column} if self.balance else set()
        if unknown := used - columns.keys():
            raise ValueError(f"no column is named {', '.join(sorted(unknown))}; there are {', '.join(columns)}")
        if self.period and (self.sort[0] != self.period or columns[self.period].kind not in {"date", "timestamp"}):
            raise ValueError("the period must be a column of kind date or timestamp, and the first of sort")
        if self.subtotals and not (self.period and self.totals):
            raise ValueError("subtotals need a period and totals")
        amounts = [self.totals.amount] if self.totals else []
        amounts += [self.balance.amount, self.balance.column] if self.balance else []
        if wrong := [name for name in amounts if columns[name].kind not in {"amount", "integer"}]:
            raise ValueError(f"totals and balance need columns of kind amount or integer: mend {', '.join(wrong)}")
        for chart in self.charts:
            if chart.kind == "time" and columns[chart.by].kind not in {"date", "timestamp"}:
                raise ValueError(f"a chart of kind time needs a date or timestamp: {chart.by} is none")
            if chart.unit == "amount" and not self.totals:
                raise ValueError(f"the chart by {chart.by} shows amounts, which need totals")
        filters = {filter_.name for filter_ in self.filters}
        if len(filters) < len(self.filters):
            raise ValueError("two filters have the same name")
        if unknown := {f.not_before for f in self.filters if f.not_before} - filters:
            raise ValueError(f"not_before names no filter: {', '.join(sorted(unknown))}")
        parameters = set(_PARAMETER.findall(self.query))
        if parameters != filters | {"tenant_id"}:
            raise ValueError(
                "query.sql must use each filter and tenant_id as a named parameter, and no others; "
                f"it uses {', '.join(sorted(parameters))}, the filters are {', '.join(sorted(filters))}"
            )
        return self

    @model_validator(mode="after")
    def _defaults_are_allowed(self) -> Self:
        defaults = {item.name: item.default for item in self.filters if item.default is not None}
        model = filter_model(self.model_copy(update={"filters": _all_optional(self.filters)}))
        try:
            model.model_validate({name: list(v) if isinstance(v, tuple) else v for name, v in defaults.items()})
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise ValueError(f"a filter's own default can't be used: {wrong}") from None
        return self

    def choose_columns(self, names: Sequence[str] | None) -> tuple[ColumnSpec, ...]:
        """The columns of a request, in its order; all of them where it names none.

        Raises RequestInvalid with a fault for each name that is unknown or comes twice.
        """
        if names is None:
            return self.columns
        known = {column.name: column for column in self.columns}
        faults = [
            Fault(f"/columns/{i}", f"{self.type} has no column {name[:100]!r}; it has {', '.join(known)}")
            if name not in known
            else Fault(f"/columns/{i}", f"{name} comes twice: name each column once")
            for i, name in enumerate(names)
            if name not in known or name in names[:i]
        ]
        if not names:
            faults = [Fault("/columns", "name at least one column, or leave columns out for all of them")]
        if faults:
            raise RequestInvalid(f"the columns of {self.type} can't be chosen so", tuple(faults))
        return tuple(known[name] for name in names)

    def check_filters(self, filters: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the filters as JSON values, defaults filled in, without those that are not set.

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

    def describe_filters(self, filters: Mapping[str, Any], locale: Locale) -> tuple[tuple[str, str], ...]:
        """Pairs of label and value for people, in the catalogue's order."""
        return tuple(
            (item.label.say(locale.language), _shown(item, filters[item.name], locale))
            for item in self.filters
            if item.name in filters
        )


@lru_cache
def filter_model(report_type: ReportType) -> type[BaseModel]:
    """The pydantic model of a report type's filters; its JSON Schema is what the API publishes."""
    fields: dict[str, Any] = {}
    for item in report_type.filters:
        default: Any = list(item.default) if isinstance(item.default, tuple) else item.default
        if item.required:
            fields[item.name] = (_annotation(item), Field(description=item.description.en))
        else:
            fields[item.name] = (
                _annotation(item) | None,
                Field(default=default, validate_default=True, description=item.description.en),
            )
    return create_model(
        f"{report_type.type.title().replace('_', '')}Filters",
        __config__=ConfigDict(extra="forbid", frozen=True),
        **fields,
    )


def _all_optional(filters: Sequence[Filter]) -> tuple[Filter, ...]:
    return tuple(item.model_copy(update={"required": False, "default": None}) for item in filters)


def _annotation(item: Filter) -> Any:
    limits = {"ge": item.minimum, "le": item.maximum}
    if item.kind == "date":
        days = {name: date.fromisoformat(str(day)) for name, day in limits.items() if day is not None}
        return Annotated[date, BeforeValidator(_require_iso_date), Field(**days)]
    if item.kind == "choice":
        choice: Any = Literal.__getitem__(item.choices)
        return Annotated[list[choice], Field(min_length=1, max_length=len(item.choices))]
    if item.kind == "integer":
        # What Postgres' bigint holds.
        least = -(2**63) if item.minimum is None else int(item.minimum)
        most = 2**63 - 1 if item.maximum is None else int(item.maximum)
        return Annotated[int, Field(strict=True, ge=least, le=most)]
    if item.kind == "amount":
        amounts = {name: Decimal(str(value)) for name, value in limits.items() if value is not None}
        return Annotated[Decimal, BeforeValidator(_require_exact), Field(max_digits=38, **amounts)]
    # Postgres text can't hold NUL.
    return Annotated[str, Field(min_length=1, max_length=item.max_length, pattern=r"^[^\x00]*$")]


def _require_exact(value: object) -> object:
    """A JSON number with a fraction has already lost digits when it gets here."""
    if isinstance(value, str | int) and not isinstance(value, bool):
        return value
    raise ValueError('give an amount as text, like "12.50"')


def _shown(item: Filter, value: Any, locale: Locale) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    if item.kind == "date":
        return locale.format_date(value)
    return locale.format_number(str(value)) if item.kind == "amount" else str(value)


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
