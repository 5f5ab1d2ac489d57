"""What must agree inside a report type: names with columns, kinds with what is done with them, limits with values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from resma.catalog.diagnostics import Diagnostic, Place, lower_first, suggest
from resma.catalog.filters import make_model
from resma.catalog.query_text import TENANT, find_parameters
from resma.validation_messages import advise

if TYPE_CHECKING:
    from resma.catalog.model import ColumnSpec, Filter, ReportType

_DATES = {"date", "timestamp"}
_NUMBERS = {"integer", "amount"}
_MASKABLE = {"text", "json"}


def name_mistakes(described: Mapping[str, Any], query: str) -> Iterator[Diagnostic]:
    """Names that mean nothing or two things. `described` may be report.toml as it was read, whatever its shape."""
    columns, filters = _names(described, "columns"), _names(described, "filters")
    yield from _repeated("column", "columns", columns)
    yield from _repeated("filter", "filters", filters)
    yield from _repeated("sort", "sort", _list(described, "sort"))
    for at, name in _column_references(described):
        if isinstance(name, str) and name not in columns:
            yield Diagnostic(f"no column is named {name}: {suggest(name, filter(None, columns))}", at)
    used = find_parameters(query)
    for index, name in enumerate(filters):
        if name == TENANT:
            yield Diagnostic(
                f"filter {name}: this name is the system's own: choose another", ("filters", index, "name")
            )
        elif name is not None and name not in used:
            remedy = f"use %({name})s in a condition, or leave the filter out"
            yield Diagnostic(f"filter {name} is never used in query.sql: {remedy}", ("filters", index, "name"))
    for index, item in enumerate(_list(described, "filters")):
        other = item.get("not_before") if isinstance(item, Mapping) else None
        if isinstance(other, str) and other not in filters:
            says = f"filter {filters[index]}: not_before names no filter: {suggest(other, filter(None, filters))}"
            yield Diagnostic(says, ("filters", index, "not_before"))


def column_mistakes(column: ColumnSpec) -> Iterator[Diagnostic]:
    """A column's format and decimals fit its kind."""
    if column.format == "grouped" and column.kind not in _NUMBERS:
        yield Diagnostic("format 'grouped' is for kinds integer and amount: leave it out", ("format",))
    if column.format == "wrap" and (column.kind not in {"text", "json"} or column.align == "right"):
        yield Diagnostic("format 'wrap' is for kinds text and json, aligned left: leave it out", ("format",))
    if column.decimals and column.kind != "amount":
        yield Diagnostic("decimals are for kind amount: leave them out", ("decimals",))
    yield from _decimal_mistakes(column)
    if column.personal and column.kind not in _MASKABLE:
        yield Diagnostic("personal is for kinds text and json, which can be masked: leave it out", ("personal",))


def _decimal_mistakes(column: ColumnSpec) -> Iterator[Diagnostic]:
    if column.precision is None and column.scale is None:
        return
    at = "scale" if column.precision is None else "precision"
    if column.kind != "amount":
        yield Diagnostic("precision and scale are for kind amount: leave them out", (at,))
    elif column.precision is None or column.scale is None:
        yield Diagnostic("precision and scale must be set together: add the other one", (at,))
    elif column.scale > column.precision:
        yield Diagnostic(
            "scale must not be more than precision, which counts all digits: change one of them", ("scale",)
        )


def filter_mistakes(item: Filter) -> Iterator[Diagnostic]:
    """A filter's parts fit its kind, its limits are values of it, and its default is within them."""
    if item.kind == "choice" and not item.choices:
        yield Diagnostic("kind 'choice' needs choices: add choices = [\"…\"]", ("kind",))
    if item.kind != "choice" and item.choices:
        yield Diagnostic('choices are for kind choice: leave them out, or make it kind = "choice"', ("choices",))
    yield from _repeated("choice", "choices", item.choices)
    yield from _choice_label_mistakes(item)
    if item.kind != "text" and "max_length" in item.model_fields_set:
        yield Diagnostic("max_length is for kind text: leave it out", ("max_length",))
    if item.kind != "date" and item.not_before:
        yield Diagnostic("not_before is for kind date: leave it out", ("not_before",))
    if item.required and item.default is not None:
        yield Diagnostic("what is required needs no default: leave one of them out", ("default",))
    limits = list(_limit_mistakes(item))
    yield from limits
    if item.default is not None and not limits and (item.kind == "choice") == bool(item.choices):
        yield from _default_mistakes(item)


def _choice_label_mistakes(item: Filter) -> Iterator[Diagnostic]:
    """Labels are all there or none, and each is of a choice."""
    for choice in item.choice_labels:
        if choice not in item.choices:
            says = f"choice_labels: {choice} is not one of the choices: correct it, or remove it"
            yield Diagnostic(says, ("choice_labels", choice))
    missing = [choice for choice in item.choices if choice not in item.choice_labels]
    if item.choice_labels and missing:
        yield Diagnostic(f"choice_labels has no label for {', '.join(missing)}: add one", ("choice_labels",))


