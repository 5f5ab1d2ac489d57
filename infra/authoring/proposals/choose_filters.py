"""Chooses the filters of a table's report: a period of days, and columns with few values."""

from __future__ import annotations

from collections.abc import Iterator

from infra.authoring.proposals.names import slug, words_of
from infra.authoring.proposals.proposal import Choice, ProposedFilter
from infra.authoring.proposals.table_facts import SourceFacts, TableColumn
from resma.catalog.query_text import TENANT

MAX_CHOICE_FILTERS = 3
MAX_VALUES = 12
"""Maximum number of distinct values of a column that becomes a filter."""
_ROWS_PER_VALUE = 5
_TEXTS = {"text", "character varying", "character"}


def choose_filters(facts: SourceFacts, date: TableColumn | None) -> tuple[tuple[ProposedFilter, ...], list[Choice]]:
    """Returns the filters with their conditions, and why they were chosen."""
    filters: list[ProposedFilter] = []
    choices: list[Choice] = []
    if date:
        filters += _days(date)
        choices.append(Choice("filters", "from, to", f"days of {date.name}"))
    taken = {TENANT, *(one.name for one in filters)}
    for column in facts.columns:
        name = slug(column.name)
        values, origin = _values(column, facts.rows)
        if not values or name in taken or len(taken) > MAX_CHOICE_FILTERS + 2:
            continue
        taken.add(name)
        label = None if name == "_".join(words_of(column.name)) else column.name
        filters.append(ProposedFilter(name, "choice", _one_of(column, name), values, label=label))
        choices.append(Choice("filters", name, f"{len(values)} values, {origin}"))
    return tuple(filters), choices


def _days(date: TableColumn) -> Iterator[ProposedFilter]:
    """Yields the filters `from` and `to`, both inclusive. Days are those of the time zone of the report."""
    column = escaped(date.sql_name)
    if date.type.kind == "timestamp":
        # Midnight occurs twice, or not at all, where clocks change at that hour; the microsecond before it occurs once.
        last = "time '23:59:59.999999'"
        since = f"{column} > (%(from)s::date - 1 + {last})::timestamptz"
        until = f"{column} <= (%(to)s::date + {last})::timestamptz"
    elif date.type.kind == "local_timestamp":
        since, until = f"{column} >= %(from)s::date", f"{column} < %(to)s::date + 1"
    else:
        since, until = f"{column} >= %(from)s::date", f"{column} <= %(to)s::date"
    yield ProposedFilter("from", "date", f"(%(from)s::date IS NULL OR {since})")
    yield ProposedFilter("to", "date", f"(%(to)s::date IS NULL OR {until})", not_before="from")


def _one_of(column: TableColumn, name: str) -> str:
    array = "text" if column.type.name in _TEXTS else escaped(column.type.name)
    return f"(%({name})s::text[] IS NULL OR {escaped(column.sql_name)} = ANY (%({name})s::{array}[]))"


def _values(column: TableColumn, rows: int | None) -> tuple[tuple[str, ...], str]:
    """Returns all values of a column with few of them, and where they are from; none for other columns."""
    if column.labels:
        return (column.labels if len(column.labels) <= MAX_VALUES else ()), "those of its type"
    if column.type.name == "boolean":
        return ("true", "false"), "those of its type"
    found = column.statistics
    if found is None or column.type.name not in _TEXTS or not 1 < found.distinct <= MAX_VALUES:
        return (), ""
    is_complete = found.common_fraction + found.null_fraction > 0.999 and len(found.common) == round(found.distinct)
    if not is_complete or (rows or 0) < _ROWS_PER_VALUE * len(found.common):
        return (), ""
    values = sorted({value.rstrip() if column.type.name == "character" else value for value in found.common})
    return (tuple(values) if all(values) else ()), "those that ANALYZE has found. Add a new one to `choices`"


def escaped(text: str) -> str:
    """Returns SQL for a query with parameters, in which a percent sign is written twice."""
    return text.replace("%", "%%")
