"""Warnings about the files of a split report: one for each code, format and column, whatever the number of files."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from resma.jobs.fence import Fence
from resma.report.warnings import MAX_DETAIL_CHARACTERS, ReportWarning
from resma.short_text import counted, shorten

MAX_KINDS = 100
"""Maximum number of warnings of a shard. Those of further columns are left out."""

_Kind = tuple[str, str | None, str | None]


def add_warnings(
    warnings: Sequence[dict[str, Any]] | None, more: Iterable[ReportWarning]
) -> list[dict[str, Any]] | None:
    """Returns JSON of warnings with those of further files, which have `file` and `files`; None without any.

    A warning about several files has the detail, the row and the number of the first one, and the sum of their rows.
    """
    kinds: dict[_Kind, ReportWarning] = {}
    for warning in (*(ReportWarning(**saved) for saved in warnings or ()), *more):
        kind = (warning.code, warning.format, warning.column)
        if (first := kinds.get(kind)) is not None:
            kinds[kind] = replace(first, files=_sum(first.files, warning.files), rows=_sum(first.rows, warning.rows))
        elif len(kinds) < MAX_KINDS:
            kinds[kind] = replace(warning, detail=shorten(warning.detail, MAX_DETAIL_CHARACTERS))
    return [warning.as_json() for warning in kinds.values()] or None


def _sum(first: int | None, second: int | None) -> int | None:
    return None if first is None or second is None else first + second


def find_file_warnings(
    connection: Connection[TupleRow], fence: Fence, failed_formats: Collection[str]
) -> list[ReportWarning]:
    """Returns the warnings about a report's files, except those of formats that failed, in the order of the files."""
    rows = connection.execute(
        "SELECT warnings FROM resma.shards WHERE tenant_id = %s AND report_id = %s AND warnings IS NOT NULL"
        " ORDER BY shard",
        (fence.tenant_id, fence.report_id),
    ).fetchall()
    merged: list[dict[str, Any]] | None = None
    for (warnings,) in rows:
        merged = add_warnings(merged, [ReportWarning(**saved) for saved in warnings])
    found = [ReportWarning(**saved) for saved in merged or ()]
    return [_with_files(warning) for warning in found if warning.format not in failed_formats]


def _with_files(warning: ReportWarning) -> ReportWarning:
    """Returns the warning with its files in the detail. Their names are not in it, because they contain keys."""
    files = counted(warning.files or 0, "file")
    return replace(warning, detail=f"{files}, the first of which is number {warning.file}: {warning.detail}")
