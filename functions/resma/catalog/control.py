"""Checks of `[control]` in report.toml and of its query, control.sql."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from resma.catalog.diagnostics import Diagnostic, suggest
from resma.catalog.query_text import Tenants, find_parameters, find_query_errors

if TYPE_CHECKING:
    from resma.catalog.model import ControlSpec, ReportType


def find_control_query_errors(
    query: str, filters: Collection[str] | None, *, tenants: Tenants = "required"
) -> Iterator[Diagnostic]:
    """Yields errors of the text of control.sql. The arguments are those of `find_query_errors`."""
    for found in find_query_errors(query, filters, tenants=tenants):
        yield replace(found, file="control.sql")


def find_control_errors(report_type: ReportType) -> Iterator[Diagnostic]:
    """Yields errors of `[control]` and of the text of control.sql."""
    spec, query = report_type.control, report_type.control_query
    if query is not None:
        names = [item.name for item in report_type.filters]
        yield from find_control_query_errors(query, names, tenants=report_type.tenants)
        if spec is None:
            message = "The file is not used. Write [control] in report.toml, or remove the file."
            yield Diagnostic(message, file="control.sql", line=1)
    if spec is None:
        return
    if query is None:
        yield Diagnostic("The file control.sql is missing. Write the control query to it.", ("control",))
    if report_type.totals is None:
        yield Diagnostic("`[control]` requires `[totals]`. Add it, or remove `[control]`.", ("control",))
    yield from _find_filter_errors(report_type, spec, find_parameters(query) if query is not None else None)


def _find_filter_errors(
    report_type: ReportType, spec: ControlSpec, parameters: Collection[str] | None
) -> Iterator[Diagnostic]:
    """Yields filters with which every report would fail, because the control query does not apply them."""
    filters = {item.name: item for item in report_type.filters}
    for index, name in enumerate(spec.unless_filtered_by):
        key_path = ("control", "unless_filtered_by", index)
        if name not in filters:
            yield Diagnostic(f"Filter '{name}' does not exist. {suggest(name, filters)}", key_path)
        elif filters[name].required or filters[name].default is not None:
            message = f"Filter '{name}' is always set, so the control query would never run. Use it in control.sql."
            yield Diagnostic(message, key_path)
    for index, name in enumerate(filters):
        if parameters is not None and name not in parameters and name not in spec.unless_filtered_by:
            message = (
                f"Filter '{name}' is not used in control.sql, so the totals would differ if it is set. Use %({name})s "
                "in a condition of control.sql, or add the filter to `unless_filtered_by` of [control]."
            )
            yield Diagnostic(message, ("filters", index, "name"))