def kind_mistakes(report_type: ReportType) -> Iterator[Diagnostic]:
    """Columns are of a kind that can be added up, divided by or sorted by. Their names are known to be right."""
    kinds = {column.name: column.kind for column in report_type.columns}
    if report_type.cut_off and kinds[report_type.cut_off] != "timestamp":
        yield Diagnostic("cut_off must be a column of kind timestamp: a day is too coarse", ("cut_off",))
    if report_type.period and kinds[report_type.period] not in _DATES:
        yield Diagnostic("the period must be a column of kind date or timestamp", ("period",))
    if report_type.period and report_type.sort[0] != report_type.period:
        yield Diagnostic(f"sort must begin with the period: write {report_type.period} first", ("sort",))
    if report_type.subtotals and not (report_type.period and report_type.totals):
        yield Diagnostic("subtotals need a period and [totals]: add them, or leave subtotals out", ("subtotals",))
    for index, name in enumerate(report_type.sort):
        if kinds[name] == "json":
            yield Diagnostic(f"rows can't be sorted by {name}, which is json", ("sort", index))
    for at, name in _amount_references(report_type):
        if kinds[name] not in _NUMBERS:
            yield Diagnostic(f"{name} can't be added up: this must be a column of kind amount or integer", at)
    yield from _chart_mistakes(report_type, kinds)
    yield from _personal_mistakes(report_type)
    filters = {item.name: item.kind for item in report_type.filters}
    for index, item in enumerate(report_type.filters):
        if item.not_before and filters[item.not_before] != "date":
            says = f"filter {item.name}: not_before must name a filter of kind date"
            yield Diagnostic(says, ("filters", index, "not_before"))


def _personal_mistakes(report_type: ReportType) -> Iterator[Diagnostic]:
    """What is masked in the rows must not show elsewhere, and must not be felt for."""
    personal = {column.name for column in report_type.columns if column.personal}
    if report_type.totals and report_type.totals.currency in personal:
        says = f"{report_type.totals.currency} is personal, and totals show its values: take another column"
        yield Diagnostic(says, ("totals", "currency"))
    for index, chart in enumerate(report_type.charts):
        if chart.by in personal:
            says = f"{chart.by} is personal, and a chart shows its values: take another column"
            yield Diagnostic(says, ("charts", index, "by"))
    for index, item in enumerate(report_type.filters):
        if item.name in personal and not item.personal:
            says = f"filter {item.name} is by a personal column: add personal = true"
            yield Diagnostic(says, ("filters", index, "name"))


def _chart_mistakes(report_type: ReportType, kinds: Mapping[str, str]) -> Iterator[Diagnostic]:
    for index, chart in enumerate(report_type.charts):
        if chart.kind == "time" and kinds[chart.by] not in _DATES:
            says = f"a chart of kind time needs a column of kind date or timestamp: {chart.by} is none"
            yield Diagnostic(says, ("charts", index, "by"))
        if chart.unit == "amount" and not report_type.totals:
            says = f'the chart by {chart.by} shows amounts, which need [totals]: add it, or make it unit = "rows"'
            yield Diagnostic(says, ("charts", index, "unit"))


def _amount_references(report_type: ReportType) -> Iterator[tuple[Place, str]]:
    if report_type.totals:
        yield ("totals", "amount"), report_type.totals.amount
    if report_type.balance:
        yield ("balance", "amount"), report_type.balance.amount
        yield ("balance", "column"), report_type.balance.column


def _limit_mistakes(item: Filter) -> Iterator[Diagnostic]:
    if item.kind in {"choice", "text"}:
        for name in ("minimum", "maximum"):
            if getattr(item, name) is not None:
                yield Diagnostic(f"{name} is for kinds date, integer and amount: leave it out", (name,))
        return
    read = {}
    for name in ("minimum", "maximum"):
        value = getattr(item, name)
        try:
            read[name] = None if value is None else _read_limit(item.kind, value)
        except (ValueError, InvalidOperation):
            like = {"date": '"2020-12-31"', "integer": "12", "amount": '"12.50"'}[item.kind]
            yield Diagnostic(f"{name} {value!r} is no {item.kind}: write one like {like}", (name,))
            return
    if read["minimum"] is not None and read["maximum"] is not None and read["minimum"] > read["maximum"]:
        yield Diagnostic("minimum is greater than maximum: change one of them", ("minimum",))


def _read_limit(kind: str, value: str | int) -> Any:
    if kind == "date":
        return date.fromisoformat(str(value))
    if kind == "integer" and not isinstance(value, int):
        raise ValueError(value)
    return Decimal(value)


def _default_mistakes(item: Filter) -> Iterator[Diagnostic]:
    default = list(item.default) if isinstance(item.default, tuple) else item.default
    try:
        make_model("Default", (item.model_copy(update={"default": None}),)).model_validate({item.name: default})
    except ValidationError as error:
        for wrong in error.errors(include_url=False):
            says = f"the default {default!r} can't be used: {lower_first(advise(wrong))}"
            yield Diagnostic(says, ("default", *wrong["loc"][1:]))


def _column_references(described: Mapping[str, Any]) -> Iterator[tuple[Place, Any]]:
    """Everything in report.toml that names a column."""
    for index, name in enumerate(_list(described, "sort")):
        yield ("sort", index), name
    yield ("period",), described.get("period")
    yield ("cut_off",), described.get("cut_off")
    for table, keys in (("totals", ("amount", "currency")), ("balance", ("column", "amount"))):
        if isinstance(part := described.get(table), Mapping):
            yield from (((table, key), part.get(key)) for key in keys)
    for index, chart in enumerate(_list(described, "charts")):
        if isinstance(chart, Mapping):
            yield ("charts", index, "by"), chart.get("by")


def _names(described: Mapping[str, Any], table: str) -> list[str | None]:
    names = [item.get("name") if isinstance(item, Mapping) else None for item in _list(described, table)]
    return [name if isinstance(name, str) else None for name in names]


def _repeated(what: str, table: str, names: Sequence[Any]) -> Iterator[Diagnostic]:
    for index, name in enumerate(names):
        if isinstance(name, str) and name in names[:index]:
            at: Place = (table, index, "name") if table in {"columns", "filters"} else (table, index)
            yield Diagnostic(f"{what} {name} comes twice: leave one out, or name it differently", at)


def _list(described: Mapping[str, Any], key: str) -> Sequence[Any]:
    value = described.get(key)
    return value if isinstance(value, list | tuple) else ()
