"""Summaries of the keys of a split report, read with a server-side cursor in slices of bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from psycopg import Connection
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.rows import TupleRow

from resma.catalog import ReportType
from resma.i18n.locales import Language
from resma.report.header import Balance
from resma.report.summary import Summary
from resma.snapshot.cursor import declare_cursor
from resma.snapshot.report_query import split_keys
from resma.snapshot.split.key_range import Cells
from resma.snapshot.summarize import Group, SummaryComposer
from resma.snapshot.summary_query import summary_query

SLICE_GROUPS = 2000
"""Number of groups per FETCH: about two hundred keys of short reports. A key may have more, and is a slice then."""

_CURSOR = "resma_summaries"


@dataclass(frozen=True)
class SummarizedKey:
    """A key and its summary."""

    key: Cells
    summary: Summary


class _Utf8Loader(Loader):
    """Loads strings in UTF-8 also while psycopg returns them as bytes (`cursor.return_bytes`)."""

    def load(self, data: Buffer) -> str:
        return str(data, "utf-8")


def declare_summaries(
    connection: Connection[TupleRow],
    report_type: ReportType,
    split_by: Sequence[str],
    values: Mapping[str, Any],
    *,
    with_charts: bool,
) -> None:
    """Declares the cursor that `summaries_in_slices` reads."""
    query = summary_query(_reduced(report_type, with_charts=with_charts), split_keys(report_type, split_by))
    declare_cursor(connection, _CURSOR, query, values)


def summaries_in_slices(
    connection: Connection[TupleRow],
    report_type: ReportType,
    as_of: datetime | None,
    language: Language,
    *,
    with_charts: bool,
) -> Iterator[list[SummarizedKey]]:
    """Yields the summaries of all keys in the order of the report, at least one at a time.

    Between two slices, the connection may be used for other statements. `as_of` is the timestamp of the summaries; None
    means that of the transaction.
    """
    composer = SummaryComposer(_reduced(report_type, with_charts=with_charts), language)
    if as_of is None:
        ((as_of,),) = connection.execute("SELECT now()").fetchall()
    for groups in _complete(connection):
        by_key = (list(each) for _, each in groupby(groups, key=lambda group: group.k))
        yield [_summarized(composer, each, as_of) for each in by_key]


def _reduced(report_type: ReportType, *, with_charts: bool) -> ReportType:
    """Returns the report type, or one whose summaries have neither charts nor periods, as formats without pages."""
    more = {} if with_charts else {"charts": (), "period": None, "subtotals": None}
    return report_type.model_copy(update=more)


def _complete(connection: Connection[TupleRow]) -> Iterator[list[Group]]:
    """Yields the groups of one or more keys, never only some of the groups of a key."""
    cursor = connection.cursor()
    cursor.adapters.register_loader("text", _Utf8Loader)
    fetch = f"FETCH {SLICE_GROUPS} FROM {_CURSOR}".encode()
    groups: list[Group] = []
    while fetched := [Group(*row) for row in cursor.execute(fetch).fetchall()]:
        groups += fetched
        last = groups[-1].k
        # The groups of the last key may continue in the next FETCH.
        if whole := [group for group in groups if group.k != last]:
            yield whole
            groups = groups[len(whole) :]
    if groups:
        yield groups


def _summarized(composer: SummaryComposer, groups: Sequence[Group], as_of: datetime) -> SummarizedKey:
    key = next(group.key for group in groups if group.kind == "all")
    ends = next((group for group in groups if group.kind == "balance"), None)
    balance = None
    if ends is not None and ends.label is not None and ends.currency is not None:
        balance = Balance(ends.label, ends.currency)
    cells = tuple([None if cell is None else cell.encode() for cell in key or ()])
    return SummarizedKey(cells, composer.compose(groups, as_of, balance))
