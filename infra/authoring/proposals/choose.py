"""Chooses sort, period, totals and columns of a report type from the facts of its source."""

from __future__ import annotations

import re
from collections.abc import Sequence

from infra.authoring.proposals.names import is_currency, is_event, is_long, is_sum
from infra.authoring.proposals.proposal import Choice, ProposedColumn
from infra.authoring.proposals.table_facts import SourceFacts, TableColumn
from infra.errors import StackError
from resma.report.decimal_types import DEFAULT_DECIMAL, MAX_PRECISION
from resma.report.kinds import ADDABLE, DATED, UNSORTABLE

MAX_SORTED_ROWS = 100_000
"""Number of rows up to which a report may sort them all, so that no index is needed."""


class NotReportableError(StackError):
    """There cannot be a report of these columns. The message says why."""

    code = "not-reportable"


_TEXTS = {"text", "character varying", "character"}
_MAX_HEADING = 24
_MAX_DESCRIPTION = 200
_WRAP_BYTES = 32
"""Average length of strings, in bytes, from which they are wrapped."""


def choose_date(facts: SourceFacts) -> tuple[TableColumn | None, str]:
    """Returns the date of the rows, and why it is that one, or why none was found."""
    dated = [column for column in facts.columns if column.type.kind in DATED]
    if not dated:
        return None, ""
    events = [column for column in dated if is_event(column.name)]
    complete = [column for column in events if not (column.statistics and column.statistics.null_fraction > 0)]
    if not complete:
        names = ", ".join(column.name for column in dated)
        return None, f"{names}: not the date of each row, by name, or NULL in some rows"
    starts = {index[0] for index in facts.indexes}
    best = max(complete, key=lambda column: (column.name in starts, column.is_not_null))
    reason = "an index starts with it" if best.name in starts else "the first date that no row lacks"
    return best, reason if best.is_not_null or best.statistics else f"{reason}, as far as known"


def choose_sort(facts: SourceFacts, date: TableColumn | None) -> tuple[tuple[str, ...], str | None, list[Choice]]:
    """Returns the sort columns and the period. Without a key, all columns that can be sorted by are used.

    Raises NotReportableError if no column can be sorted by.
    """
    choices: list[Choice] = []
    period = date.name if date and _may_sort_by(facts, date) else None
    if date and not period:
        reason = f"no index starts with {date.name}, and sorting about {facts.rows:,} rows takes time"
        choices.append(Choice("period", "none", reason))
    first = [period] if period else []
    if facts.key:
        names = tuple(dict.fromkeys([*first, *facts.key]))
        choices.insert(0, Choice("sort", ", ".join(names), f"{'by date, then ' if period else ''}{facts.key_origin}"))
        return names, period, choices
    sortable = [one.name for one in facts.columns if one.type.has_order and one.type.kind not in UNSORTABLE]
    if not sortable:
        raise NotReportableError("No column can be sorted by. Add one that identifies each row, such as an id.")
    names = tuple(dict.fromkeys([*first, *sortable]))
    reason = (
        "no key is known, so rows are sorted by all columns that can be sorted. Shorten it to columns that identify "
        "each row. Rows that are equal in all of them cannot be told apart, so that a report that takes more than one "
        "invocation restarts"
    )
    choices.insert(0, Choice("sort", ", ".join(names), reason))
    return names, period, choices


def _may_sort_by(facts: SourceFacts, date: TableColumn) -> bool:
    return (facts.rows or 0) <= MAX_SORTED_ROWS or any(index[0] == date.name for index in facts.indexes)


def choose_totals(columns: Sequence[TableColumn]) -> tuple[tuple[str, ...], str | None, list[Choice]]:
    """Returns the amounts to add up, and the column with their currency."""
    amounts = tuple(one.name for one in columns if one.type.kind in ADDABLE and is_sum(one.name, one.type.kind))
    currency = next((one.name for one in columns if one.type.kind == "text" and is_currency(one.name)), None)
    if not amounts:
        return (), None, []
    chosen = ", ".join(amounts) + (f" by {currency}" if currency else "")
    return amounts, currency, [Choice("totals", chosen, "numbers that are amounts, by their names")]


def describe_column(column: TableColumn, money_scale: int) -> ProposedColumn:
    """Returns the column of the report. `money_scale` is the number of decimals of type money."""
    comment = column.comment or ""
    heading = comment if 0 < len(comment) <= _MAX_HEADING and re.fullmatch(r"[^\n.:;]+", comment) else None
    if column.type.name == "money":
        return ProposedColumn(column.name, "amount", heading, scale=money_scale, is_rounded=True)
    if (digits := _sampled_digits(column)) is not None:
        whole, decimals = digits
        if whole + decimals > MAX_PRECISION:
            return ProposedColumn(column.name, "text", heading)
        return ProposedColumn(column.name, "amount", heading, scale=decimals)
    return ProposedColumn(column.name, column.type.kind, heading, _wraps(column))


def choose_kinds(columns: Sequence[TableColumn]) -> list[Choice]:
    """Returns why columns have a kind that is not the usual one of their type."""
    chosen = [(column.name, describe_column(column, 0).kind) for column in columns]
    reason = f"numbers with more than the {MAX_PRECISION} digits that a decimal of Parquet can have"
    return [
        Choice("column", f"{name} as text", reason)
        for (name, kind), column in zip(chosen, columns, strict=True)
        if kind == "text" and column.type.kind == "amount"
    ]


def _wraps(column: TableColumn) -> bool:
    width = column.statistics.average_bytes if column.statistics else 0
    return column.type.name in _TEXTS and (width >= _WRAP_BYTES or is_long(column.name))


def _sampled_digits(column: TableColumn) -> tuple[int, int] | None:
    """Returns the numbers of digits of a plain numeric, if the statistics have too many for Parquet's default type."""
    if column.type.name != "numeric" or column.precision is not None or column.statistics is None:
        return None
    parts = [value.partition(".") for value in (*column.statistics.common, *column.statistics.sampled)]
    decimals = max((len(after) for _, _, after in parts), default=0)
    whole = max((len(before.lstrip("-")) for before, _, _ in parts), default=0)
    return (whole, decimals) if decimals > DEFAULT_DECIMAL.scale or whole > DEFAULT_DECIMAL.whole_digits else None


def short_comment(comment: str | None) -> str | None:
    """Returns a comment of a table that can be the description of a report: one short line."""
    text = " ".join((comment or "").split())
    return text if 0 < len(text) <= _MAX_DESCRIPTION else None
