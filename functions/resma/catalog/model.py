"""The shape of a report type: report.toml as pydantic models, with its query."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import chain
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from resma.catalog.consistency import column_mistakes, filter_mistakes, kind_mistakes, name_mistakes
from resma.catalog.diagnostics import CatalogCheckError, Diagnostic
from resma.catalog.filters import check_values, show_values
from resma.catalog.query_text import find_query_mistakes
from resma.errors import FieldError, RequestInvalidError
from resma.i18n.locales import Language, Locale
from resma.report.decimal_types import MAX_PRECISION, DecimalType
from resma.report.header import Kind

_NAME = r"^[a-z][a-z0-9_]*$"


_Model = TypeVar("_Model", bound=BaseModel)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _plain(value: object) -> object:
    """TOML has dates, which we write as text, and numbers with a fraction, which are not exact."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool | float):
        says = 'this is neither text nor a whole number: write an amount as text, like "12.50"'
        raise ValueError(says)  # noqa: TRY004  # pydantic takes no other
    return value


class Texts(_Frozen):
    """The same words in each language; German falls back to English where it is left out."""

    en: str = Field(min_length=1)
    pt: str = Field(min_length=1)
    de: str | None = Field(default=None, min_length=1)

    def say(self, language: Language) -> str:
        """The words in that language."""
        return {"en": self.en, "pt": self.pt, "de": self.de or self.en}[language]


class _Hashable(dict[str, Texts]):
    """A mapping in a model that must be hashable. Nothing changes it."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))


class ColumnSpec(_Frozen):
    """One column of a report type."""

    name: str = Field(pattern=_NAME)
    heading: Texts
    kind: Kind = "text"
    width: float = Field(default=1.0, gt=0, le=1000)
    """Share of the page's width in formats that have pages."""
    align: Literal["left", "right"] = "left"
    format: Literal["plain", "grouped", "wrap"] = "plain"
    """For people: `grouped` sets thousands apart, `wrap` lets a long text go on below instead of cutting it."""
    decimals: int = Field(default=0, ge=0, le=20)
    """Least digits after the decimal mark that an amount is shown with."""
    precision: int | None = Field(default=None, ge=1, le=MAX_PRECISION)
    """Digits of an amount in formats with types, those after the decimal mark included."""
    scale: int | None = Field(default=None, ge=0, le=MAX_PRECISION)
    """Digits of an amount after the decimal mark in formats with types; with `precision`, or neither."""
    personal: bool = Field(default=False, strict=True)
    """Masked for callers without the scope personal:read."""

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        return _require_none(self, column_mistakes(self))

    @property
    def decimal(self) -> DecimalType | None:
        """Type of an amount in formats with types; None where the query has to say it."""
        return None if self.precision is None or self.scale is None else DecimalType(self.precision, self.scale)


class Filter(_Frozen):
    """One filter that a request may set. `not_before` names another one: this one's date may not be earlier.

    `minimum` and `maximum` are limits of an integer, an amount or a date; `max_length` of a text.
    """

    name: str = Field(pattern=_NAME)
    label: Texts
    description: Texts
    kind: Literal["date", "choice", "text", "integer", "amount"]
    choices: tuple[str, ...] = ()
    choice_labels: Annotated[Mapping[str, Texts], AfterValidator(_Hashable)] = Field(default_factory=_Hashable)
    """Words for the choices, for people. Requests and files keep the values themselves."""
    not_before: str | None = None
    required: bool = False
    default: Annotated[str | int | tuple[str, ...] | None, BeforeValidator(_plain)] = None
    minimum: Annotated[str | int | None, BeforeValidator(_plain)] = None
    maximum: Annotated[str | int | None, BeforeValidator(_plain)] = None
    max_length: int = Field(default=200, ge=1, le=10_000)
    personal: bool = Field(default=False, strict=True)
    """By a personal column: only for callers with the scope personal:read, or others could feel for its values."""

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        return _require_none(self, filter_mistakes(self))


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


class Limits(_Frozen):
    """How long the database may work on the query, and wait, in seconds."""

    statement_timeout_seconds: int = Field(default=300, ge=1, le=86_400)
    """For each statement: the summary, and each fetch of rows. The operator's maximum comes first."""
    lock_timeout_seconds: int = Field(default=5, ge=1, le=3600)
    """For a lock on a table that the query reads."""
    idle_timeout_seconds: int = Field(default=240, ge=1, le=3600)
    """Between two fetches, while what was read is being stored."""


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
    """Columns, ascending. Together they must tell every row from every other, for the same file each time."""
    cut_off: str | None = None
    """The timestamp column that says when a row was written, if rows are not changed after: a report that reads from
    several snapshots leaves out what is newer than the first."""
    period: str | None = None
    """The date or timestamp column, first in `sort`, by which a long file is divided: contents, bookmarks."""
    subtotals: Literal["day", "month", "year"] | None = None
    """Whether each period ends with its totals, and how long a period is then."""
    totals: Totals | None = None
    balance: BalanceSpec | None = None
    charts: tuple[ChartSpec, ...] = ()
    limits: Limits = Limits()
    query: str

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        _require_none(self, name_mistakes(self.model_dump(), self.query))
        filters = [item.name for item in self.filters]
        return _require_none(self, chain(kind_mistakes(self), find_query_mistakes(self.query, filters)))

    def choose_columns(self, names: Sequence[str] | None) -> tuple[ColumnSpec, ...]:
        """The columns of a request, in its order; all of them where it names none.

        Raises RequestInvalidError with a fault for each name that is unknown or comes twice.
        """
        if names is None:
            return self.columns
        known = {column.name: column for column in self.columns}
        field_errors = [
            FieldError(
                f"/columns/{i}", f"{self.type} has no column {name[:100]!r}. Its columns are {', '.join(known)}."
            )
            if name not in known
            else FieldError(f"/columns/{i}", f"It must not contain {name} twice.")
            for i, name in enumerate(names)
            if name not in known or name in names[:i]
        ]
        if not names:
            field_errors = [FieldError("/columns", "It must have at least 1 item. Remove it to get all columns.")]
        if field_errors:
            raise RequestInvalidError.of(field_errors)
        return tuple(known[name] for name in names)

    def check_filters(self, filters: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the filters as JSON values, defaults filled in, without those that are not set; null is not set.

        Raises RequestInvalidError with one fault for each filter that is unknown, missing, malformed or out of order.
        """
        return check_values(self, filters)

    def describe_filters(self, filters: Mapping[str, Any], locale: Locale) -> tuple[tuple[str, str], ...]:
        """Pairs of label and value for people, in the catalog's order."""
        return show_values(self.filters, filters, locale)


def _require_none(model: _Model, diagnostics: Iterator[Diagnostic]) -> _Model:
    if found := list(diagnostics):
        raise CatalogCheckError(found)
    return model
