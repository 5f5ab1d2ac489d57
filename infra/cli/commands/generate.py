"""`resma generate` and `resma estimate`: asking for a report, and waiting for its file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from infra.cli.api import Api, Json, path_of
from infra.cli.asking import Asked
from infra.cli.drawing import draw_estimate, draw_report
from infra.cli.exits import CommandFailed, ExitCode
from infra.cli.follow import follow
from infra.cli.groups import Setting, examples, with_groups
from infra.cli.save import Target, save_files
from infra.cli.wording import say_in_commands

app = typer.Typer()


@app.command(
    "generate",
    epilog=examples(
        "resma generate TRANSACTIONS --format PDF --filter from=2024-01-01 --wait",
        "resma generate TRANSACTIONS -f CSV -f XLSX --filter status=BOOKED,PENDING --wait --output reports/",
        "resma generate DAILY_SUMMARY -f CSV --option csv.profile=excel --locale pt-BR --estimate",
    ),
)
@with_groups
def generate(  # noqa: PLR0913  # options of a command line
    setting: Setting,
    asked: Asked,
    *,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Wait until it has ended, and save its files.")] = False,
    path: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="PATH", help="A file or a folder; waits, as --wait does.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
    only_estimate: Annotated[bool, typer.Option("--estimate", help="Say what it would be, and make none.")] = False,
    coalesce: Annotated[bool, typer.Option("--coalesce", help="Join the same report, if it is under way.")] = False,
    callback: Annotated[
        str | None, typer.Option("--callback-url", metavar="URL", help="An address that is told when it ends.")
    ] = None,
    key: Annotated[
        str | None, typer.Option("--idempotency-key", metavar="TEXT", help="Asked again with it, no second is made.")
    ] = None,
    cancels: Annotated[bool, typer.Option("--cancel-on-interrupt", help="Ctrl-C cancels the report too.")] = False,
) -> None:
    """Ask for a report; with --wait, until its file is saved."""
    api, target = setting.api, Target(path, overwrite)
    request = asked.request(api)
    if only_estimate:
        _estimate(setting, request)
        return
    waits = wait or path is not None
    if waits:
        target.check(len(request.get("formats", [""])))
    request |= {"coalesce": True} if coalesce else {}
    request |= {"callbackUrl": callback} if callback else {}
    report: Json = api.post("/api/v1/reports/generate", request, key=key, is_repeatable=True)
    if waits:
        wait_and_save(setting, report, target, cancels=cancels)
        return
    setting.output.show(report, lambda console: draw_report(console, report))
    setting.output.note(f"`resma show {report['id']}` says how far it is, `resma download {report['id']}` saves it")


@app.command("estimate", epilog=examples("resma estimate TRANSACTIONS --format PDF --filter from=2024-01-01"))
@with_groups
def estimate(setting: Setting, asked: Asked) -> None:
    """Say how many rows, bytes, pages and seconds a report would be."""
    _estimate(setting, asked.request(setting.api))


def _estimate(setting: Setting, request: Json) -> None:
    answer: Json = setting.api.post("/api/v1/reports/estimate", request, is_repeatable=True)
    setting.output.show(answer, lambda console: draw_estimate(console, answer))


def wait_and_save(setting: Setting, report: Json, target: Target, *, cancels: bool = False) -> None:
    """Follows a report and saves its files.

    Raises CommandFailed where it ends without any, or Ctrl-C ends the waiting.
    """
    api, output, report_id = setting.api, setting.output, str(report["id"])
    output.note(f"report {report_id}")
    try:
        report = follow(api, output, report)
        require_ready(report)
        saved = save_files(api, output, report, target)
    except KeyboardInterrupt:
        _say_goodbye(api, report_id, cancels=cancels)
    except CommandFailed as error:
        if error.exit_code is ExitCode.UNREACHABLE:
            output.note(f"report {report_id} goes on: `resma show {report_id}`, then `resma download {report_id}`")
        error.more.setdefault("reportId", report_id)
        raise
    output.show({**report, "saved": saved}, lambda console: draw_report(console, report))


def require_ready(report: Json) -> None:
    """Raises CommandFailed for a report that has ended otherwise."""
    if report["status"] == "READY":
        return
    error = report.get("error") or {}
    why = f": {error['code']}, {say_in_commands(error['detail'])}" if error else ""
    raise CommandFailed(
        ExitCode.FAILED,
        f"report {report['id']} is {report['status']}{why}",
        code=f"report-{report['status'].lower()}",
        more={"report": report},
    )


def _say_goodbye(api: Api, report_id: str, *, cancels: bool) -> None:
    said = f"it goes on: `resma show {report_id}`, `resma download {report_id}` or `resma cancel {report_id}`"
    if cancels:
        try:
            api.post(path_of("reports", report_id, "cancel"), is_repeatable=True)
            said = "it is cancelled"
        except CommandFailed as error:
            said = f"it could not be cancelled ({error}): `resma show {report_id}`"
    raise CommandFailed(
        ExitCode.INTERRUPTED, f"interrupted; report {report_id}: {said}", more={"reportId": report_id}
    ) from None
