"""Translates report.toml, as people write it, into the shape of the model, and key paths of errors back.

In report.toml, columns and filters are tables by name, whose values are a kind or a table; in the model they are arrays
of tables with a `name`. Keys that follow from the name of the folder may be omitted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from resma.catalog.diagnostics import CatalogCheckError, Diagnostic, KeyPath
from resma.catalog.texts import name_in_words

_BY_NAME = {"columns": "column", "filters": "filter"}
_EXAMPLES = {
    "columns": 'a line such as order_date = "date" for each column',
    "filters": 'a line such as from = "date" for each filter',
}
_DERIVED = {"title", "description", "heading", "label"}
_NOT_IN_FILE = {
    "query": "The query belongs in query.sql. Remove this key.",
    "control_query": "The control query belongs in control.sql. Remove this key.",
    "tenants": "The key `tenants` belongs in resma.toml, beside the folders of the report types. Move it there.",
}


def expand(described: Mapping[str, Any], folder_name: str) -> tuple[dict[str, Any], list[Diagnostic]]:
    """Returns report.toml in the shape of the model, and errors of its short form, whose key paths are of the file.

    Raises CatalogCheckError if columns or filters are not tables by name, so that nothing else can be checked.
    """
    _require_tables(described)
    expanded = {key: value for key, value in described.items() if key not in _NOT_IN_FILE}
    diagnostics = [Diagnostic(message, (key,)) for key, message in _NOT_IN_FILE.items() if key in described]
    expanded.setdefault("type", type_of_folder(folder_name))
    expanded.setdefault("file_name", re.sub(r"[^a-z0-9]+", "-", folder_name.lower()).strip("-"))
    expanded.setdefault("title", name_in_words(folder_name))
    for table in _BY_NAME:
        if table in described:
            expanded[table], found = _expand_table(table, described[table])
            diagnostics += found
    expanded["charts"] = _expand_charts(expanded)
    return expanded, diagnostics


def type_of_folder(name: str) -> str:
    """Returns the name of the report type in a folder: `DAILY_SUMMARY` for `daily_summary`."""
    return re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_")


def in_file(diagnostics: Iterable[Diagnostic], expanded: Mapping[str, Any]) -> list[Diagnostic]:
    """Returns diagnostics about the model with key paths of the file: `columns.freight.kind`, not `columns[2].kind`.

    `expanded` is the report type in the shape of the model, as `expand` or `ReportType.model_dump` returns it.
    """
    return [replace(item, key_path=_path_in_file(item.key_path, expanded)) for item in diagnostics]


def _path_in_file(key_path: KeyPath, expanded: Mapping[str, Any]) -> KeyPath:
    match key_path:
        case (str(table), int(index), *rest) if table in _BY_NAME:
            name = expanded[table][index].get("name", "")
            return (table, name, *(() if rest == ["name"] else rest))
        case _:
            return key_path


def is_derived(key_path: KeyPath, described: Mapping[str, Any]) -> bool:
    """Returns whether a value is not in report.toml, because it follows from another one, which has the same error."""
    value: Any = described
    for part in key_path:
        value = dict(enumerate(value)) if isinstance(value, list) else value
        if not isinstance(value, Mapping) or part not in value:
            return part in _DERIVED
        value = value[part]
    return False


def _require_tables(described: Mapping[str, Any]) -> None:
    diagnostics = [
        Diagnostic(f"`{table}` must be a table: write [{table}], and below it {_EXAMPLES[table]}.", (table,))
        for table in _BY_NAME
        if not isinstance(described.get(table, {}), Mapping)
    ]
    if diagnostics:
        raise CatalogCheckError(diagnostics)


def _expand_table(table: str, value: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[Diagnostic]]:
    """Returns `[columns]` or `[filters]` as a list of tables with names, and errors of its form."""
    found = [
        Diagnostic(f"The name of a {_BY_NAME[table]} is its key, here '{name}'. Remove `name`.", (table, name, "name"))
        for name, item in value.items()
        if isinstance(item, Mapping) and "name" in item
    ]
    items = [{**(item if isinstance(item, Mapping) else {"kind": item}), "name": name} for name, item in value.items()]
    return items, found


def _expand_charts(expanded: Mapping[str, Any]) -> Any:
    """Returns the charts, in which a chart without a title has the heading of its column as its title."""
    charts = expanded.get("charts", [])
    if not isinstance(charts, list):
        return charts
    columns = {column["name"]: column for column in expanded.get("columns", [])}
    return [_expand_chart(chart, columns) if isinstance(chart, Mapping) else chart for chart in charts]


def _expand_chart(chart: Mapping[str, Any], columns: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    name = str(chart.get("by", ""))
    heading = columns.get(name, {}).get("heading", name_in_words(name) or "Chart")
    return {"title": heading, "unit": "rows", **chart}
