"""The pydantic models of a report type: report.toml with its query."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import chain
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from resma.catalog.column_defaults import with_defaults
from resma.catalog.consistency import find_column_errors, find_filter_errors, find_kind_errors, find_name_errors
from resma.catalog.control import find_control_errors
from resma.catalog.diagnostics import CatalogCheckError, Diagnostic
from resma.catalog.file_names import find_file_name_errors, require_file_name
from resma.catalog.filters import check_named_values, check_values, format_values
from resma.catalog.query_text import find_query_errors
from resma.catalog.split.consistency import find_split_errors
from resma.catalog.split.file_names import file_name_of_key
from resma.catalog.split.keys import (
    MAX_SPLIT_COLUMNS,
    content_of_key,
    filters_of_key,
    require_split_columns,
    title_of_key,
)
from resma.catalog.system_records import find_system_errors
from resma.catalog.texts import LocalizedText, default_label, name_in_words
from resma.i18n.locales import Locale
from resma.report.content import ReportContent
from resma.report.decimal_types import MAX_PRECISION, DecimalType
from resma.report.format_options import PdfParts
from resma.report.header import Kind
from resma.report.rows import Row
from resma.request_errors import FieldError, RequestInvalidError

_Model = TypeVar("_Model", bound=BaseModel)
_Content = TypeVar("_Content", bound=ReportContent)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _require_type(name: str) -> str:
    """Raises ValueError if the name is not one of a report type."""
    if not re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
        raise ValueError('It must consist of capital letters, digits and _, and start with a letter, like "ORDERS".')
    return name


def _require_filter_name(name: str) -> str:
    """Raises ValueError if the name cannot be written as a parameter of the query."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(
            "It must consist of lower-case letters, digits and _, and start with a letter, like ship_country."
        )
    return name


def _to_plain_value(value: object) -> object:
    """Returns a TOML date as an ISO 8601 string. Raises ValueError for a Boolean or an inexact float."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool | float):
        message = 'It must be a string or an integer. Write an amount as a string, like "12.50".'
        raise ValueError(message)  # noqa: TRY004  # pydantic only converts ValueError
    return value


class _Hashable(dict[str, LocalizedText]):
    """A mapping that can be a field of a hashable model, because nothing changes it."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))


class ColumnSpec(_Frozen):
    """One column of a report type."""

    name: str = Field(min_length=1, max_length=63)
    """Name in the result of the query: any name that Postgres allows."""
    heading: LocalizedText
    kind: Kind = "text"
    width: float = Field(default=20.0, gt=0, le=1000)
    """Relative width of the column in formats that have pages."""
    align: Literal["left", "right"] = "left"
    grouped: bool = Field(default=False, strict=True)
    """Whether thousands are separated in files for people."""
    wrap: bool = Field(default=False, strict=True)
    """Whether a long text is broken into several lines in files for people."""
    decimals: int = Field(default=0, ge=0, le=20)
    """Minimum number of decimals that an amount is shown with."""
    precision: int | None = Field(default=None, ge=1, le=MAX_PRECISION)
    """Total number of digits of an amount, including decimals, in formats with types. Requires `scale`."""
    scale: int | None = Field(default=None, ge=0, le=MAX_PRECISION)
    """Maximum number of decimals of an amount. It is the default of `decimals`, so that all values have as many."""
    hidden: bool = Field(default=False, strict=True)
    """Whether no file shows the column: it is only used for sorting, totals or charts."""
    personal: bool = Field(default=False, strict=True)
    """Whether values are masked for callers without the scope personal:read."""

    @model_validator(mode="before")
    @classmethod
    def _add_defaults(cls, value: object) -> object:
        """Adds what follows from the name and the kind."""
        if not isinstance(value, Mapping):
            return value
        heading = value.get("heading", name_in_words(str(value.get("name", ""))))
        return with_defaults({**value, "heading": heading}, heading if isinstance(heading, str) else "")

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        return _require_none(self, find_column_errors(self))

    @property
    def decimal(self) -> DecimalType | None:
        """Type of an amount in formats with types; None if the query determines it."""
        return None if self.scale is None else DecimalType(self.precision or MAX_PRECISION, self.scale)

    @property
    def fixed_scale(self) -> int | None:
        """Number of decimals that all values are padded to with zeros; None if values keep their decimals."""
        return self.scale if self.scale is not None and self.decimals == self.scale else None


MAX_FILTER_CHARACTERS = 10_000
"""Largest `max_length` of a filter of kind text."""


