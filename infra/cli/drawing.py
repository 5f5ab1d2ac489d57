"""Reports as people read them: a table of many, one with all that is known of it, its summary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Console

from infra.cli.api import Json
from infra.cli.output import clean, draw_pairs, draw_table
from infra.cli.wording import say_in_commands

_BAR = 24
_POINTS_MAX = 40
"""Of a chart: more lines than that say less."""


def draw_reports(console: Console, items: Iterable[Json], following: str | None) -> None:
    """A line a report."""
    rows = [
        (r["id"], r["status"], r["type"], ",".join(r["formats"]), _number(r["rows"]), moment(r["createdAt"]))
        for r in items
    ]
    draw_table(console, ("ID", "STATUS", "TYPE", "FORMATS", "ROWS", "CREATED"), rows)
    if following and console.is_terminal:
        console.print("there are more: --limit, or --all", style="dim")


def draw_report(console: Console, report: Json) -> None:
    """All that people ask of one report."""
    progress, metrics = report["progress"], report.get("metrics") or {}
    done, expected = progress["rowsDone"], progress["rowsExpected"]
    filters = ", ".join(f"{name}={value}" for name, value in report["filters"].items())
    error = report.get("error") or {}
    draw_pairs(
        console,
        [
            ("id", report["id"]),
            ("status", report["status"]),
            ("type", report["type"]),
            ("formats", ", ".join(report["formats"])),
            ("filters", filters),
            ("title", report["title"]),
            ("asked by", _requester(report)),
            ("created", moment(report["createdAt"])),
            ("finished", moment(report["finishedAt"])),
            ("as of", moment(report["asOf"])),
            ("progress", f"{done:,} of {expected:,} rows" if report["rows"] is None and expected else None),
            ("queue", progress.get("queuePosition")),
            ("rows", _number(report["rows"])),
            ("totals", "; ".join(_totals(report["totals"] or []))),
            ("balance", _balance(report.get("balance"))),
            ("masked", ", ".join(report["maskedColumns"])),
            ("attempt", report["attempt"]),
            ("speed", f"{metrics['rowsPerSecond']:,} rows/s" if metrics else None),
            ("cost", f"{metrics['costUsd']['total']} USD" if metrics.get("costUsd") else None),
            ("error", f"{error['code']}: {say_in_commands(error['detail'])}" if error else None),
        ],
    )
    for file in report["files"] or []:
        console.print(clean(f"{file['format']}: {file['bytes']:,} bytes, SHA-256 {file['sha256']}"))


def _requester(report: Json) -> str | None:
    who, name = report.get("requestedBy"), report.get("requestedByName")
    return f"{name} ({who})" if name else who


def draw_summary(console: Console, summary: Json) -> None:
    """Totals, and the charts as lines with bars."""
    console.print(clean(f"\n{summary['rows']:,} rows as of {moment(summary['asOf'])}"))
    for line in _totals(summary.get("totals") or []):
        console.print(clean(line))
    if summary.get("balance"):
        console.print(clean(_balance(summary["balance"])))
    for chart in summary.get("charts") or []:
        _draw_chart(console, chart)


def _draw_chart(console: Console, chart: Json) -> None:
    console.print()
    console.print(clean(chart["title"]), style="bold")
    values = [[float(value) for value in one["values"]] for one in chart["series"]]
    most = max((abs(value) for one in values for value in one), default=0) or 1
    rows = []
    for number, label in enumerate(chart["labels"][:_POINTS_MAX]):
        for one, numbers in zip(chart["series"], values, strict=True):
            bar = "#" * round(_BAR * abs(numbers[number]) / most)
            rows.append((label, one["name"], one["values"][number], bar))
    draw_table(console, ("", "SERIES", chart["unit"].upper(), ""), rows)
    if (left := len(chart["labels"]) - _POINTS_MAX) > 0:
        console.print(f"and {left} more: --json has all", style="dim")


def draw_estimate(console: Console, estimate: Json) -> None:
    """What a report would be."""
    about = "" if estimate["isExact"] else "about "
    queue = estimate.get("queue") or {}
    draw_pairs(
        console,
        [
            ("rows", f"{about}{estimate['rows']:,}"),
            ("time", f"about {estimate['seconds']:,.0f} s"),
            ("queue", f"{queue['ahead']:,} ahead, about {queue['seconds']:,.0f} s" if queue.get("ahead") else None),
        ],
    )
    for file in estimate["files"]:
        pages = f", {file['pages']:,} pages" if file.get("pages") else ""
        console.print(clean(f"{file['format']}: about {file['bytes']:,} bytes{pages}"))
    for note in estimate.get("notes") or []:
        console.print(clean(f"note: {note}"))


def moment(text: str | None) -> str:
    """A moment of the API to the second; empty where there is none."""
    return text.replace("T", " ").partition(".")[0].removesuffix("Z").partition("+")[0] + " UTC" if text else ""


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _totals(totals: list[Json]) -> Iterator[str]:
    for total in totals:
        yield f"{total['currency']} {total['amount']} in {total['rows']:,} rows"


def _balance(balance: Json | None) -> str:
    return f"{balance['opening']} before, {balance['closing']} after" if balance else ""
