"""Reports as people read them: a table of many, the details of one, its summary, an estimate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console

from resma_cli.amounts import count, duration
from resma_cli.api_client import Json
from resma_cli.api_to_commands import say_in_commands
from resma_cli.dates import find_zone, show_timestamp
from resma_cli.ids import shorten
from resma_cli.output import Column, clean, draw_pairs, draw_table

_WIDE = 110
"""From this width of a terminal on, tables show more columns."""
_WIDEST = 150
"""From this width on, all of them."""
_BAR = 24
_MAX_POINTS = 40
"""Of a chart: more lines than that say less."""


def draw_reports(console: Console, items: Sequence[Json], following: str | None) -> None:
    """A line a report. On a narrow terminal its title stands for its type."""
    is_narrow = console.is_terminal and console.width < _WIDE
    ids = display_ids(console, [report["id"] for report in items])
    rows = [
        (
            id_,
            report["status"],
            report["type"],
            report["title"] or (report["type"] if is_narrow else ""),
            ",".join(report["formats"]),
            _number(report["rows"]),
            report.get("requestedByName") or report.get("requestedBy"),
            show_timestamp(report["createdAt"], with_zone=not is_narrow),
            show_timestamp(report.get("expiresAt"), with_zone=not is_narrow),
        )
        for id_, report in zip(ids, items, strict=True)
    ]
    draw_table(console, _report_columns(is_narrow=is_narrow), rows)
    if following and console.is_terminal:
        console.print("There are more reports: use --limit or --all.", style="dim")


def _report_columns(*, is_narrow: bool) -> tuple[Column, ...]:
    return (
        Column("ID"),
        Column("STATUS"),
        Column("TYPE", from_width=_WIDE),
        Column("REPORT" if is_narrow else "TITLE", is_flexible=True, narrowest=18),
        Column("FORMATS", from_width=_WIDE),
        Column("ROWS", is_number=True),
        Column("BY" if is_narrow else "REQUESTED BY", is_flexible=True),
        Column(f"CREATED ({find_zone()[1]})" if is_narrow else "CREATED"),
        Column("FILES KEPT UNTIL", from_width=_WIDEST),
    )


def display_ids(console: Console, ids: Sequence[str]) -> list[str]:
    """Ids as a table shows them: short on a terminal, whole for programs."""
    return shorten(ids) if console.is_terminal else list(ids)


def draw_report(console: Console, report: Json) -> None:
    """The details of one report."""
    progress, metrics = report["progress"], report.get("metrics") or {}
    done, expected = progress["rowsDone"], progress["rowsExpected"]
    error = report.get("error") or {}
    draw_pairs(
        console,
        [
            ("id", report["id"]),
            ("status", report["status"]),
            ("type", report["type"]),
            ("formats", ", ".join(report["formats"])),
            *(("filter", said) for said in _filters(report["filters"])),
            ("title", report["title"]),
            ("requested by", _requester(report)),
            ("created", show_timestamp(report["createdAt"])),
            ("finished", show_timestamp(report["finishedAt"])),
            (
                "files deleted" if report["status"] == "EXPIRED" else "files kept until",
                show_timestamp(report.get("expiresAt")),
            ),
            ("as of", show_timestamp(report["asOf"])),
            ("progress", f"{done:,} of {count(expected, 'row')}" if report["rows"] is None and expected else None),
            ("queue", progress.get("queuePosition")),
            ("waiting for", _waiting(report.get("waitingFor"))),
            ("rows", _number(report["rows"])),
            ("totals", "; ".join(_totals(report["totals"] or [], report.get("totalsOmitted", 0)))),
            ("balance", _balance(report.get("balance"))),
            ("masked", ", ".join(report["maskedColumns"])),
            ("attempt", report["attempt"]),
            ("speed", f"{metrics['rowsPerSecond']:,} rows/s" if metrics else None),
            ("cost", f"{metrics['costUsd']['total']} USD" if metrics.get("costUsd") else None),
            ("error", f"{error['code']}: {say_in_commands(error['detail'])}" if error else None),
        ],
    )
    for file in report["files"] or []:
        console.print(clean(f"{file['format']}: {count(file['bytes'], 'byte')}, SHA-256 {file['sha256']}"))
    for failed in report.get("failedFiles") or []:
        console.print(clean(f"{failed['format']} failed: {failed['code']}, {failed['detail']}"))
    for warning in describe_warnings(report):
        console.print(clean(warning))


def draw_deletion(console: Console, deletion: Json) -> None:
    """The record of a deleted report."""
    draw_pairs(
        console,
        [
            ("id", deletion["id"]),
            ("type", deletion["type"]),
            ("created", show_timestamp(deletion["createdAt"])),
            ("deleted", show_timestamp(deletion["deletedAt"])),
            ("deleted by", deletion["deletedBy"]),
            ("files removed", show_timestamp(deletion["filesRemovedAt"]) or "not yet: within a minute, as a rule"),
        ],
    )


def describe_warnings(report: Json) -> Iterator[str]:
    """A line for each warning of a report."""
    for warning in report.get("warnings") or []:
        about = f" ({warning['format']})" if warning.get("format") else ""
        yield f"warning{about}: {warning['code']}: {warning['detail']}"


def _waiting(waiting: Json | None) -> str | None:
    """What a report waits for, in one line."""
    if waiting is None:
        return None
    name, since, again = (
        waiting["dependency"].replace("-", " "),
        show_timestamp(waiting["since"]),
        waiting["nextAttemptAt"],
    )
    return f"the {name}, which is unavailable, since {since}; tried again at {show_timestamp(again)}"


def _filters(filters: Mapping[str, Any]) -> Iterator[str]:
    """Filters in the form that `--filter` takes."""
    for name, value in sorted(filters.items()):
        values = value if isinstance(value, list) else [value]
        said = ",".join(str(one).lower() if isinstance(one, bool) else str(one) for one in values)
        yield f"{name}={said}"


def _requester(report: Json) -> str | None:
    who, name = report.get("requestedBy"), report.get("requestedByName")
    return f"{name} ({who})" if name else who


def draw_summary(console: Console, summary: Json) -> None:
    """Totals, and the charts as lines with bars."""
    console.print(clean(f"\n{count(summary['rows'], 'row')} as of {show_timestamp(summary['asOf'])}"))
    for line in _totals(summary.get("totals") or [], summary.get("totalsOmitted", 0)):
        console.print(clean(line))
    if summary.get("next"):
        console.print(clean(f"There are more totals at {summary['next']}."))
    if summary.get("balance"):
        console.print(clean(_balance(summary["balance"])))
    for chart in summary.get("charts") or []:
        _draw_chart(console, chart)


def _draw_chart(console: Console, chart: Json) -> None:
    console.print()
    console.print(clean(chart["title"]), style="bold")
    values = [[float(value) for value in one["values"]] for one in chart["series"]]
    flat = [value for one in values for value in one]
    low, high = min(flat, default=0), max(flat, default=0)
    rows = []
    for number, label in enumerate(chart["labels"][:_MAX_POINTS]):
        for one, numbers in zip(chart["series"], values, strict=True):
            rows.append((label, one["name"], one["values"][number], draw_bar(numbers[number], low, high)))
    draw_table(console, ("", "SERIES", chart["unit"].upper(), ""), rows)
    if (left := len(chart["labels"]) - _MAX_POINTS) > 0:
        console.print(f"{left:,} more: use --json to see all.", style="dim")


def draw_bar(value: float, low: float, high: float) -> str:
    """A bar of a chart whose values lie between `low` and `high`. Negative bars are left of a zero line."""
    low, high = min(low, 0), max(high, 0)
    per_sign = _BAR / (high - low or 1)
    signs = "#" * round(abs(value) * per_sign)
    if low == 0:
        return signs
    room = round(-low * per_sign)
    return f"{signs:>{room}}|" if value < 0 else f"{'':{room}}|{signs}"


def draw_estimate(console: Console, estimate: Json) -> None:
    """The estimate of a report."""
    about = "" if estimate["isExact"] else "about "
    queue = estimate.get("queue") or {}
    draw_pairs(
        console,
        [
            ("rows", f"{about}{estimate['rows']:,}"),
            ("time", f"about {duration(estimate['seconds'])}"),
            ("queue", f"{queue['ahead']:,} ahead, about {duration(queue['seconds'])}" if queue.get("ahead") else None),
        ],
    )
    for file in estimate["files"]:
        pages = f", {count(file['pages'], 'page')}" if file.get("pages") else ""
        console.print(clean(f"{file['format']}: about {count(file['bytes'], 'byte')}{pages}"))
    for warning in estimate.get("warnings") or []:
        console.print(clean(f"warning: {warning['detail']}"))


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _totals(totals: list[Json], omitted: int) -> Iterator[str]:
    for total in totals:
        yield f"{total['currency']} {total['amount']} in {count(total['rows'], 'row')}"
    if omitted:
        yield f"and {count(omitted, 'more currency', 'more currencies')}"


def _balance(balance: Json | None) -> str:
    return f"{balance['opening']} before, {balance['closing']} after" if balance else ""
