"""Keys of split reports: which columns a report may be split by, and the filters, title and content of each key."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from resma.catalog.file_names import PLACEHOLDER
from resma.catalog.filters import format_value
from resma.i18n.locales import Locale
from resma.json_models import without_hidden_characters
from resma.report.content import ReportContent
from resma.report.rows import Row
from resma.request_errors import FieldError, RequestInvalidError
from resma.short_text import shorten

if TYPE_CHECKING:
    from resma.catalog.model import Filter, ReportType

MAX_SPLIT_COLUMNS = 8
"""Maximum number of columns that a report is split by."""

_MAX_TITLE = 200
"""Maximum length of a title, which is that of a title in a request."""

_NULL = "–"
"""NULL in a title."""

_Content = TypeVar("_Content", bound=ReportContent)


def require_split_columns(report_type: ReportType, split_by: Sequence[str] | None) -> None:
    """Raises RequestInvalidError unless `split_by` are the first columns by which the type may be split, or None."""
    if split_by is None:
        return
    by = report_type.split.by if report_type.split else ()
    if not by:
        detail = (
            f"A report of type {report_type.type} cannot be split. Remove it, or choose a report type that has "
            "`splitBy` in `GET /api/v1/report-types`."
        )
        raise RequestInvalidError.of([FieldError("/splitBy", detail)])
    if not split_by or tuple(split_by) != by[: len(split_by)]:
        allowed = " or ".join(json.dumps(by[:count]) for count in range(1, len(by) + 1))
        given = shorten(json.dumps(split_by, ensure_ascii=False), _MAX_TITLE)
        raise RequestInvalidError.of([FieldError("/splitBy", f"It must be {allowed}, not {given}.")])


def filters_of_key(report_type: ReportType, split_by: Sequence[str], cells: Row) -> dict[str, Any]:
    """Returns the filters that select the rows of a key, as JSON values by name. A column with NULL has none."""
    filters = _filters_of(report_type, split_by)
    return {item.name: _filter_value(item, cell) for item, cell in zip(filters, cells, strict=True) if cell is not None}


def title_of_key(report_type: ReportType, split_by: Sequence[str], cells: Row, locale: Locale) -> str:
    """Returns the title of a key's file: that of `[split]` with the values of the key, or that of the report type.

    It is that of the report type too if the title names a column that the report is not split by. It is a valid title
    of a request: one line, and at most 200 characters.
    """
    plain = report_type.title.in_language(locale.language)
    if report_type.split is None or report_type.split.title is None:
        return plain
    pattern = report_type.split.title.in_language(locale.language)
    filters = _filters_of(report_type, split_by)
    values = {
        item.name: _NULL if cell is None else format_value(item, _filter_value(item, cell), locale)
        for item, cell in zip(filters, cells, strict=True)
    }
    if not values.keys() >= set(PLACEHOLDER.findall(pattern)):
        return plain
    title = PLACEHOLDER.sub(lambda match: values[match[1]], pattern)
    return shorten(without_hidden_characters(title), _MAX_TITLE) or plain


def content_of_key(report_type: ReportType, content: _Content, cells: Row, locale: Locale) -> _Content:
    """Returns the content of the report that has the rows of one key of a split report, and is not split.

    A title that the request sets is the title of all files. `content` may be of a subclass, such as a claim.
    """
    split_by = content.split_by or ()
    return replace(
        content,
        filters={**content.filters, **filters_of_key(report_type, split_by, cells)},
        title=content.title or title_of_key(report_type, split_by, cells, locale),
        split_by=None,
        zip=False,
    )


def _filters_of(report_type: ReportType, split_by: Sequence[str]) -> list[Filter]:
    by_name = {item.name: item for item in report_type.filters}
    return [by_name[name] for name in split_by]


def _filter_value(item: Filter, cell: bytes) -> Any:
    """Returns the value of a filter that selects the rows with this value of its column."""
    text = cell.decode()
    if item.kind == "integer":
        return int(text)
    return [text] if item.kind == "choice" else text
