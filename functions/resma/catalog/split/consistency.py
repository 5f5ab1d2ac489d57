"""Consistency of `[split]` in report.toml with the columns, filters and order of the report type."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from resma.catalog.diagnostics import Diagnostic, suggest
from resma.catalog.file_names import PLACEHOLDER, find_file_name_errors
from resma.catalog.split.file_names import NUMBER

if TYPE_CHECKING:
    from resma.catalog.model import ReportType, SplitSpec

_FILTERS = {"text": ("text", "choice"), "uuid": ("text",), "integer": ("integer",), "date": ("date",)}
"""Kinds of filters that select one value of a column, by the kind of the column."""


def find_split_errors(report_type: ReportType) -> Iterator[Diagnostic]:
    """Yields errors of `[split]`. All names of columns must have been checked before."""
    if (split := report_type.split) is None:
        return
    if report_type.sort_names[: len(split.by)] != split.by:
        others = [str(key) for key in report_type.sort if key.name not in split.by]
        leading = [next((str(key) for key in report_type.sort if key.name == name), name) for name in split.by]
        order = ", ".join(f'"{name}"' for name in (*leading, *others))
        yield Diagnostic(
            f"The columns of `split.by` must lead `sort`, in this order, so that the rows of a file are together. "
            f"Write sort = [{order}].",
            ("sort",),
        )
    for index, name in enumerate(split.by):
        yield from _find_column_errors(report_type, index, name)
    yield from _find_date_errors(report_type, split)
    yield from _find_text_errors(report_type, split)


def _find_column_errors(report_type: ReportType, index: int, name: str) -> Iterator[Diagnostic]:
    """Yields errors of the kind of a column, and of the filter of the same name."""
    key_path = ("split", "by", index)
    kind = next(column.kind for column in report_type.columns if column.name == name)
    if kind not in _FILTERS:
        yield Diagnostic(
            f"Column '{name}' is of kind {kind}. A report can only be split by columns of kind "
            f"{', '.join(_FILTERS)}. Choose another column, or convert it in query.sql.",
            key_path,
        )
        return
    position, item = next(
        ((position, item) for position, item in enumerate(report_type.filters) if item.name == name), (0, None)
    )
    if item is None or item.kind not in _FILTERS[kind]:
        has = "has no filter of this name" if item is None else f"has a filter of kind {item.kind}"
        yield Diagnostic(
            f"Column '{name}' {has}, but a report is split by values that a filter selects. Write "
            f'{name} = "{_FILTERS[kind][0]}" in [filters], and use it in query.sql.',
            key_path,
        )
    elif not item.required and (report_type.period or report_type.balance):
        what = "a balance" if report_type.balance else "periods"
        yield Diagnostic(
            f"Filter '{name}': Without it, {what} would be of the rows of several keys. Add required = true, because "
            "the report can be split by this column.",
            ("filters", position, "name"),
        )


def _find_date_errors(report_type: ReportType, split: SplitSpec) -> Iterator[Diagnostic]:
    """Yields orders of dates that a split report cannot check, because it does not set the filters of its columns."""
    for index, item in enumerate(report_type.filters):
        if item.not_before and not {item.name, item.not_before}.isdisjoint(split.by):
            message = (
                f"Filter '{item.name}': `not_before` must not be used with a column of `split.by`, because a split "
                "report does not set its filter. Remove it."
            )
            yield Diagnostic(message, ("filters", index, "not_before"))


def _find_text_errors(report_type: ReportType, split: SplitSpec) -> Iterator[Diagnostic]:
    """Yields placeholders of titles and file names that do not exist, and file names without a part of the key."""
    if split.file_name is not None:
        key_path = ("split", "file_name")
        yield from find_file_name_errors(split.file_name, report_type.filters, (NUMBER,), key_path)
        if not {*split.by, NUMBER}.intersection(PLACEHOLDER.findall(split.file_name)):
            first = f"{{{split.by[0]}}}"
            message = f"`split.file_name` is the same for all keys. Add {first}, another column, or {{{NUMBER}}}."
            yield Diagnostic(message, key_path)
    for code, text in split.title.translations if split.title else ():
        for name in PLACEHOLDER.findall(text):
            if name not in split.by:
                message = f"`split.title`: The placeholder {{{name}}} does not exist. {suggest(name, split.by)}"
                yield Diagnostic(message, ("split", "title", code))
