"""`resma list`, `show`, `access`, `download`, `cancel`, `retry`, `delete`: reports that exist."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from resma_cli.api_client import Json, path_of
from resma_cli.commands.generate import (
    OutputPath,
    Overwrite,
    Wait,
    require_all_formats,
    require_ready,
    require_target,
    wait_and_save,
)
from resma_cli.completion import complete_format, complete_status
from resma_cli.confirm import Yes, confirm
from resma_cli.dates import read_timestamp
from resma_cli.exit_codes import CommandFailedError, ExitCode
from resma_cli.files import count_saved, save_files, save_manifest
from resma_cli.ids import find_report_id
from resma_cli.rendering import draw_access, draw_deletion, draw_report, draw_reports, draw_summary
from resma_cli.shared_options import ApiOptions, Limit, examples, with_groups
from resma_cli.target import OutputTarget

app = typer.Typer()

ReportId = Annotated[
    str, typer.Argument(metavar="ID", help="Id of the report, or its first characters. `resma list` shows it.")
]


@app.command(
    "list",
    epilog=examples(
        "resma list",
        "resma list --status FAILED --created-after yesterday",
        "resma list --requested-by me",
        "resma list --all --json",
    ),
)
@with_groups
def list_reports(  # noqa: PLR0913  # options of a command line
    api_options: ApiOptions,
    *,
    status: Annotated[
        str | None,
        typer.Option(
            autocompletion=complete_status,
            help="List reports of this status: PENDING, GENERATING, READY, FAILED, CANCELLED, EXPIRED or SKIPPED.",
        ),
    ] = None,
    report_type: Annotated[str | None, typer.Option("--type", help="List reports of this type.")] = None,
    format_: Annotated[
        str | None, typer.Option("--format", autocompletion=complete_format, help="List reports that have this format.")
    ] = None,
    after: Annotated[
        str | None,
        typer.Option("--created-after", metavar="TIME", help="List reports created then or later: 2026-11-30, 12h, …"),
    ] = None,
    before: Annotated[
        str | None,
        typer.Option("--created-before", metavar="TIME", help="List reports created earlier than that: today, 7d, …"),
    ] = None,
    search: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="List reports whose title contains this, or whose id starts with it."),
    ] = None,
    requester: Annotated[
        str | None,
        typer.Option(
            "--requested-by", metavar="WHO", help="List reports requested by `me`, or by a caller: key:3JHx0Q."
        ),
    ] = None,
    limit: Limit = 20,
    everything: Annotated[bool, typer.Option("--all", help="List all reports, without a limit.")] = False,
) -> None:
    """List reports, newest first.

    Dates are in UTC, or in the time zone that RESMA_TIME_ZONE names.
    """
    query = {
        "status": status and status.upper(),
        "type": report_type and report_type.upper().replace("-", "_"),
        "format": format_ and format_.upper(),
        "search": search,
        "requestedBy": requester,
        "createdAfter": after and read_timestamp(after, "--created-after"),
        "createdBefore": before and read_timestamp(before, "--created-before"),
    }
    items, following = api_options.api.pages("/api/v1/reports", query, None if everything else limit)
    api_options.output.show(
        {"items": items, "next": following}, lambda console: draw_reports(console, items, following)
    )


@app.command("show", epilog=examples("resma show 840edab4", "resma show 840edab4 --summary"))
@with_groups
def show_report(
    api_options: ApiOptions,
    report_id: ReportId,
    summary: Annotated[bool, typer.Option("--summary", help="Show totals and charts too.")] = False,
) -> None:
    """Show a report: status, progress, totals, files and error."""
    report_id = find_report_id(api_options.api, report_id)
    report: Json = api_options.api.get(path_of("reports", report_id))
    if not summary:
        api_options.output.show(report, lambda console: draw_report(console, report))
        return
    totals_and_charts: Json = api_options.api.get(path_of("reports", report_id, "summary"))

    def draw(console: Console) -> None:
        draw_report(console, report)
        draw_summary(console, totals_and_charts)

    api_options.output.show({**report, "summary": totals_and_charts}, draw)


@app.command("access", epilog=examples("resma access 840edab4", "resma access 840edab4 --all --json"))
@with_groups
def show_access(
    api_options: ApiOptions,
    report_id: ReportId,
    limit: Limit = 20,
    everything: Annotated[bool, typer.Option("--all", help="List all entries, without a limit.")] = False,
) -> None:
    """Show who requested, downloaded and deleted a report, and where files and webhooks went; newest first."""
    report_id = find_report_id(api_options.api, report_id)
    items, following = api_options.api.pages(path_of("reports", report_id, "access"), {}, None if everything else limit)
    api_options.output.show({"items": items, "next": following}, lambda console: draw_access(console, items, following))


@app.command(
    "download",
    epilog=examples(
        "resma download 840edab4 --output statement.pdf",
        "resma download 840edab4 4d58dace --output reports/",
        "resma download 840edab4 --format NDJSON --output - | jq .amount",
    ),
)
@with_groups
def download_reports(
    api_options: ApiOptions,
    report_ids: Annotated[
        list[str],
        typer.Argument(metavar="ID…", help="Ids of reports, or their first characters. `resma list` shows them."),
    ],
    path: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="PATH",
            help="Save to this file or folder (`reports/` is created), or write to standard output (`-`).",
        ),
    ] = None,
    format_: Annotated[
        str | None,
        typer.Option("--format", "-f", autocompletion=complete_format, help="Download the files of this format only."),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Download the files of one or more reports, or the manifest of a split report; resume an interrupted download."""
    target = require_target(api_options, path, overwrite)
    format_ = format_ and format_.upper()
    # All reports are checked before the first file is saved.
    reports = [_find_ready(api_options, report_id) for report_id in dict.fromkeys(report_ids)]
    _require_not_split(reports, format_)
    target.check(sum(count_saved(report, target, format_) for report in reports))
    results = [
        {"reportId": report["id"], "saved": _download(api_options, report, target, format_)} for report in reports
    ]
    if format_ is None:
        for report, result in zip(reports, results, strict=True):
            require_all_formats(api_options.output, report, result["saved"])
    if not target.is_stdout:
        api_options.output.show(results[0] if len(results) == 1 else {"reports": results}, lambda _console: None)


