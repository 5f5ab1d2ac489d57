"""The table and the goals as text, and bench.json."""

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
    """All results, by rows and then by format; `~` marks what was scaled."""
    lines: list[str] = []
    for rows in sorted({result.rows for result in results}, key=lambda rows: (rows == 0, rows)):
        lines += ["", f"{rows:,} rows" if rows else "The API function", _HEAD]
        for group, title in TITLES.items():
            mine = [result for result in results if result.rows == rows and result.group == group]
            lines += [title, *map(_line, mine)] if mine else []
    return "\n".join(lines)


def _line(result: Result) -> str:
    if result.seconds is None:
        return f"  {result.name:<32} {result.note}"
    note = f"  scaled from {result.measured_rows:,} rows" if result.measured_rows is not None else ""
    note += f"  {result.note}" if result.note else ""
    mark = "~" if result.measured_rows is not None else ""
    cells = (
        (result.seconds, ".3f", mark, 10),
        (result.median_seconds, ".3f", mark, 10),
        (result.ratio_to_copy, ".2f", mark, 11),
        (result.rows_per_second, ",", mark, 12),
        (result.peak_rss_mb, ".0f", "", 9),
    )
    return f"  {result.name:<32}" + "".join(_number(*cell) for cell in cells) + note


def goals_table(results: Sequence[Result]) -> str:
    """Each goal beside its figure, met or missed."""
    return "\n".join(["", "Goals", *_goal_lines(Figures(results))])


def _goal_lines(figures: Figures) -> Iterator[str]:
    for goal in GOALS:
        number, outcome = goal.outcome(figures)
        wanted = f"{'at least' if goal.at_least else 'at most'} {goal.limit:g} {goal.unit}"
        figure = "" if number is None else f"{number:.2f} {goal.unit}"
        yield f"  {goal.what:<50}{wanted:>16}{figure:>14}  {outcome}"


def as_json(results: Sequence[Result]) -> str:
    """The list of rows that bench.json holds."""
    return json.dumps([result.as_json() for result in results], indent=1) + "\n"


def _number(value: float | None, style: str, mark: str, width: int) -> str:
    return f"{'' if value is None else f'{mark}{value:{style}}':>{width}}"
