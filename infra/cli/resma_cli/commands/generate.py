"""`resma generate` and `resma estimate`: requesting a report, and waiting for its files."""

from __future__ import annotations

from typing import Annotated

import typer

from resma_cli.api_client import Api, Json, path_of
from resma_cli.api_to_commands import replace_requests_by_commands
from resma_cli.exit_codes import CommandFailedError, ExitCode
from resma_cli.files import save_report
from resma_cli.ids import shorten
from resma_cli.output import Output
from resma_cli.progress import follow
from resma_cli.rendering import describe_warnings, draw_estimate, draw_report
from resma_cli.request_options import ReportOptions
from resma_cli.shared_options import ApiOptions, OutputOptions, examples, with_groups
from resma_cli.target import OutputTarget

app = typer.Typer()

Wait = Annotated[
    bool,
    typer.Option(
        "--wait",
        "-w",
        help="Wait until the report has ended, and save its files; of a split report use `resma files download`.",
    ),
]
OutputPath = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="PATH",
        help="Save to this file or folder (`reports/` is created), or write to standard output (`-`). Implies --wait.",
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")]


@app.command(
    "generate",
    epilog=examples(
        "resma generate TRANSACTIONS --format PDF --filter from=2024-01-01 --wait",
        "resma generate TRANSACTIONS -f CSV -f XLSX --filter status=BOOKED,PENDING --wait --output reports/",
        "resma generate DAILY_SUMMARY -f CSV --option csv.profile=excel --locale pt-BR --estimate",
        "resma generate TRANSACTIONS -f NDJSON --filter from=2024-01-01 -o - | head -1",
        "resma generate ACCOUNT_STATEMENT -f PDF --filter from=2026-10-01 --filter to=2026-10-31 --split-by account -w",
    ),
)
@with_groups
def generate(  # noqa: PLR0913  # options of a command line
    api_options: ApiOptions,
    report_options: ReportOptions,
    *,
    wait: Wait = False,
    path: OutputPath = None,
    overwrite: Overwrite = False,
    only_estimate: Annotated[
        bool, typer.Option("--estimate", help="Only estimate rows, size and time; generate nothing.")
    ] = False,
    deduplicate: Annotated[
        bool,
        typer.Option(
            "--deduplicate", help="If an equal report is already in progress, return it instead of a second one."
        ),
    ] = False,
    callback: Annotated[
        str | None, typer.Option("--callback-url", metavar="URL", help="Send a webhook to this URL when it has ended.")
    ] = None,
    destinations: Annotated[
        list[str] | None,
        typer.Option("--deliver-to", metavar="ID", help="Deliver the files to this destination. Repeat for more."),
    ] = None,
    certificates: Annotated[
        list[str] | None,
        typer.Option(
            "--encrypt-for",
            metavar="ID",
            help="Encrypt the files by OpenPGP for the owner of this certificate. Repeat for more.",
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--idempotency-key", metavar="TEXT", help="Return the report of an earlier request with the same key."
        ),
    ] = None,
    cancels: Annotated[
        bool, typer.Option("--cancel-on-interrupt", help="Cancel the report if Ctrl-C ends the wait.")
    ] = False,
) -> None:
    """Generate a report; with --wait, also save its files; `resma files download` saves those of a split report."""
    target = require_target(api_options, path, overwrite)
    api = api_options.api
    request = report_options.request(api)
    if only_estimate:
        _estimate(api_options, request)
        return
    waits = wait or path is not None
    if waits:
        target.check(
            (1 if target.path is None or target.is_stream else 2)
            if "splitBy" in request
            else len(request.get("formats", [""]))
        )
    request |= {"deduplicate": True} if deduplicate else {}
    request |= {"callbackUrl": callback} if callback else {}
    request |= {"deliverTo": destinations} if destinations else {}
    request |= {"encryptFor": certificates} if certificates else {}
    report: Json = api.post("/api/v1/reports/generate", request, key=key, is_repeatable=True)
    if waits:
        wait_and_save(api_options, report, target, cancels=cancels)
        return
    api_options.output.show(report, lambda console: draw_report(console, report))
    short = shorten([str(report["id"])])[0]
    api_options.output.print_message(
        f"`resma show {short}` shows its progress. `resma download {short}` saves its files."
    )


@app.command("estimate", epilog=examples("resma estimate TRANSACTIONS --format PDF --filter from=2024-01-01"))
@with_groups
def estimate(api_options: ApiOptions, report_options: ReportOptions) -> None:
    """Estimate how many rows, bytes, pages and seconds a report takes."""
    _estimate(api_options, report_options.request(api_options.api))


