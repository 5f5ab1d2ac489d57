"""`resma dead-letters`: reports that were given up after their last attempt, of the key's tenant."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from infra.cli.api import Json, path_of
from infra.cli.drawing import draw_report, moment
from infra.cli.exits import CommandFailed, ExitCode
from infra.cli.groups import Setting, examples, with_groups
from infra.cli.output import clean, draw_pairs, draw_table

app = typer.Typer(no_args_is_help=True, help="Reports that were given up after their last attempt.")


@app.command("list", epilog=examples("resma dead-letters list"))
@with_groups
def list_dead_letters(
    setting: Setting, limit: Annotated[int, typer.Option(min=1, max=100_000, help="As many at most.")] = 50
) -> None:
    """List them, newest request first."""
    items, following = setting.api.pages("/api/v1/dead-letters", {}, limit)

    def draw(console: Console) -> None:
        rows = [
            (i["reportId"], i["type"], i["attempts"], i["redrives"], moment(i["deadLetteredAt"]), i["error"]["code"])
            for i in items
        ]
        draw_table(console, ("ID", "TYPE", "ATTEMPTS", "REDRIVES", "SINCE", "ERROR"), rows)

    setting.output.show({"items": items, "next": following}, draw)


@app.command("show", epilog=examples("resma dead-letters show 840edab4-930d-475e-b6a2-bb69c18a6792"))
@with_groups
def show_dead_letter(
    setting: Setting, report_id: Annotated[str, typer.Argument(metavar="ID", help="The report's id.")]
) -> None:
    """Show what a report died of, and its redrives so far."""
    letter: Json = setting.api.get(path_of("dead-letters", report_id))

    def draw(console: Console) -> None:
        pairs = [("id", letter["reportId"]), ("type", letter["type"]), ("attempts", letter["attempts"])]
        draw_pairs(console, [*pairs, ("error", f"{letter['error']['code']}: {letter['error']['detail']}")])
        for item in letter["history"]:
            said = f"redrive {item['redrive']}: {moment(item['redrivenAt'])} by {item['redrivenBy']}"
            console.print(clean(f"{said}, {item['reason'] or 'no reason given'}"))

    setting.output.show(letter, draw)


@app.command(
    "redrive",
    epilog=examples(
        'resma dead-letters redrive 840edab4-930d-475e-b6a2-bb69c18a6792 --reason "the replica is back"',
        "resma dead-letters redrive --all",
    ),
)
@with_groups
def redrive(
    setting: Setting,
    report_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="The report's id.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All of the tenant.")] = False,
    reason: Annotated[str | None, typer.Option(help="For the record: what was mended.")] = None,
) -> None:
    """Send one, or all, on their way again."""
    if (report_id is None) != everything:
        raise CommandFailed(ExitCode.USAGE, "redrive takes a report's id, or --all")
    body = {"reason": reason} if reason else {}
    if report_id is None:
        done: Json = setting.api.post("/api/v1/dead-letters/redrive", body)
        setting.output.show(done, lambda console: console.print(f"{done['redriven']} redriven"))
        return
    report: Json = setting.api.post(path_of("dead-letters", report_id, "redrive"), body)
    setting.output.show(report, lambda console: draw_report(console, report))
