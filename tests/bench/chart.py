"""Draws the comparison as an SVG for the README: a bar for each result, on a logarithmic scale, grouped by format.

The SVG has its own background, follows the reader's color scheme, and contains its labels as text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from tests.bench.goals import HALF_A_MILLION
from tests.bench.report import TITLES
from tests.bench.results import Result

WIDTH = 880
_LEFT, _RIGHT = 216, 236
_BAR, _GAP, _TITLE, _TOP = 14, 6, 26, 92
_FOOT = 34

_STYLE = """
.ground { fill: #ffffff; stroke: #d0d7de }
text { font: 12px -apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; fill: #1f2328 }
.heading { font-size: 16px; font-weight: 600 }
.group, .us { font-weight: 600 }
.quiet { fill: #59636e; font-size: 11px }
.grid { stroke: #d0d7de }
.limit { stroke: #59636e; stroke-dasharray: 3 3 }
.bar { fill: #afb8c1 }
.ours { fill: #1a7f4b }
.copy { fill: #59636e }
.scaled { fill-opacity: .5; stroke: #8c959f; stroke-dasharray: 3 2 }
@media (prefers-color-scheme: dark) {
  .ground { fill: #0d1117; stroke: #3d444d }
  text { fill: #f0f6fc }
  .quiet { fill: #9198a1 }
  .grid { stroke: #2a313c }
  .limit { stroke: #9198a1 }
  .bar { fill: #57606a }
  .ours { fill: #3fb950 }
  .copy { fill: #9198a1 }
  .scaled { stroke: #8c959f }
}
"""


@dataclass(frozen=True, slots=True)
class _Scale:
    """Converts seconds to pixels on a logarithmic scale between two powers of ten."""

    min_power: int
    max_power: int

    def x(self, seconds: float) -> float:
        share = (math.log10(seconds) - self.min_power) / (self.max_power - self.min_power)
        return round(_LEFT + max(0.0, share) * (WIDTH - _LEFT - _RIGHT), 1)


def draw(results: Sequence[Result], rows: int = HALF_A_MILLION) -> str:
    """Returns the SVG of all results for a number of rows. Raises ValueError if none was measured."""
    drawn = [result for result in results if result.rows == rows and result.group != "SYSTEM"]
    seconds = [result.seconds for result in drawn if result.seconds]
    if not seconds:
        raise ValueError(f"There is no measurement for {rows:,} rows.")
    scale = _Scale(math.floor(math.log10(min(seconds))), math.ceil(math.log10(max(seconds))))
    parts: list[str] = []
    y = _TOP
    for group, title in TITLES.items():
        of_group = sorted((r for r in drawn if r.group == group), key=lambda r: r.seconds or math.inf)
        if of_group:
            parts.append(_text(16, y + 15, title, "group"))
            y += _TITLE
            for result in of_group:
                parts += _bar(result, y, scale)
                y += _BAR + _GAP
            y += 6
    height = y + _FOOT
    copy = next((result.seconds for result in drawn if result.group == "COPY" and result.seconds), None)
    return "\n".join([*_frame(rows, height), *_grid(scale, y, copy), *parts, _foot(drawn, height), "</svg>", ""])


def _frame(rows: int, height: int) -> list[str]:
    title = f"{rows:,} rows into a file, seconds"
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        f' role="img" aria-label="{title}">',
        f"<title>{title}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="ground" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
        _text(16, 32, title, "heading"),
        _text(16, 52, "From the query to the last byte. Each step of the scale is ten times the one before.", "quiet"),
    ]


def _grid(scale: _Scale, bottom: int, copy: float | None) -> list[str]:
    lines = []
    for power in range(scale.min_power, scale.max_power + 1):
        x = scale.x(10.0**power)
        lines.append(f'<line class="grid" x1="{x}" x2="{x}" y1="{_TOP - 8}" y2="{bottom}"/>')
        lines.append(_text(x, _TOP - 14, f"{10.0**power:,g} s", "quiet", anchor="middle"))
    if copy is not None:
        x = scale.x(copy)
        lines.append(f'<line class="limit" x1="{x}" x2="{x}" y1="{_TOP - 8}" y2="{bottom}"/>')
    return lines


def _bar(result: Result, y: int, scale: _Scale) -> list[str]:
    name = _text(_LEFT - 8, y + 11, result.name, "us" if result.is_ours else "", anchor="end")
    if result.seconds is None:
        return [name, _text(_LEFT + 6, y + 11, result.comment, "quiet")]
    end = scale.x(result.seconds)
    kind = "ours" if result.is_ours else "copy" if result.group == "COPY" else "bar"
    is_scaled = result.measured_rows is not None
    width = max(1.0, end - _LEFT)
    return [
        name,
        f'<rect class="{kind}{" scaled" if is_scaled else ""}" x="{_LEFT}" y="{y}" width="{width:.1f}"'
        f' height="{_BAR}" rx="2"/>',
        _text(end + 6, y + 11, _value(result), "us" if result.is_ours else ""),
    ]


def _value(result: Result) -> str:
    seconds = result.seconds or 0.0
    duration = f"{seconds:.2f} s" if seconds < 10 else f"{seconds:,.0f} s"
    ratio = result.ratio_to_copy
    times = "" if ratio is None or result.group == "COPY" else f", {ratio:.1f} × COPY" if ratio < 100 else ""
    if result.measured_rows is not None:
        return f"about {duration}, scaled from {result.measured_rows:,} rows"
    return duration + times


def _foot(drawn: Sequence[Result], height: int) -> str:
    store = next((result.comment for result in drawn if result.name.endswith(" to s3")), "")
    words = "Dashed line: COPY (query) TO STDOUT, discarded. Multiples are of COPY in the same rounds."
    words += f" To s3: acknowledged by {store} on the same machine." if store else ""
    return _text(16, height - 12, words, "quiet")


def _text(x: float, y: float, words: str, kind: str, anchor: str = "start") -> str:
    placed = "" if anchor == "start" else f' text-anchor="{anchor}"'
    marked = f' class="{kind}"' if kind else ""
    return f'<text x="{x:g}" y="{y:g}"{marked}{placed}>{escape(words)}</text>'
