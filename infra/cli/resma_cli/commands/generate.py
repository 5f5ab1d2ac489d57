"""`resma generate` and `resma estimate`: requesting a report, and waiting for its files."""

from __future__ import annotations

from typing import Annotated

import typer

from resma_cli.api_client import Api, Json, path_of
from resma_cli.api_to_commands import say_in_commands
from resma_cli.exit_codes import CommandFailedError, ExitCode
from resma_cli.files import save_files
from resma_cli.ids import shorten
from resma_cli.output import Output
from resma_cli.progress import follow
from resma_cli.rendering import describe_warnings, draw_estimate, draw_report
from resma_cli.request_options import Asked
from resma_cli.shared_options import Form, Setting, examples, with_groups
from resma_cli.target import Target

app = typer.Typer()

Wait = Annotated[bool, typer.Option("--wait", "-w", help="Wait until the report has ended, and save its files.")]
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
    ),
)
@with_groups
def generate(  # noqa: PLR0913  # options of a command line
    setting: Setting,
    asked: Asked,
    *,
    wait: Wait = False,
    path: OutputPath = None,
    overwrite: Overwrite = False,
    only_estimate: Annotated[
        bool, typer.Option("--estimate", help="Only estimate rows, size and time; generate nothing.")
    ] = False,
    deduplicate: Annotated[
        bool,
        typer.Option("--deduplicate", help="Return the same report, if it is in progress, instead of a second one."),
    ] = False,
    callback: Annotated[
        str | None, typer.Option("--callback-url", metavar="URL", help="Send a webhook to this URL when it has ended.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--idempotency-key", metavar="TEXT", help="Return the report of an earlier request with the same key."
        ),
    ] = None,
    cancels: Annotated[
        bool, typer.Option("--cancel-on-interrupt", help="Cancel the report when Ctrl-C ends the waiting.")
    ] = False,
) -> None:
    """Generate a report; with --wait, also save its files."""
    target = checked_target(setting, path, overwrite)
    api = setting.api
    request = asked.request(api)
    if only_estimate:
        _estimate(setting, request)
        return
    waits = wait or path is not None
    if waits:
        target.check(len(request.get("formats", [""])))
    request |= {"deduplicate": True} if deduplicate else {}
    request |= {"callbackUrl": callback} if callback else {}
    report: Json = api.post("/api/v1/reports/generate", request, key=key, is_repeatable=True)
    if waits:
        wait_and_save(setting, report, target, cancels=cancels)
        return
    setting.output.show(report, lambda console: draw_report(console, report))
    short = shorten([str(report["id"])])[0]
    setting.output.note(f"`resma show {short}` shows its progress, `resma download {short}` saves its files")


@app.command("estimate", epilog=examples("resma estimate TRANSACTIONS --format PDF --filter from=2024-01-01"))
@with_groups
def estimate(setting: Setting, asked: Asked) -> None:
    """Estimate how many rows, bytes, pages and seconds a report takes."""
    _estimate(setting, asked.request(setting.api))


def _estimate(setting: Setting, request: Json) -> None:
    answer: Json = setting.api.post("/api/v1/reports/estimate", request, is_repeatable=True)
    setting.output.show(answer, lambda console: draw_estimate(console, answer))


def wait_and_save(setting: Setting, report: Json, target: Target, *, cancels: bool = False) -> None:
    """Follows a report and saves its files.

    Raises CommandFailedError where it ends without any, or Ctrl-C ends the waiting.
    """
    api, output, report_id = setting.api, setting.output, str(report["id"])
    output.note(f"report {report_id}")
    try:
        report = follow(api, output, report)
        require_ready(report)
        saved = save_files(api, output, report, target)
    except KeyboardInterrupt:
        _say_goodbye(api, report_id, cancels=cancels)
    except CommandFailedError as error:
        if error.exit_code is ExitCode.UNREACHABLE:
            output.note(f"report {report_id} continues: `resma show {report_id}`, then `resma download {report_id}`")
        error.more.setdefault("reportId", report_id)
        raise
    require_all_formats(output, report, saved)
    if not target.is_stdout:
        output.show({**report, "saved": saved}, lambda console: draw_report(console, report))


def checked_target(setting: Form, path: str | None, overwrite: bool) -> Target:
    """Returns the target of `--output`.

    Raises CommandFailedError where a JSON document would go to standard output too.
    """
    target = Target(path, overwrite)
    if target.is_stdout and setting.as_json:
        detail = "`--json` and `--output -` both write to standard output. Use one of them."
        raise CommandFailedError(ExitCode.USAGE, detail)
    return target


def require_all_formats(output: Output, report: Json, saved: list[Json]) -> None:
    """Raises CommandFailedError where a format of the report failed, after the other files were saved."""
    if failed := report.get("failedFiles"):
        for warning in describe_warnings(report):
            output.note(warning)
        formats = " and ".join(str(file["format"]) for file in failed)
        reasons = " ".join(str(file["detail"]) for file in failed)
        raise CommandFailedError(
            ExitCode.FAILED,
            f"The {formats} of report {report['id']} could not be made; the other files were saved. {reasons}",
            code="files-failed",
            more={"report": report, "saved": saved},
        )


def require_ready(report: Json) -> None:
    """Raises CommandFailedError for a report that has ended otherwise."""
    if report["status"] == "READY":
        return
    error = report.get("error") or {}
    why = f": {error['code']}, {say_in_commands(error['detail'])}" if error else ""
    raise CommandFailedError(
        ExitCode.FAILED,
        f"Report {report['id']} is {report['status']}{why}",
        code=f"report-{report['status'].lower()}",
        more={"report": report},
    )


def _say_goodbye(api: Api, report_id: str, *, cancels: bool) -> None:
    said = f"it continues: `resma show {report_id}`, `resma download {report_id}` or `resma cancel {report_id}`"
    if cancels:
        try:
            api.post(path_of("reports", report_id, "cancel"), is_repeatable=True)
            said = "it is cancelled"
        except CommandFailedError as error:
            said = f"it could not be cancelled ({error}): `resma show {report_id}`"
    raise CommandFailedError(
        ExitCode.INTERRUPTED, f"interrupted; report {report_id}: {said}", more={"reportId": report_id}
    ) from None
