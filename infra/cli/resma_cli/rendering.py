"""Draws reports for people: a table of reports, the details and the summary of one, and an estimate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich.console import Console

from resma_cli.amounts import count, duration
from resma_cli.api_client import Json
from resma_cli.api_to_commands import replace_requests_by_commands
from resma_cli.dates import find_zone, show_timestamp
from resma_cli.ids import shorten
from resma_cli.output import TableColumn, clean, draw_pairs, draw_table

_MEDIUM_WIDTH = 110
"""Minimum width of a terminal for additional columns of tables."""
_FULL_WIDTH = 150
"""Minimum width of a terminal for all columns of tables."""
_BAR_CHARACTERS = 24
"""Length of the longest bar of a chart."""
_MAX_POINTS = 40
"""Maximum number of lines of a chart."""


def draw_reports(console: Console, items: Sequence[Json], following: str | None) -> None:
    """Draws a table with a line for each report. A narrow terminal shows the title, or else the type, in one column."""
    is_narrow = console.is_terminal and console.width < _MEDIUM_WIDTH
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
        console.print("There are more reports. Use `--limit` or `--all`.", style="dim")


_ACCESS_COLUMNS = (
    TableColumn("TIME"),
    TableColumn("ACTION"),
    TableColumn("WHO", is_flexible=True),
    TableColumn("IP ADDRESS"),
    TableColumn("WHAT", is_flexible=True, min_terminal_width=_MEDIUM_WIDTH),
    TableColumn("OUTCOME"),
)


def draw_access(console: Console, items: Sequence[Json], following: str | None) -> None:
    """Draws a table with a line for each entry of the access log of a report."""
    rows = [
        (
            show_timestamp(item["occurredAt"]),
            item["action"],
            " ".join(filter(None, (item["subject"], item["keyName"] and f"({item['keyName']})"))),
            item["ipAddress"],
            _accessed(item),
            item["outcome"],
        )
        for item in items
    ]
    draw_table(console, _ACCESS_COLUMNS, rows)
    if following and console.is_terminal:
        console.print("There are more entries. Use `--limit` or `--all`.", style="dim")


def _accessed(item: Json) -> str:
    """Returns what an entry of the access log is about: format, webhook with secret and response, or delivered file."""
    secret = item["secretVersion"] and f"secret version {item['secretVersion']}"
    status = item["statusCode"] and f"HTTP {item['statusCode']}"
    receiver = (item["url"], item["destinationName"] or item["destinationId"], item["fileName"], item["recipient"])
    return ", ".join(filter(None, (item["format"], *receiver, secret, status, item["detail"])))


def _report_columns(*, is_narrow: bool) -> tuple[TableColumn, ...]:
    return (
        TableColumn("ID"),
        TableColumn("STATUS"),
        TableColumn("TYPE", min_terminal_width=_MEDIUM_WIDTH),
        TableColumn("REPORT" if is_narrow else "TITLE", is_flexible=True, min_width=18),
        TableColumn("FORMATS", min_terminal_width=_MEDIUM_WIDTH),
        TableColumn("ROWS", is_number=True),
        TableColumn("BY" if is_narrow else "REQUESTED BY", is_flexible=True),
        TableColumn(f"CREATED ({find_zone()[1]})" if is_narrow else "CREATED"),
        TableColumn("FILES KEPT UNTIL", min_terminal_width=_FULL_WIDTH),
    )


def display_ids(console: Console, ids: Sequence[str]) -> list[str]:
    """Returns ids for a table: shortened on a terminal, complete for programs."""
    return shorten(ids) if console.is_terminal else list(ids)


def draw_report(console: Console, report: Json) -> None:
    """Draws the details of a report."""
    progress, metrics = report["progress"], report.get("metrics") or {}
    done, expected = progress["rowsDone"], progress["rowsExpected"]
    error, skipped = report.get("error") or {}, report.get("skippedReason") or {}
    draw_pairs(
        console,
        [
            ("id", report["id"]),
            ("status", report["status"]),
            ("type", report["type"]),
            ("formats", ", ".join(report["formats"])),
            *(("filter", text) for text in _filters(report["filters"])),
            ("split by", ", ".join(report.get("splitBy") or ())),
            ("title", report["title"]),
            ("requested by", _requester(report)),
            ("created", show_timestamp(report["createdAt"])),
            ("finished", show_timestamp(report["finishedAt"])),
            (
                "files deleted" if report["status"] == "EXPIRED" else "files kept until",
                show_timestamp(report.get("expiresAt")),
            ),
            ("deleted by", report.get("filesDeletedBy")),
            ("legal hold", "yes" if report.get("held") else None),
            ("KMS key", report.get("kmsKey")),
            ("signed by", report.get("signedBy")),
            ("as of", show_timestamp(report["asOf"])),
            ("progress", f"{done:,} of {count(expected, 'row')}" if report["rows"] is None and expected else None),
            *_split_pairs(report),
            ("queue", progress.get("queuePosition")),
            ("waiting for", _waiting(report.get("waitingFor"))),
            ("rows", _number(report["rows"])),
            ("totals", "; ".join(describe_totals(report["totals"] or [], report.get("totalsOmitted", 0)))),
            ("balance", _balance(report.get("balance"))),
            ("control", _control(report.get("controlTotals"))),
            ("masked", ", ".join(report["maskedColumns"])),
            ("attempt", report["attempt"]),
            ("speed", f"{metrics['rowsPerSecond']:,} rows/s" if metrics else None),
            ("cost", f"{metrics['costUsd']['total']} USD" if metrics.get("costUsd") else None),
            ("only if", describe_conditions(report.get("onlyIf"))),
            ("skipped", f"{skipped['code']}: {skipped['detail']}" if skipped else None),
            ("error", f"{error['code']}: {replace_requests_by_commands(error['detail'])}" if error else None),
        ],
    )
    for file in report["files"] or []:
        plain = f", before encryption {file['plainSha256']}" if file.get("plainSha256") else ""
        console.print(clean(f"{file['format']}: {count(file['bytes'], 'byte')}, SHA-256 {file['sha256']}{plain}"))
    for name, stored in _split_objects(report):
        console.print(clean(f"{name}: {count(stored['bytes'], 'byte')}, SHA-256 {stored['sha256']}"))
    if (proof := _proof(report)) is not None:
        console.print(proof)
    for failed in report.get("failedFiles") or []:
        console.print(clean(f"{failed['format']} failed: {failed['code']}, {failed['detail']}"))
    for warning in describe_warnings(report):
        console.print(clean(warning))


def _split_pairs(report: Json) -> Iterator[tuple[str, object]]:
    """Yields keys, files and shards of a split report."""
    if (split := report.get("split")) is None:
        return
    keys, shards = split["keys"], split["shards"]
    yield "keys", f"{split['keysDone']:,} of {keys:,}" if keys is not None and split["keysDone"] < keys else keys
    yield "files", f"{split['files']:,}" if keys is not None else None
    yield "files failed", f"{split['filesFailed']:,}" if split["filesFailed"] else None
    counts = [f"{shards[name]:,} {name}" for name in ("pending", "generating", "done", "failed") if shards[name]]
    yield "shards", ", ".join(counts) if shards["done"] < shards["total"] else None
    yield "snapshots", split["snapshots"] if split["snapshots"] > 1 else None


def _split_objects(report: Json) -> Iterator[tuple[str, Json]]:
    """Yields the manifest, the list and the ZIP archive of a split report."""
    for name in ("manifest", "list", "zip"):
        if (stored := (report.get("split") or {}).get(name)) is not None:
            yield name, stored


def _proof(report: Json) -> str | None:
    """Returns what a READY split report guarantees; otherwise None."""
    if report["status"] != "READY" or (split := report.get("split")) is None:
        return None
    if split["snapshots"] > 1:
        return f"The files add up to the data of {split['snapshots']} snapshots, which were verified to be the same."
    return "The files add up to the snapshot: their number, their rows and their totals."


def draw_deletion(console: Console, deletion: Json) -> None:
    """Draws the record of a deleted report."""
    draw_pairs(
        console,
        [
            ("id", deletion["id"]),
            ("type", deletion["type"]),
            ("created", show_timestamp(deletion["createdAt"])),
            ("deleted", show_timestamp(deletion["deletedAt"])),
            ("deleted by", deletion["deletedBy"]),
            ("files removed", show_timestamp(deletion["filesRemovedAt"]) or "not yet, usually within a minute"),
        ],
    )


def describe_warnings(report: Json) -> Iterator[str]:
    """Yields a line for each warning of a report."""
    for warning in report.get("warnings") or []:
        scope = f" ({warning['format']})" if warning.get("format") else ""
        yield f"warning{scope}: {warning['code']}: {warning['detail']}"


def describe_conditions(only_if: Json | None) -> str | None:
    """Returns the conditions of a request in one line."""
    if not only_if:
        return None
    parts = []
    if rows := only_if.get("rows"):
        parts.append(f"rows {_limits(rows)}")
    for total in only_if.get("totals") or []:
        parts.append(" ".join(filter(None, (str(total["amount"]), total.get("currency"), _limits(total)))))
    if only_if.get("changed"):
        parts.append("changed")
    return ", ".join(parts)


def _limits(limits: Json) -> str:
    shown = [f"{sign} {limits[name]}" for name, sign in (("min", ">="), ("max", "<=")) if limits.get(name) is not None]
    return " and ".join(shown)


def _waiting(waiting: Json | None) -> str | None:
    """Returns the dependency that a report waits for, in one line."""
    if waiting is None:
        return None
    name, since, next_attempt = (
        waiting["dependency"].replace("-", " "),
        show_timestamp(waiting["since"]),
        waiting["nextAttemptAt"],
    )
    return f"the {name}, which is unavailable, since {since}; next attempt at {show_timestamp(next_attempt)}"


def _filters(filters: Mapping[str, Any]) -> Iterator[str]:
    """Yields filters in the form of the option `--filter`."""
    for name, value in sorted(filters.items()):
        values = value if isinstance(value, list) else [value]
        text = ",".join(str(one).lower() if isinstance(one, bool) else str(one) for one in values)
        yield f"{name}={text}"


def _requester(report: Json) -> str | None:
    caller, name = report.get("requestedBy"), report.get("requestedByName")
    return f"{name} ({caller})" if name else caller


def draw_summary(console: Console, summary: Json) -> None:
    """Draws the totals, and the charts as tables with bars."""
    console.print(clean(f"\n{count(summary['rows'], 'row')} as of {show_timestamp(summary['asOf'])}"))
    for line in describe_totals(summary.get("totals") or [], summary.get("totalsOmitted", 0)):
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
    if (omitted := len(chart["labels"]) - _MAX_POINTS) > 0:
        console.print(f"{omitted:,} more values. Use `--json` to see all.", style="dim")


def draw_bar(value: float, low: float, high: float) -> str:
    """Returns the bar of a value in a chart from `low` to `high`. Bars of negative values are left of a zero line."""
    low, high = min(low, 0), max(high, 0)
    per_sign = _BAR_CHARACTERS / (high - low or 1)
    signs = "#" * round(abs(value) * per_sign)
    if low == 0:
        return signs
    width = round(-low * per_sign)
    return f"{signs:>{width}}|" if value < 0 else f"{'':{width}}|{signs}"


def draw_estimate(console: Console, estimate: Json) -> None:
    """Draws the estimate of a report."""
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


def describe_totals(totals: list[Json], omitted: int) -> Iterator[str]:
    """Yields a line for each currency, and one for the omitted ones."""
    for total in totals:
        currency, amounts = total["currency"], total["amounts"]
        is_obvious = currency is not None and len(amounts) == 1
        shown = ", ".join(amount if is_obvious else f"{name} {amount}" for name, amount in amounts.items())
        yield f"{'' if currency is None else f'{currency} '}{shown} in {count(total['rows'], 'row')}"
    if omitted:
        yield f"and {count(omitted, 'more currency', 'more currencies')}"


def _control(totals: list[Json] | None) -> str | None:
    """Returns whether the control totals agree with the totals, and the figures that differ."""
    if totals is None:
        return None
    differences = [
        f"{'' if total['currency'] is None else total['currency'] + ' '}{name}: {pair['report']}, not {pair['control']}"
        for total in totals
        for name, pair in {"rows": total["rows"], **total["amounts"]}.items()
        if pair is not None and _differs(pair["report"], pair["control"])
    ]
    return "; ".join(differences) or "agrees with the totals"


def _differs(one: object, other: object) -> bool:
    """Returns whether two figures have different values: 4.50 and 4.5 are equal, and NaN is equal to itself."""
    return str(one) != str(other) and Decimal(str(one)) != Decimal(str(other))


def _balance(balance: Json | None) -> str:
    return f"{balance['opening']} before, {balance['closing']} after" if balance else ""
