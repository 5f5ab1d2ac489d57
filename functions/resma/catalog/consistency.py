"""Consistency of a report type: names refer to columns and filters, and settings fit the kinds they are used with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from resma.catalog.diagnostics import Diagnostic, KeyPath, suggest
from resma.catalog.filters import make_model
from resma.catalog.query_text import TENANT, find_parameters
from resma.report.kinds import ADDABLE, DATED, MASKABLE, UNSORTABLE
from resma.validation_messages import advise

if TYPE_CHECKING:
    from resma.catalog.model import ColumnSpec, Filter, ReportType

_GROUPED = {"integer", "amount"}
_LIMIT_EXAMPLES = {"date": '"2020-12-31"', "integer": "12", "amount": '"12.50"'}


_FIRST = {
    "columns": 'a line for each column of the query, such as order_date = "date"',
    "sort": "columns that identify each row, such as the primary key",
}


def find_name_errors(described: Mapping[str, Any], query: str) -> Iterator[Diagnostic]:
    """Yields names that are unknown or duplicated. `described` is report.toml as parsed; its shape may be wrong."""
    columns, filters = _names(described, "columns"), _names(described, "filters")
    yield from _find_duplicates("`sort` column", ("sort",), _sort_names(described))
    if isinstance(totals := described.get("totals"), Mapping):
        yield from _find_duplicates("Amount", ("totals", "amounts"), _list(totals, "amounts"))
    if isinstance(split := described.get("split"), Mapping):
        yield from _find_duplicates("Column", ("split", "by"), _list(split, "by"))
    for key in ("columns", "sort"):
        if key in described and not described[key]:
            yield Diagnostic(f"`{key}` is empty. Add {_FIRST[key]}.", (key,))
    for key_path, name in _column_references(described):
        if isinstance(name, str) and name not in columns:
            yield Diagnostic(f"Column '{name}' does not exist. {suggest(name, filter(None, columns))}", key_path)
    yield from _find_filter_name_errors(filters, find_parameters(query))
    for index, item in enumerate(_list(described, "filters")):
        other = item.get("not_before") if isinstance(item, Mapping) else None
        if isinstance(other, str) and other not in filters:
            message = (
                f"Filter '{filters[index]}': `not_before` names filter '{other}', which does not exist. "
                f"{suggest(other, filter(None, filters))}"
            )
            yield Diagnostic(message, ("filters", index, "not_before"))


def _find_filter_name_errors(filters: Sequence[str | None], parameters: Mapping[str, int]) -> Iterator[Diagnostic]:
    for index, name in enumerate(filters):
        key_path = ("filters", index, "name")
        if name == TENANT:
            yield Diagnostic(f"Filter '{name}': This name is reserved for the system. Choose another name.", key_path)
        elif name is not None and name.isidentifier() and name not in parameters:
            message = f"Filter '{name}' is not used in query.sql. Use %({name})s in a condition, or remove the filter."
            yield Diagnostic(message, key_path)


def find_column_errors(column: ColumnSpec) -> Iterator[Diagnostic]:
    """Yields settings of a column that its kind does not have."""
    if column.grouped and column.kind not in _GROUPED:
        yield Diagnostic("`grouped` is only for kinds integer and amount. Remove it.", ("grouped",))
    if column.wrap and (column.kind not in {"text", "json"} or column.align == "right"):
        yield Diagnostic("`wrap` is only for kinds text and json, aligned left. Remove it.", ("wrap",))
    if column.decimals and column.kind != "amount":
        yield Diagnostic("`decimals` is only for kind amount. Remove it.", ("decimals",))
    yield from _find_precision_errors(column)
    if column.personal and column.kind not in MASKABLE:
        message = (
            "`personal` is only for kinds text and json, because only their values can be masked. Remove it, or write "
            'kind = "text", which can show every type.'
        )
        yield Diagnostic(message, ("personal",))


def _find_precision_errors(column: ColumnSpec) -> Iterator[Diagnostic]:
    if column.precision is None and column.scale is None:
        return
    key_path = ("scale" if column.precision is None else "precision",)
    if column.kind != "amount":
        yield Diagnostic("`precision` and `scale` are only for kind amount. Remove them.", key_path)
    elif column.scale is None:
        message = "`precision` requires `scale`, the number of decimals. Add it, such as scale = 2."
        yield Diagnostic(message, key_path)
    elif column.precision is not None and column.scale > column.precision:
        message = "`scale` must not be greater than `precision`, which counts all digits. Change one of them."
        yield Diagnostic(message, ("scale",))
    elif column.decimals > column.scale:
        message = "`decimals` must not be greater than `scale`, the maximum number of decimals. Change one of them."
        yield Diagnostic(message, ("decimals",))


def find_filter_errors(item: Filter) -> Iterator[Diagnostic]:
    """Yields settings of a filter that its kind does not have, and limits or a default that are not valid values."""
    if item.kind == "choice" and not item.choices:
        yield Diagnostic("Kind 'choice' requires choices. Add choices = [\"…\"].", ("kind",))
    if item.kind != "choice" and item.choices:
        yield Diagnostic('`choices` is only for kind choice. Remove it, or write kind = "choice".', ("choices",))
    yield from _find_duplicates("Choice", ("choices",), item.choices)
    yield from _find_choice_label_errors(item)
    if item.kind != "text" and "max_length" in item.model_fields_set:
        yield Diagnostic("`max_length` is only for kind text. Remove it.", ("max_length",))
    if item.kind != "date" and item.not_before:
        yield Diagnostic("`not_before` is only for kind date. Remove it.", ("not_before",))
    if item.required and item.default is not None:
        yield Diagnostic("A required filter must not have a default. Remove `required` or `default`.", ("default",))
    limit_errors = list(_find_limit_errors(item))
    yield from limit_errors
    if item.default is not None and not limit_errors and (item.kind == "choice") == bool(item.choices):
        yield from _find_default_errors(item)


def _find_choice_label_errors(item: Filter) -> Iterator[Diagnostic]:
    """Yields labels of unknown choices, and choices without a label if others have one."""
    for choice in item.choice_labels:
        if choice not in item.choices:
            message = f"`choice_labels`: '{choice}' is not one of the choices. Correct it, or remove it."
            yield Diagnostic(message, ("choice_labels", choice))
    missing = [choice for choice in item.choices if choice not in item.choice_labels]
    if item.choice_labels and missing:
        message = f"`choice_labels` has no label for {', '.join(missing)}. Add a label for each choice."
        yield Diagnostic(message, ("choice_labels",))


def find_kind_errors(report_type: ReportType) -> Iterator[Diagnostic]:
    """Yields uses of columns that their kinds do not allow. All names must have been checked before."""
    kinds = {column.name: column.kind for column in report_type.columns}
    if report_type.watermark and kinds[report_type.watermark] != "timestamp":
        yield Diagnostic("`watermark` must name a column of kind timestamp.", ("watermark",))
    yield from _find_period_errors(report_type, kinds)
    if not report_type.shown_columns:
        yield Diagnostic("All columns are hidden. Remove `hidden` from one of them.", ("columns",))
    for index, name in enumerate(report_type.sort_names):
        if kinds[name] in UNSORTABLE:
            message = f"Rows cannot be sorted by column '{name}', which is of kind json. Choose another column."
            yield Diagnostic(message, ("sort", index))
    for key_path, name in _amount_references(report_type):
        if kinds[name] not in ADDABLE:
            message = f"Column '{name}' cannot be added up. Name a column of kind amount, integer or float."
            yield Diagnostic(message, key_path)
    yield from _find_chart_errors(report_type, kinds)
    yield from _find_personal_errors(report_type)
    filters = {item.name: item.kind for item in report_type.filters}
    for index, item in enumerate(report_type.filters):
        if item.not_before and filters[item.not_before] != "date":
            message = f"Filter '{item.name}': `not_before` must name a filter of kind date."
            yield Diagnostic(message, ("filters", index, "not_before"))


def _find_period_errors(report_type: ReportType, kinds: Mapping[str, str]) -> Iterator[Diagnostic]:
    if report_type.period and kinds[report_type.period] not in DATED:
        yield Diagnostic("`period` must name a column of kind date, timestamp or local_timestamp.", ("period",))
    split_by = report_type.split.by if report_type.split else ()
    if report_type.period and report_type.sort_names[len(split_by) : len(split_by) + 1] != (report_type.period,):
        where, column = ("", "first") if not split_by else (" after those of `split.by`", f"after '{split_by[-1]}'")
        message = f"The first column of `sort`{where} must be the period. Write '{report_type.period}' {column}."
        yield Diagnostic(message, ("sort",))
    if report_type.subtotals and not (report_type.period and report_type.totals):
        message = "`subtotals` requires `period` and `[totals]`. Add them, or remove `subtotals`."
        yield Diagnostic(message, ("subtotals",))


def _find_personal_errors(report_type: ReportType) -> Iterator[Diagnostic]:
    """Yields totals, charts and filters that would reveal values of columns that are masked in the rows."""
    personal = {column.name for column in report_type.columns if column.personal}
    if report_type.totals and report_type.totals.currency in personal:
        message = (
            f"Column '{report_type.totals.currency}' is personal, and totals show its values. Choose another column."
        )
        yield Diagnostic(message, ("totals", "currency"))
    for index, chart in enumerate(report_type.charts):
        if chart.by in personal:
            message = f"Column '{chart.by}' is personal, and a chart shows its values. Choose another column."
            yield Diagnostic(message, ("charts", index, "by"))
    for index, item in enumerate(report_type.filters):
        if item.name in personal and not item.personal:
            message = f"Filter '{item.name}' has the name of a personal column. Add personal = true."
            yield Diagnostic(message, ("filters", index, "name"))


def _find_chart_errors(report_type: ReportType, kinds: Mapping[str, str]) -> Iterator[Diagnostic]:
    for index, chart in enumerate(report_type.charts):
        if chart.kind == "time" and kinds[chart.by] not in DATED:
            message = (
                f"A chart of kind time requires a column of kind date, timestamp or local_timestamp. '{chart.by}' is "
                f"of kind {kinds[chart.by]}."
            )
            yield Diagnostic(message, ("charts", index, "by"))
        if chart.unit == "amount" and not report_type.totals:
            message = (
                f"The chart by '{chart.by}' shows amounts, so it requires [totals]. Add it, or write unit = \"rows\"."
            )
            yield Diagnostic(message, ("charts", index, "unit"))


def _amount_references(report_type: ReportType) -> Iterator[tuple[KeyPath, str]]:
    if report_type.totals:
        for index, name in enumerate(report_type.totals.amounts):
            yield ("totals", "amounts", index), name
    if report_type.balance:
        yield ("balance", "amount"), report_type.balance.amount
        yield ("balance", "column"), report_type.balance.column


def _find_limit_errors(item: Filter) -> Iterator[Diagnostic]:
    if item.kind in {"choice", "text"}:
        for name in ("minimum", "maximum"):
            if getattr(item, name) is not None:
                yield Diagnostic(f"`{name}` is only for kinds date, integer and amount. Remove it.", (name,))
        return
    limits = {}
    for name in ("minimum", "maximum"):
        value = getattr(item, name)
        try:
            limits[name] = None if value is None else _read_limit(item.kind, value)
        except (ValueError, InvalidOperation):
            message = (
                f"`{name}` must be a value of kind {item.kind}, not {value!r}. "
                f"Write it like {_LIMIT_EXAMPLES[item.kind]}."
            )
            yield Diagnostic(message, (name,))
            return
    if limits["minimum"] is not None and limits["maximum"] is not None and limits["minimum"] > limits["maximum"]:
        yield Diagnostic("`minimum` must not be greater than `maximum`. Change one of them.", ("minimum",))


def _read_limit(kind: str, value: str | int) -> Any:
    if kind == "date":
        return date.fromisoformat(str(value))
    if kind == "integer" and not isinstance(value, int):
        raise ValueError(value)
    return Decimal(value)


def _find_default_errors(item: Filter) -> Iterator[Diagnostic]:
    default = list(item.default) if isinstance(item.default, tuple) else item.default
    try:
        make_model("Default", (item.model_copy(update={"default": None}),)).model_validate({item.name: default})
    except ValidationError as error:
        for wrong in error.errors(include_url=False):
            message = f"The default {default!r} is not valid. {advise(wrong)}"
            yield Diagnostic(message, ("default", *wrong["loc"][1:]))


def _column_references(described: Mapping[str, Any]) -> Iterator[tuple[KeyPath, Any]]:
    """Yields each value of report.toml that names a column, with its key path."""
    for index, name in enumerate(_sort_names(described)):
        yield ("sort", index), name
    yield ("period",), described.get("period")
    yield ("watermark",), described.get("watermark")
    if isinstance(split := described.get("split"), Mapping):
        yield from (((("split", "by", index)), name) for index, name in enumerate(_list(split, "by")))
    for table, keys in (("totals", ("currency",)), ("balance", ("column", "amount"))):
        if isinstance(part := described.get(table), Mapping):
            yield from (((table, key), part.get(key)) for key in keys)
            yield from (((table, "amounts", index), name) for index, name in enumerate(_list(part, "amounts")))
    for index, chart in enumerate(_list(described, "charts")):
        if isinstance(chart, Mapping):
            yield ("charts", index, "by"), chart.get("by")


def _names(described: Mapping[str, Any], table: str) -> list[str | None]:
    names = [item.get("name") if isinstance(item, Mapping) else None for item in _list(described, table)]
    return [name if isinstance(name, str) else None for name in names]


def _sort_names(described: Mapping[str, Any]) -> list[str | None]:
    """Returns the names of the columns of `sort`, each as a string of report.toml or as a `SortKey`."""
    items = [item.get("name") if isinstance(item, Mapping) else item for item in _list(described, "sort")]
    return [item.removeprefix("-") if isinstance(item, str) else None for item in items]


def _find_duplicates(noun: str, array: KeyPath, names: Sequence[Any]) -> Iterator[Diagnostic]:
    for index, name in enumerate(names):
        if isinstance(name, str) and name in names[:index]:
            yield Diagnostic(f"{noun} '{name}' is duplicated. Remove one, or rename it.", (*array, index))


def _list(described: Mapping[str, Any], key: str) -> Sequence[Any]:
    value = described.get(key)
    return value if isinstance(value, list | tuple) else ()
