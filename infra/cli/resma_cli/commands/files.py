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
from resma_cli.confirm import Yes, confirm
from resma_cli.exit_codes import CommandFailedError, ExitCode
from resma_cli.files import MANIFEST_FILES
from resma_cli.ids import find_report_id
from resma_cli.output import TableColumn, clean, draw_table
from resma_cli.rendering import draw_report
from resma_cli.shared_options import ApiOptions, Limit, examples, with_groups
from resma_cli.split_reports.download import DOWNLOADS, SavedFiles, failed_formats, list_split_files, save_split_files
from resma_cli.target import OutputTarget

app = typer.Typer(
    no_args_is_help=True, help="List, download and retry files of split reports; delete those of any report."
)

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
    api_options.output.show({"files": files, "hasMore": has_more}, lambda console: _draw_files(console, files))
    if has_more:
        api_options.output.print_message("There are more files. Use `--limit`, `--search` or `--all`.")


def _draw_files(console: Console, files: list[Json]) -> None:
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
    zip_archive: Annotated[
        bool, typer.Option("--zip", help="Save the ZIP archive of a READY report that has one; also without --all.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that have other content.")] = False,
) -> None:
    """Download files of a split report; run it again to resume: files that are complete are kept."""
    if (everything and search is not None) or not (everything or search is not None or zip_archive):
        raise CommandFailedError(ExitCode.USAGE, "Use either `--search TEXT` or `--all`, or only `--zip`.")
    report_id = find_report_id(api_options.api, report_id)
    report: Json = api_options.api.get(path_of("reports", report_id))
    if not report.get("splitBy"):
        detail = f"Report {report_id} is not split. `resma download {report_id}` saves its files."
        raise CommandFailedError(ExitCode.USAGE, detail)
    query = {"search": search, "format": format_ and format_.upper()} if everything or search is not None else None
    objects = list(MANIFEST_FILES) if everything and report["status"] == "READY" else []
    objects += _require_zip(report) if zip_archive else []
    api = Api(api_options.api_config, connections=DOWNLOADS)
    try:
        result = save_split_files(
            api,
            api_options.output,
            report,
            query,
            directory,
            objects=objects,
            overwrite=overwrite,
        )
    except KeyboardInterrupt:
        detail = "The download was interrupted. The same command resumes it."
        raise CommandFailedError(ExitCode.INTERRUPTED, detail, more={"reportId": report_id}) from None
    if query and not result.saved + result.present + len(result.errors) - len(objects):
        raise CommandFailedError(ExitCode.NOT_FOUND, _describe_nothing(report, query))
    if query and (failed := failed_formats(report, query)):
        formats = " and ".join(failed)
        api_options.output.print_message(
            f"The files of {formats} were not saved, because the format has failed. `--format` saves those that exist."
        )
    _show_result(api_options, report, directory, result)


def _require_zip(report: Json) -> list[str]:
    """Returns the name of the ZIP archive in the API. Raises CommandFailedError if the report has none."""
    if not report["split"].get("zip"):
        detail = f"Report {report['id']} has no ZIP archive. `resma generate --split-by … --zip` makes one."
        raise CommandFailedError(ExitCode.NOT_FOUND, detail)
    return ["zip"]


def _describe_nothing(report: Json, query: Json) -> str:
    """Says why no file was saved, and what to do."""
    of_format = f" of the format {query['format']}" if query["format"] else ""
    if search := query["search"]:
        return f"No stored file{of_format} has a key that begins with {search!r}. `resma files list` shows the keys."
    return f"Report {report['id']} is {report['status']} and has no stored file{of_format}."


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


@app.command("delete", epilog=examples("resma files delete 840edab4", "resma files delete 840edab4 --yes"))
@with_groups
def delete_files(api_options: ApiOptions, report_id: ReportId, yes: Yes = False) -> None:
    """Delete the files of any READY report before the end of their retention; its record is kept."""
    report_id = find_report_id(api_options.api, report_id)
    confirm(f"Delete the files of report {report_id}? This can't be undone.", yes=yes)
    report: Json = api_options.api.delete(path_of("reports", report_id, "files"))
    api_options.output.show(report, lambda console: draw_report(console, report))