class Filter(_Frozen):
    """One filter that a request may set.

    `minimum` and `maximum` limit an integer, an amount or a date, and `max_length` limits a string. `not_before` names
    a date filter: this filter's date must not be earlier than that one.
    """

    name: Annotated[str, AfterValidator(_require_filter_name)]
    label: LocalizedText
    description: LocalizedText
    kind: Literal["date", "choice", "text", "integer", "amount"]
    choices: tuple[str, ...] = ()
    choice_labels: Annotated[Mapping[str, LocalizedText], AfterValidator(_Hashable)] = Field(default_factory=_Hashable)
    """Labels of the choices, for user interfaces. Requests and files contain the choices themselves."""
    not_before: str | None = None
    required: bool = False
    default: Annotated[str | int | tuple[str, ...] | None, BeforeValidator(_to_plain_value)] = None
    minimum: Annotated[str | int | None, BeforeValidator(_to_plain_value)] = None
    maximum: Annotated[str | int | None, BeforeValidator(_to_plain_value)] = None
    max_length: int = Field(default=200, ge=1, le=MAX_FILTER_CHARACTERS)
    personal: bool = Field(default=False, strict=True)
    """Whether the filter requires the scope personal:read: otherwise callers could find masked values by trial."""

    @model_validator(mode="before")
    @classmethod
    def _add_defaults(cls, value: object) -> object:
        """Adds the label, which follows from the name, and the description, which is the label."""
        if not isinstance(value, Mapping):
            return value
        label = value.get("label", default_label(str(value.get("name", "")), value.get("kind")))
        return {"description": label, **value, "label": label}

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        return _require_none(self, find_filter_errors(self))


class SortKey(_Frozen):
    """A column that rows are sorted by. report.toml writes it as a string: `order_id`, or `-order_id` if descending."""

    name: str
    descending: bool = False

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: object) -> object:
        """Raises ValueError if the value is not a string."""
        if isinstance(value, SortKey | Mapping):
            return value
        if not isinstance(value, str):
            raise ValueError('It must be the name of a column, such as "order_id", or "-order_id" if descending.')  # noqa: TRY004
        return {"name": value.removeprefix("-"), "descending": value.startswith("-")}

    def __str__(self) -> str:
        """Returns the column as report.toml writes it."""
        return f"-{self.name}" if self.descending else self.name


class Totals(_Frozen):
    """The columns that are added up, and the currency column that they are grouped by, if amounts have currencies."""

    amounts: tuple[str, ...] = Field(min_length=1, max_length=12)
    """The first one is the amount of charts. The maximum keeps events small."""
    currency: str | None = None


class BalanceSpec(_Frozen):
    """The column with the balance after each row, and the column with the amount that the row adds to it."""

    column: str
    amount: str


class SplitSpec(_Frozen):
    """Columns that a report may be split by, so that each key, which is a combination of their values, has a file."""

    by: tuple[str, ...] = Field(min_length=1, max_length=MAX_SPLIT_COLUMNS)
    """They lead `sort`. A request may name the first of them only."""
    file_name: Annotated[str, AfterValidator(require_file_name)] | None = None
    """Pattern of the names of files, without extension. None: that of the report type, with the columns."""
    title: LocalizedText | None = None
    """Title of each file, with placeholders for the columns. None: the title of the report type."""


class ChartSpec(_Frozen):
    """A chart on the first page. `by` is a column; kind `time` requires a date or timestamp, grouped by month."""

    title: LocalizedText
    kind: Literal["time", "bars", "share"]
    by: str
    unit: Literal["amount", "rows"]


MAX_RETENTION_DAYS = 36_500
"""Maximum number of days for which any deployment keeps files."""


class Limits(_Frozen):
    """Timeouts of the query in the database, in seconds."""

    statement_timeout_seconds: int = Field(default=300, ge=1, le=86_400)
    """Timeout of each statement: the summary, and each fetch of rows. The operator's maximum takes precedence."""
    lock_timeout_seconds: int = Field(default=5, ge=1, le=3600)
    """Timeout for a lock on a table that the query reads."""
    idle_timeout_seconds: int = Field(default=240, ge=1, le=3600)
    """Timeout between two fetches, while the rows read so far are stored."""


class ControlSpec(_Frozen):
    """The control query of a report type, whose result the totals must be equal to."""

    query: Literal["control.sql"] = "control.sql"
    unless_filtered_by: tuple[str, ...] = ()
    """Filters that the control query cannot apply: a report for which one of them is set has no control totals."""


