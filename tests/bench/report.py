"""Formats the results: as a table, as a table of goals, and as bench.json."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from tests.bench.goals import GOALS, Figures
from tests.bench.results import Group, Result

TITLES: dict[Group, str] = {
    "COPY": "The limit",
    "CSV": "CSV",
    "NDJSON": "NDJSON",
    "PDF": "PDF",
    "XLSX": "XLSX",
    "PARQUET": "Parquet",
    "SYSTEM": "Around it",
}

_HEAD = f"{'':<34}{'seconds':>10}{'median':>10}{'x COPY':>11}{'rows/s':>12}{'peak MB':>9}"


def table(results: Sequence[Result]) -> str:
    """Returns a table of all results, by number of rows and then by format. `~` marks scaled results."""
    lines: list[str] = []
    for rows in sorted({result.rows for result in results}, key=lambda rows: (rows == 0, rows)):
        lines += ["", f"{rows:,} rows" if rows else "API function and small files", _HEAD]
        for group, title in TITLES.items():
            of_group = [result for result in results if result.rows == rows and result.group == group]
            lines += [title, *map(_line, of_group)] if of_group else []
    return "\n".join(lines)


def _line(result: Result) -> str:
    if result.seconds is None:
        return f"  {result.name:<32} {result.comment}"
    comment = f"  scaled from {result.measured_rows:,} rows" if result.measured_rows is not None else ""
    comment += f"  {result.comment}" if result.comment else ""
    mark = "~" if result.measured_rows is not None else ""
    cells = (
        (result.seconds, ".3f", mark, 10),
        (result.median_seconds, ".3f", mark, 10),
        (result.ratio_to_copy, ".2f", mark, 11),
        (result.rows_per_second, ",", mark, 12),
        (result.peak_rss_mb, ".0f", "", 9),
    )
    return f"  {result.name:<32}" + "".join(_number(*cell) for cell in cells) + comment


def goals_table(results: Sequence[Result]) -> str:
    """Returns a table of the goals, with their figures and whether they are met."""
    return "\n".join(["", "Goals", *_goal_lines(Figures(results))])


def _goal_lines(figures: Figures) -> Iterator[str]:
    for goal in GOALS:
        number, outcome = goal.outcome(figures)
        limit = f"{'at least' if goal.at_least else 'at most'} {goal.limit:g} {goal.unit}"
        figure = "" if number is None else f"{number:.2f} {goal.unit}"
        yield f"  {goal.what:<50}{limit:>16}{figure:>14}  {outcome}"


def as_json(results: Sequence[Result]) -> str:
    """Returns the content of bench.json."""
    return json.dumps([result.as_json() for result in results], indent=1) + "\n"


def _number(value: float | None, style: str, mark: str, width: int) -> str:
    return f"{'' if value is None else f'{mark}{value:{style}}':>{width}}"