def _require_not_split(reports: list[Json], format_: str | None) -> None:
    """Raises CommandFailedError if `--format` is used for a split report, whose manifest has no format."""
    for report in reports:
        if format_ and report.get("splitBy"):
            download = f"resma files download {report['id']}"
            detail = f"Report {report['id']} is split, and `--format` does not apply to its manifest."
            remedy = f"`{download} --all --format {format_}` saves its {format_} files."
            if format_ == "ZIP":
                remedy = f"`{download} --zip` saves its ZIP archive."
            raise CommandFailedError(ExitCode.USAGE, f"{detail} {remedy}")


def _find_ready(api_options: ApiOptions, report_id: str) -> Json:
    report: Json = api_options.api.get(path_of("reports", find_report_id(api_options.api, report_id)))
    require_ready(report)
    return report


def _download(api_options: ApiOptions, report: Json, target: OutputTarget, format_: str | None) -> list[Json]:
    report_id = report["id"]
    try:
        if not report.get("splitBy"):
            return save_files(api_options.api, api_options.output, report, target, format_)
        saved = save_manifest(api_options.api, api_options.output, report, target)
        api_options.output.print_message(
            f"The report is split. `resma files list {report_id}` lists its files, and `resma files download"
            f" {report_id} --all` saves them."
        )
    except KeyboardInterrupt:
        resumes = "" if target.is_stream else f" `resma download {report_id}` resumes it."
        detail = f"The download was interrupted.{resumes}"
        raise CommandFailedError(ExitCode.INTERRUPTED, detail, more={"reportId": report_id}) from None
    return saved


@app.command("cancel", epilog=examples("resma cancel 840edab4"))
@with_groups
def cancel_report(api_options: ApiOptions, report_id: ReportId) -> None:
    """Cancel a report that is in progress."""
    report_id = find_report_id(api_options.api, report_id)
    report: Json = api_options.api.post(path_of("reports", report_id, "cancel"), is_repeatable=True)
    api_options.output.show(report, lambda console: draw_report(console, report))


@app.command("retry", epilog=examples("resma retry 840edab4 --wait"))
@with_groups
def retry_report(
    api_options: ApiOptions,
    report_id: ReportId,
    wait: Wait = False,
    path: OutputPath = None,
    overwrite: Overwrite = False,
) -> None:
    """Retry a report that failed, was cancelled, has expired or was skipped (then without its conditions)."""
    target = require_target(api_options, path, overwrite)
    report_id = find_report_id(api_options.api, report_id)
    report: Json = api_options.api.post(path_of("reports", report_id, "retry"), is_repeatable=True)
    if wait or path is not None:
        wait_and_save(api_options, report, target)
        return
    api_options.output.show(report, lambda console: draw_report(console, report))


@app.command("delete", epilog=examples("resma delete 840edab4", "resma delete 840edab4 --yes"))
@with_groups
def delete_report(api_options: ApiOptions, report_id: ReportId, yes: Yes = False) -> None:
    """Delete a report that has ended, with its files and everything that refers to it."""
    report_id = find_report_id(api_options.api, report_id)
    confirm(f"Delete report {report_id} and its files? This can't be undone.", yes=yes)
    deletion: Json = api_options.api.delete(path_of("reports", report_id))
    api_options.output.show(deletion, lambda console: draw_deletion(console, deletion))