class ReportType(_Frozen):
    """One type of report, as its folder describes it."""

    NOT_IN_FILE: ClassVar[frozenset[str]] = frozenset({"query", "control_query", "tenants"})
    """Fields that are not keys of report.toml."""

    type: Annotated[str, Field(max_length=100), AfterValidator(_require_type)]
    title: LocalizedText
    description: LocalizedText
    """What the report shows; by default its title."""
    file_name: Annotated[str, AfterValidator(require_file_name)]
    """Name of the files without extension, or a pattern of it (file_names.py)."""
    orientation: Literal["landscape", "portrait"] = "landscape"
    database: Literal["source", "system"] = "source"
    """Database that the query reads; `system`: Resma's own records, with the rules of system_records.py."""
    columns: tuple[ColumnSpec, ...]
    """All columns of the query that the report uses, including hidden ones."""
    filters: tuple[Filter, ...] = ()
    sort: tuple[SortKey, ...]
    """Columns that rows are sorted by. Together they must be unique, so that the order never varies."""
    watermark: str | None = None
    """Watermark column: the timestamp at which a row was written, if rows never change afterwards. A report that reads
    from several snapshots omits rows that are newer than the first snapshot."""
    period: str | None = None
    """Date or timestamp column that divides a long file, by contents and bookmarks. It must be the first of `sort`."""
    subtotals: Literal["day", "month", "year"] | None = None
    """Length of the periods that end with subtotals; None for no subtotals."""
    totals: Totals | None = None
    balance: BalanceSpec | None = None
    charts: tuple[ChartSpec, ...] = ()
    split: SplitSpec | None = None
    """Columns that a report of this type may be split by; None: it cannot be split."""
    limits: Limits = Limits()
    retention_days: int | None = Field(default=None, strict=True, ge=1, le=MAX_RETENTION_DAYS)
    """Days for which files are kept, for requests that name none. None: as long as the deployment says."""
    pdf: PdfParts = PdfParts()
    """Parts of PDF files, for options that a request does not set."""
    query: str
    control: ControlSpec | None = None
    control_query: str | None = None
    """Content of control.sql; None if there is no such file."""
    tenants: Literal["required", "none"] = "required"
    """Whether the query selects the rows of one tenant. It is a setting of the catalog (resma.toml)."""

    @model_validator(mode="before")
    @classmethod
    def _add_defaults(cls, value: object) -> object:
        return {"description": value["title"], **value} if isinstance(value, Mapping) and "title" in value else value

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        _require_none(self, find_name_errors(self.model_dump(), self.query))
        filters = [item.name for item in self.filters]
        query_errors = find_query_errors(self.query, filters, tenants=self.tenants)
        name_errors = find_file_name_errors(self.file_name, self.filters)
        split_errors, control_errors = find_split_errors(self), find_control_errors(self)
        return _require_none(
            self,
            chain(
                find_kind_errors(self),
                split_errors,
                name_errors,
                query_errors,
                control_errors,
                find_system_errors(self),
            ),
        )

    @property
    def shown_columns(self) -> tuple[ColumnSpec, ...]:
        """The columns that a request may choose: all but the hidden ones."""
        return tuple(column for column in self.columns if not column.hidden)

    @property
    def sort_names(self) -> tuple[str, ...]:
        """Names of the columns that rows are sorted by."""
        return tuple(key.name for key in self.sort)

    def choose_columns(self, names: Sequence[str] | None) -> tuple[ColumnSpec, ...]:
        """Returns the columns that a request names, in its order; all but the hidden columns if `names` is None.

        Raises RequestInvalidError with a field error for each name that is unknown or duplicated.
        """
        if names is None:
            return self.shown_columns
        known = {column.name: column for column in self.shown_columns}
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

    def check_split_by(self, split_by: Sequence[str] | None) -> None:
        """Raises RequestInvalidError unless a report of this type can be split by these columns; None: not split."""
        require_split_columns(self, split_by)

    def filters_of_key(self, split_by: Sequence[str], cells: Row) -> dict[str, Any]:
        """Returns the filters that select the rows of a key, as JSON values by name. A column with NULL has none."""
        return filters_of_key(self, split_by, cells)

    def title_of_key(self, split_by: Sequence[str], cells: Row, locale: Locale) -> str:
        """Returns the title of a key's file, if the request sets none."""
        return title_of_key(self, split_by, cells, locale)

    def content_of_key(self, content: _Content, cells: Row, locale: Locale) -> _Content:
        """Returns the content of a key's file: that of a report which is not split, with filters and title of the key.

        A title that the request sets is the title of all files.
        """
        return content_of_key(self, content, cells, locale)

    def file_name_of_key(self, split_by: Sequence[str], cells: Row, number: int, values: Mapping[str, Any]) -> str:
        """Returns the name of a key's file without its extension. No other key of the report has it, in any case.

        `values` are the values of placeholders that are the same for all files (`placeholder_values`).
        """
        return file_name_of_key(self, split_by, cells, number, values)

    def check_filters(self, filters: Mapping[str, Any], split_by: Sequence[str] = ()) -> dict[str, Any]:
        """Returns the filters as JSON values, with defaults. Filters that are not set or null are omitted.

        The filters of columns that the report is split by must not be set. Raises RequestInvalidError with a field
        error for each filter that is unknown, missing, not valid, or a date before another one.
        """
        return check_values(self, filters, tuple(split_by))

    def check_named_filters(self, filters: Mapping[str, Any]) -> dict[str, Any]:
        """Returns some filters as JSON values, for a search: none is required. Raises RequestInvalidError."""
        return check_named_values(self, filters)

    def describe_filters(self, filters: Mapping[str, Any], locale: Locale) -> tuple[tuple[str, str], ...]:
        """Returns pairs of label and formatted value, in the catalog's order."""
        return format_values(self.filters, filters, locale)


def _require_none(model: _Model, diagnostics: Iterator[Diagnostic]) -> _Model:
    if errors := list(diagnostics):
        raise CatalogCheckError(errors)
    return model