def _estimate(api_options: ApiOptions, request: Json) -> None:
    answer: Json = api_options.api.post("/api/v1/reports/estimate", request, is_repeatable=True)
    api_options.output.show(answer, lambda console: draw_estimate(console, answer))


def wait_and_save(api_options: ApiOptions, report: Json, target: OutputTarget, *, cancels: bool = False) -> None:
    """Follows a report and saves its files. Of a split report, it saves the manifest if there is an `--output`.

    A report that is SKIPPED has no files, which is not a failure. Raises CommandFailedError if the report ends without
    files for another reason, or if Ctrl-C ends the wait.
    """
    api, output, report_id = api_options.api, api_options.output, str(report["id"])
    output.print_message(f"Report {report_id}")
    try:
        report = follow(api, output, report)
        if report["status"] == "SKIPPED":
            show_skipped(api_options, report)
            return
        require_ready(report)
        saved = save_report(api, output, report, target)
    except KeyboardInterrupt:
        _raise_interrupted(api, report_id, cancels=cancels)
    except CommandFailedError as error:
        if error.exit_code is ExitCode.UNREACHABLE:
            output.print_message(
                f"Report {report_id} continues. See `resma show {report_id}`, then `resma download {report_id}`."
            )
        error.more.setdefault("reportId", report_id)
        raise
    if report.get("splitBy") and report.get("failedFiles") and not (target.is_stdout or output.as_json):
        draw_report(output.console, report)
    require_all_formats(output, report, saved)
    if not target.is_stdout:
        output.show({**report, "saved": saved}, lambda console: draw_report(console, report))
    if report.get("splitBy"):
        output.print_message(f"`resma files list {report_id}` lists its files, `resma files download` saves them.")


def require_target(api_options: OutputOptions, path: str | None, overwrite: bool) -> OutputTarget:
    """Returns the target of `--output`.

    Raises CommandFailedError if a JSON document would also be written to standard output.
    """
    target = OutputTarget(path, overwrite)
    if target.is_stdout and api_options.as_json:
        detail = "`--json` and `--output -` both write to standard output. Use one of them."
        raise CommandFailedError(ExitCode.USAGE, detail)
    return target


def require_all_formats(output: Output, report: Json, saved: list[Json]) -> None:
    """Raises CommandFailedError if a format of the report has failed. The other formats are complete."""
    if failed := report.get("failedFiles"):
        for warning in describe_warnings(report):
            output.print_message(warning)
        formats = " and ".join(str(file["format"]) for file in failed)
        reasons = " ".join(str(file["detail"]) for file in failed)
        others = "The other files were saved."
        if report.get("splitBy"):
            others = f"The other formats are complete. `resma files download {report['id']} --all` saves their files."
        raise CommandFailedError(
            ExitCode.FAILED,
            f"The {formats} of report {report['id']} could not be generated. {others} {reasons}",
            code="files-failed",
            more={"report": report, "saved": saved},
        )


def show_skipped(api_options: OutputOptions, report: Json) -> None:
    """Says why a report has no file because of its conditions."""
    reason = report["skippedReason"]
    api_options.output.print_message(f"Report {report['id']} is SKIPPED: {reason['code']}, {reason['detail']}")
    if api_options.as_json:
        api_options.output.show({**report, "saved": []}, lambda console: draw_report(console, report))


def require_ready(report: Json) -> None:
    """Raises CommandFailedError unless the report is READY."""
    if report["status"] == "READY":
        return
    error = report.get("error") or report.get("skippedReason") or {}
    why = f": {error['code']}, {replace_requests_by_commands(error['detail'])}" if error else ""
    raise CommandFailedError(
        ExitCode.FAILED,
        f"Report {report['id']} is {report['status']}{why}",
        code=f"report-{report['status'].lower()}",
        more={"report": report},
    )


def _raise_interrupted(api: Api, report_id: str, *, cancels: bool) -> None:
    state = f"continues. Use `resma show {report_id}`, `resma download {report_id}` or `resma cancel {report_id}`."
    if cancels:
        try:
            api.post(path_of("reports", report_id, "cancel"), is_repeatable=True)
            state = "is cancelled."
        except CommandFailedError as error:
            state = f"could not be cancelled ({error}). See `resma show {report_id}`."
    raise CommandFailedError(
        ExitCode.INTERRUPTED, f"Interrupted. Report {report_id} {state}", more={"reportId": report_id}
    ) from None
