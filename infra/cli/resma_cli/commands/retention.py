"""`resma hold`, `release` and `erase`: what keeps the files of reports, and what deletes a person's data."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from resma_cli.amounts import count
from resma_cli.api_client import Json, path_of
from resma_cli.commands.reports import ReportId
from resma_cli.confirm import Yes, confirm
from resma_cli.dates import show_timestamp
from resma_cli.ids import find_report_id
from resma_cli.output import draw_table
from resma_cli.rendering import draw_report
from resma_cli.request_options import named_filters
from resma_cli.shared_options import ApiOptions, examples, with_groups

app = typer.Typer()


@app.command("hold", epilog=examples('resma hold 840edab4 --reason "Case 2026-117"'))
@with_groups
def hold_report(
    api_options: ApiOptions,
    report_id: ReportId,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why the files must be kept. It is on record.")],
) -> None:
    """Place a legal hold on a report: nothing of it is deleted until it is released."""
    report_id = find_report_id(api_options.api, report_id)
    report: Json = api_options.api.put(path_of("reports", report_id, "hold"), {"reason": reason})
    api_options.output.show(report, lambda console: draw_report(console, report))


@app.command("release", epilog=examples("resma release 840edab4", "resma release 840edab4 --yes"))
@with_groups
def release_report(api_options: ApiOptions, report_id: ReportId, yes: Yes = False) -> None:
    """Release the legal hold of a report; files whose retention is over are then deleted."""
    report_id = find_report_id(api_options.api, report_id)
    confirm(f"Release the hold of report {report_id}? Its files may then be deleted.", yes=yes)
    report: Json = api_options.api.delete(path_of("reports", report_id, "hold"))
    api_options.output.show(report, lambda console: draw_report(console, report))


@app.command(
    "erase",
    epilog=examples(
        "resma erase account-statement --filter account=BR1000-104729",
        "resma erase account-statement --filter account=BR1000-104729 --delete --records",
    ),
)
@with_groups
def erase(  # noqa: PLR0913  # options of a command line
    api_options: ApiOptions,
    report_type: Annotated[str, typer.Argument(metavar="TYPE", help="Report type. `resma type list` lists them.")],
    *,
    filters: Annotated[
        list[str],
        typer.Option("--filter", metavar="NAME=VALUE", help="A filter that names the person. Repeat for more."),
    ],
    delete: Annotated[bool, typer.Option("--delete", help="Delete the files. Without it, list the reports.")] = False,
    records: Annotated[bool, typer.Option("--records", help="Delete the reports, not only their files.")] = False,
    yes: Yes = False,
) -> None:
    """List the reports that contain a person's data, and with --delete, delete them.

    Held reports are named and kept.
    """
    name = report_type.upper().replace("-", "_")
    request: Json = {"type": name, "filters": named_filters(api_options.api, name, filters), "deleteRecords": records}
    if delete:
        found: Json = api_options.api.post("/api/v1/erasures", request, is_repeatable=True)
        number = sum(item["outcome"] == "FOUND" for item in found["items"])
        more = " or more" if found["hasMore"] else ""
        what = "reports and their records" if records else "files of reports"
        confirm(f"Delete the {what} ({number}{more})? This can't be undone.", yes=yes)
        request["dryRun"] = False
    erasure: Json = api_options.api.post("/api/v1/erasures", request, is_repeatable=True)
    api_options.output.show(erasure, lambda console: _draw_erasure(console, erasure))
    if erasure["hasMore"]:
        api_options.output.print_message("There are more reports. Run the command again for the next ones.")


def _draw_erasure(console: Console, erasure: Json) -> None:
    rows = [
        (item["reportId"], item["status"], show_timestamp(item["createdAt"]), item["outcome"])
        for item in erasure["items"]
    ]
    draw_table(console, ("ID", "STATUS", "CREATED", "OUTCOME"), rows)
    console.print(count(len(rows), "report"), style="dim")
