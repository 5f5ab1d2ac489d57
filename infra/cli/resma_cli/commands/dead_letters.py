"""`resma dead-letter`: the tenant's reports that were dead-lettered after their last attempt."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from resma_cli.amounts import count
from resma_cli.api_client import Json, path_of
from resma_cli.dates import show_timestamp
from resma_cli.exit_codes import CommandFailedError, ExitCode
from resma_cli.ids import find_report_id
from resma_cli.output import TableColumn, clean, draw_pairs, draw_table
from resma_cli.rendering import display_ids, draw_report
from resma_cli.shared_options import ApiOptions, Limit, examples, with_groups

_COLUMNS = (
    "ID",
    "TYPE",
    TableColumn("ATTEMPTS", is_number=True, min_terminal_width=100),
    TableColumn("REDRIVES", is_number=True, min_terminal_width=100),
    "SINCE",
    TableColumn("ERROR", is_flexible=True),
)

app = typer.Typer(
    no_args_is_help=True, help="Show and redrive reports that were dead-lettered after their last attempt."
)


@app.command("list", epilog=examples("resma dead-letter list"))
@with_groups
def list_dead_letters(api_options: ApiOptions, limit: Limit = 50) -> None:
    """List dead-lettered reports, newest request first."""
    items, following = api_options.api.pages("/api/v1/dead-letters", {}, limit)

    def draw(console: Console) -> None:
        ids = display_ids(console, [i["reportId"] for i in items])
        rows = [
            (id_, i["type"], i["attempts"], i["redrives"], show_timestamp(i["deadLetteredAt"]), i["error"]["code"])
            for id_, i in zip(ids, items, strict=True)
        ]
        draw_table(console, _COLUMNS, rows)

    api_options.output.show({"items": items, "next": following}, draw)


@app.command("show", epilog=examples("resma dead-letter show 840edab4"))
@with_groups
def show_dead_letter(
    api_options: ApiOptions,
    report_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the report, or its first characters.")],
) -> None:
    """Show the error of a dead-lettered report, and its redrives so far."""
    letter: Json = api_options.api.get(path_of("dead-letters", find_report_id(api_options.api, report_id)))

    def draw(console: Console) -> None:
        pairs = [("id", letter["reportId"]), ("type", letter["type"]), ("attempts", letter["attempts"])]
        draw_pairs(console, [*pairs, ("error", f"{letter['error']['code']}: {letter['error']['detail']}")])
        for item in letter["history"]:
            line = f"redrive {item['redrive']}: {show_timestamp(item['redrivenAt'])} by {item['redrivenBy']}"
            console.print(clean(f"{line}, {item['reason'] or 'no reason given'}"))

    api_options.output.show(letter, draw)


@app.command(
    "redrive",
    epilog=examples(
        'resma dead-letter redrive 840edab4 --reason "the replica is back"',
        "resma dead-letter redrive --all",
    ),
)
@with_groups
def redrive(
    api_options: ApiOptions,
    report_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Id of the report, or its first characters.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Redrive all dead-lettered reports of the tenant.")] = False,
    reason: Annotated[str | None, typer.Option(help="Record what was fixed.")] = None,
) -> None:
    """Send one dead-lettered report, or all, to the queue again."""
    if (report_id is None) != everything:
        raise CommandFailedError(ExitCode.USAGE, "`redrive` takes either a report's id or `--all`.")
    body = {"reason": reason} if reason else {}
    if report_id is None:
        done: Json = api_options.api.post("/api/v1/dead-letters/redrive", body)
        api_options.output.show(done, lambda console: console.print(f"Redrove {count(done['redriven'], 'report')}."))
        return
    report_id = find_report_id(api_options.api, report_id)
    report: Json = api_options.api.post(path_of("dead-letters", report_id, "redrive"), body)
    api_options.output.show(report, lambda console: draw_report(console, report))
