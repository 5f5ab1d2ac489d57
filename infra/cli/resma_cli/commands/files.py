"""`resma files`: the files of a split report, one for each key."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from resma_cli.amounts import count
from resma_cli.api_client import Api, Json, path_of
from resma_cli.commands.generate import Wait, wait_and_save
from resma_cli.commands.reports import ReportId
from resma_cli.completion import complete_format
from resma_cli.exit_codes import CommandFailedError, ExitCode
from resma_cli.ids import find_report_id
from resma_cli.output import TableColumn, clean, draw_table
from resma_cli.rendering import draw_report
from resma_cli.shared_options import ApiOptions, Limit, examples, with_groups
from resma_cli.split_reports.download import DOWNLOADS, SavedFiles, list_split_files, save_split_files
from resma_cli.target import OutputTarget

app = typer.Typer(no_args_is_help=True, help="List, download and retry the files of split reports.")

_MAX_ERRORS = 20
"""Maximum number of errors of single files that are printed."""

Search = Annotated[
    str | None, typer.Option(metavar="TEXT", help="Only files whose key starts with this, in upper or lower case.")
]
Format = Annotated[
    str | None, typer.Option("--format", "-f", autocompletion=complete_format, help="Only files of this format.")
]


@app.command(
    "list",
    epilog=examples(
        "resma files list 840edab4", "resma files list 840edab4 --search BR1000", "resma files list 840edab4 --failed"
    ),
)
@with_groups
def list_files(  # noqa: PLR0913  # options of a command line
    api_options: ApiOptions,
    report_id: ReportId,
    *,
    search: Search = None,
    format_: Format = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only files that could not be generated.")] = False,
    limit: Limit = 20,
    everything: Annotated[bool, typer.Option("--all", help="List all files, without a limit.")] = False,
) -> None:
    """List the files of a split report by number, also while it is in progress."""
    report_id = find_report_id(api_options.api, report_id)
    query = {"search": search, "format": format_ and format_.upper(), "status": "failed" if failed else None}
    listed = list_split_files(api_options.api, report_id, query, 1000 if everything else min(limit + 1, 1000))
    files = list(listed if everything else islice(listed, limit + 1))
    has_more = not everything and len(files) > limit
    files = files if everything else files[:limit]
    api_options.output.show(
        {"files": files, "hasMore": has_more}, lambda console: _draw_files(console, files, has_more=has_more)
    )


def _draw_files(console: Console, files: list[Json], *, has_more: bool) -> None:
    rows = [
        (
            file["number"],
            " ".join("NULL" if cell is None else str(cell) for cell in file["key"].values()),
            file["format"],
            f"{file['rows']:,}",
            "" if file["bytes"] is None else f"{file['bytes']:,}",
            file["name"],
            (file["error"] or {}).get("detail"),
        )
        for file in files
    ]
    columns = (
        TableColumn("NUMBER", is_number=True),
        TableColumn("KEY", is_flexible=True),
        TableColumn("FORMAT"),
        TableColumn("ROWS", is_number=True),
        TableColumn("BYTES", is_number=True),
        TableColumn("NAME", is_flexible=True, min_terminal_width=80),
        TableColumn("ERROR", is_flexible=True),
    )
    draw_table(console, columns, rows)
    if has_more and console.is_terminal:
        console.print("There are more files. Use `--limit`, `--search` or `--all`.", style="dim")


@app.command(
    "download",
    epilog=examples(
        "resma files download 840edab4 --all --directory statements",
        "resma files download 840edab4 --search BR1000-104729",
    ),
)
@with_groups
def download_files(  # noqa: PLR0913  # options of a command line
    api_options: ApiOptions,
    report_id: ReportId,
    *,
    search: Search = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Save all files, and the manifest and the list of files of a READY report.")
    ] = False,
    format_: Format = None,
    directory: Annotated[
        Path, typer.Option("--directory", "-d", metavar="DIR", help="Save to this folder, which is created if missing.")
    ] = Path(),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that have other content.")] = False,
) -> None:
    """Download files of a split report; run it again to resume: files that are complete are kept."""
    if everything == (search is not None):
        raise CommandFailedError(ExitCode.USAGE, "Use either `--search TEXT` or `--all`.")
    report_id = find_report_id(api_options.api, report_id)
    report: Json = api_options.api.get(path_of("reports", report_id))
    if not report.get("splitBy"):
        detail = f"Report {report_id} is not split. `resma download {report_id}` saves its files."
        raise CommandFailedError(ExitCode.USAGE, detail)
    query = {"search": search, "format": format_ and format_.upper()}
    api = Api(api_options.api_config, connections=DOWNLOADS)
    try:
        result = save_split_files(
            api,
            api_options.output,
            report,
            query,
            directory,
            with_manifest=everything and report["status"] == "READY",
            overwrite=overwrite,
        )
    except KeyboardInterrupt:
        detail = "The download was interrupted. The same command resumes it."
        raise CommandFailedError(ExitCode.INTERRUPTED, detail, more={"reportId": report_id}) from None
    _show_result(api_options, report, directory, result)


def _show_result(api_options: ApiOptions, report: Json, directory: Path, result: SavedFiles) -> None:
    output = api_options.output
    document = {"reportId": report["id"], "directory": str(directory), **vars(result)}
    for error in result.errors[:_MAX_ERRORS]:
        output.print_message(error)
    if result.errors:
        detail = f"{count(len(result.errors), 'file')} could not be saved. The same command saves the others."
        raise CommandFailedError(ExitCode.FAILED, detail, code="files-failed", more=document)
    present = f" {count(result.present, 'file was', 'files were')} there already." if result.present else ""
    saved = f"Saved {count(result.saved, 'file')} in {directory}, SHA-256 verified.{present}"
    output.show(document, lambda console: console.print(clean(saved)))
    if report["status"] in {"PENDING", "GENERATING"}:
        output.print_message(f"Report {report['id']} is {report['status']}. Run the command again for further files.")


@app.command("retry", epilog=examples("resma files retry 840edab4 --wait"))
@with_groups
def retry_files(api_options: ApiOptions, report_id: ReportId, wait: Wait = False) -> None:
    """Generate the missing files of a FAILED split report; its finished files are kept."""
    report_id = find_report_id(api_options.api, report_id)
    report: Json = api_options.api.post(path_of("reports", report_id, "files", "retry"), is_repeatable=True)
    if wait:
        wait_and_save(api_options, report, OutputTarget(None))
        return
    api_options.output.show(report, lambda console: draw_report(console, report))
