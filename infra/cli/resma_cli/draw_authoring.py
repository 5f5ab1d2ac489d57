"""Prints what the commands for authors of report types have done: for people, and as JSON documents."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resma_cli.output import TableColumn, clean, draw_table

if TYPE_CHECKING:
    from rich.console import Console

    from infra.authoring.check import CheckResult
    from infra.authoring.new_type import NewType
    from infra.authoring.preview import Preview


def describe_new(made: NewType) -> dict[str, Any]:
    """Returns a report type that was created as a JSON document."""
    return {
        "type": made.type_name,
        "folder": str(made.folder),
        "settings": str(made.settings_file) if made.settings_file else None,
        "choices": [{"part": one.part, "chosen": one.chosen, "reason": one.reason} for one in made.choices],
        "role": made.role,
        "grants": list(made.grants),
    }


def draw_new(console: Console, made: NewType, catalog: Path | None) -> None:
    """Prints the files of a report type that was created, what was chosen and why, and what is missing."""
    rows = "" if made.rows is None else f", about {made.rows:,} rows"
    if made.settings_file:
        console.print(clean(f"created {made.settings_file}"))
    console.print(clean(f"created {made.folder}/query.sql and report.toml from {made.origin}{rows}\n"))
    width = max(len(one.part) for one in made.choices)
    for one in made.choices:
        console.print(clean(f"  {one.part:<{width}}  {one.chosen}: {one.reason}"))
    if made.grants:
        grants = "\n".join(f"    {grant}" for grant in made.grants)
        console.print(
            clean(f"\nThe role {made.role} may not read all of it. Run as the owner of the tables:\n{grants}")
        )
    option = "" if catalog is None else f" --catalog {shlex.quote(str(catalog))}"
    console.print(clean(f"\nSee its first rows: resma preview {made.folder.name}{option}"))


def describe_preview(made: Preview) -> dict[str, Any]:
    """Returns a preview as a JSON document."""
    return {
        "type": made.type_name,
        "headings": list(made.headings),
        "rows": [list(row) for row in made.rows],
        "hasMore": made.has_more,
        "isSorted": made.is_sorted,
        "file": str(made.file) if made.file else None,
        "problem": made.problem,
        "image": str(made.image) if made.image else None,
    }


def draw_preview(console: Console, made: Preview) -> None:
    """Prints the first rows as a table, and the paths of the files."""
    columns = [_column(made, index) for index in range(len(made.headings))]
    fitting = _fitting(made, columns, console.width) if console.is_terminal else len(columns)
    draw_table(console, columns[:fitting], [row[:fitting] for row in made.rows])
    if omitted := made.headings[fitting:]:
        console.print(clean(f"and {len(omitted)} more: {', '.join(omitted)}"), style="dim")
    shown = f"The first {len(made.rows)} rows of {made.type_name}" if made.has_more else f"{len(made.rows)} rows"
    if not made.is_sorted:
        shown += ", in any order, because no index gives the order of `sort`"
    image = f"\nfirst pages: {made.image}" if made.image else ""
    file = f"file: {made.file}{image}" if made.file else f"no file: {made.problem}"
    console.print(clean(f"\n{shown}\n{file}"))


def describe_check(result: CheckResult) -> dict[str, Any]:
    """Returns the findings of a check as a JSON document."""
    report = result.report
    return {
        "catalog": str(result.folder),
        "types": report.types,
        "fixes": [{"file": str(one.path), "message": one.message} for one in result.fixes],
        **{
            name: [{"file": str(one.path), "line": one.line, "message": one.message} for one in found]
            for name, found in (("errors", report.errors), ("warnings", report.warnings))
        },
        "grants": list(report.grants),
    }


_FLEXIBLE = {"text", "json", "binary", "uuid", "interval"}
"""Kinds whose values can be cut. Dates and numbers are shown completely, or not at all."""
_MIN_WIDTH = 10
_GAP = 2


def _column(made: Preview, index: int) -> TableColumn:
    kind = made.kinds[index]
    return TableColumn(
        made.headings[index],
        is_flexible=kind in _FLEXIBLE,
        is_number=kind in {"integer", "amount", "float"},
        min_width=_MIN_WIDTH,
    )


def _fitting(made: Preview, columns: Sequence[TableColumn], width: int) -> int:
    """Returns the number of columns that fit into a line of a terminal, at least one."""
    used = 0
    for index, column in enumerate(columns):
        longest = max([len(column.heading), *(len(row[index] or "") for row in made.rows)])
        used += (min(longest, column.min_width) if column.is_flexible else longest) + _GAP
        if used > width + _GAP and index:
            return index
    return len(columns)
