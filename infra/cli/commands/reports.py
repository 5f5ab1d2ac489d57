"""`resma list`, `show`, `download`, `cancel`, `retry`: the reports there are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from infra.cli.api import Json, path_of
from infra.cli.commands.generate import require_ready, wait_and_save
from infra.cli.drawing import draw_report, draw_reports, draw_summary
from infra.cli.exits import CommandFailed, ExitCode
from infra.cli.groups import Setting, examples, with_groups
from infra.cli.save import Target, save_files

app = typer.Typer()

ReportId = Annotated[str, typer.Argument(metavar="ID", help="The report's id: `resma list` shows it.")]
OutputPath = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="PATH", help="A file or a folder; else this folder.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")]


@app.command(
    "list", epilog=examples("resma list", "resma list --status FAILED --created-after 2026-11-01T00:00:00Z --all")
)
@with_groups
def list_reports(  # noqa: PLR0913  # options of a command line
    setting: Setting,
    *,
    status: Annotated[
        str | None, typer.Option(help="PENDING, GENERATING, READY, FAILED, CANCELLED or EXPIRED.")
    ] = None,
    report_type: Annotated[str | None, typer.Option("--type", help="Only this report type.")] = None,
    format_: Annotated[str | None, typer.Option("--format", help="Only this format.")] = None,
    after: Annotated[str | None, typer.Option("--created-after", metavar="MOMENT", help="ISO 8601, with zone.")] = None,
    before: Annotated[
        str | None, typer.Option("--created-before", metavar="MOMENT", help="ISO 8601, with zone.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="As many at most.")] = 20,
    everything: Annotated[bool, typer.Option("--all", help="All there are.")] = False,
) -> None:
    """List reports, newest first."""
    query = {
        "status": status and status.upper(),
        "type": report_type,
        "format": format_ and format_.upper(),
        "createdAfter": after,
        "createdBefore": before,
    }
    items, following = setting.api.pages("/api/v1/reports", query, None if everything else limit)
    setting.output.show({"items": items, "next": following}, lambda console: draw_reports(console, items, following))


@app.command(
    "show",
    epilog=examples(
        "resma show 840edab4-930d-475e-b6a2-bb69c18a6792", "resma show 840edab4-930d-475e-b6a2-bb69c18a6792 --summary"
    ),
)
@with_groups
def show_report(
    setting: Setting,
    report_id: ReportId,
    summary: Annotated[bool, typer.Option("--summary", help="With totals and charts.")] = False,
) -> None:
    """Show a report: status, progress, totals, files, error."""
    report: Json = setting.api.get(path_of("reports", report_id))
    if not summary:
        setting.output.show(report, lambda console: draw_report(console, report))
        return
    found: Json = setting.api.get(path_of("reports", report_id, "summary"))

    def draw(console: Console) -> None:
        draw_report(console, report)
        draw_summary(console, found)

    setting.output.show({**report, "summary": found}, draw)


@app.command("download", epilog=examples("resma download 840edab4-930d-475e-b6a2-bb69c18a6792 --output statement.pdf"))
@with_groups
def download_report(
    setting: Setting,
    report_id: ReportId,
    path: OutputPath = None,
    format_: Annotated[str | None, typer.Option("--format", "-f", help="Of several files, this one.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Save a report's files; goes on where an earlier download stopped."""
    report: Json = setting.api.get(path_of("reports", report_id))
    require_ready(report)
    try:
        saved = save_files(setting.api, setting.output, report, Target(path, overwrite), format_ and format_.upper())
    except KeyboardInterrupt:
        said = f"interrupted: `resma download {report_id}` goes on where it stopped"
        raise CommandFailed(ExitCode.INTERRUPTED, said, more={"reportId": report_id}) from None
    setting.output.show({"reportId": report["id"], "saved": saved}, lambda _console: None)


@app.command("cancel", epilog=examples("resma cancel 840edab4-930d-475e-b6a2-bb69c18a6792"))
@with_groups
def cancel_report(setting: Setting, report_id: ReportId) -> None:
    """Cancel a report that is under way."""
    report: Json = setting.api.post(path_of("reports", report_id, "cancel"), is_repeatable=True)
    setting.output.show(report, lambda console: draw_report(console, report))


@app.command("retry", epilog=examples("resma retry 840edab4-930d-475e-b6a2-bb69c18a6792 --wait"))
@with_groups
def retry_report(
    setting: Setting,
    report_id: ReportId,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Wait until it has ended, and save its files.")] = False,
    path: OutputPath = None,
    overwrite: Overwrite = False,
) -> None:
    """Ask once more for a report that failed, was cancelled or has expired."""
    target = Target(path, overwrite)
    report: Json = setting.api.post(path_of("reports", report_id, "retry"), is_repeatable=True)
    if wait or path is not None:
        wait_and_save(setting, report, target)
        return
    setting.output.show(report, lambda console: draw_report(console, report))
