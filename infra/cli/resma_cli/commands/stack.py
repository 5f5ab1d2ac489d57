"""`resma up`, `down`, `demo`, `logs`: the stack on this machine. `make` calls these commands too."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape

from resma_cli.checkout import require_checkout
from resma_cli.completion import complete_format
from resma_cli.connection import stack_name
from resma_cli.dates import read_timestamp
from resma_cli.exit_codes import CommandFailedError, ExitCode
from resma_cli.output import print_json
from resma_cli.progress import OutputProgress
from resma_cli.shared_options import Catalog, OutputOptions, Source, examples, with_groups

if TYPE_CHECKING:
    from rich.console import Console

    from infra.local.commands import UpResult

# `infra.local` is imported by the commands themselves: it loads much that no other command needs, and the client alone
# does not have it.

app = typer.Typer()

Rows = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=100_000_000,
        envvar="ROWS",
        help="Load this many transactions into the demo bank. Default: 500000.",
    ),
]

_EXAMPLE = '{"type":"TRANSACTIONS","format":"CSV","filters":{"from":"2024-01-01"}}'


@app.command(
    "up",
    epilog=examples(
        "resma up", "resma up --source postgresql://reports:secret@db.internal/northwind", "resma up --rows 5000000"
    ),
)
@with_groups
def start(  # noqa: PLR0913, PLR0917  # the options of the command
    form: OutputOptions,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, envvar="PORT", help="Serve the API on this port. Default: 3008.")
    ] = None,
    rows: Rows = None,
    source: Source = None,
    catalog: Catalog = None,
    smtp_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            envvar="SMTP_URL",
            help="Send e-mail to this mail server, such as smtp://localhost:1025. Default: the SES of LocalStack.",
        ),
    ] = None,
) -> None:
    """Start the stack on this machine, and leave it running."""
    with explained_errors():
        from infra.local.commands import UpOptions, up  # noqa: PLC0415

        options = UpOptions(stack_name(), port, rows, source or None, catalog, smtp_url or None)
        result = up(options, OutputProgress(form.output))
    running = result.running
    # Neither a password nor a secret: it may be kept in a log.
    document = {
        "url": running.api_url,
        "awsUrl": running.aws_url,
        "outputs": running.outputs,
        "catalog": running.catalog,
        "catalogErrors": result.catalog_errors,
    }
    form.output.show(document, lambda console: _draw_up(console, result))
    if result.catalog_errors:
        lines = "\n".join(result.catalog_errors)
        form.output.print_message(
            "Reports of these types fail until the errors are corrected, in the files or in the database. "
            f"No restart is needed.\n{lines}"
        )


@app.command("down", epilog=examples("resma down"))
@with_groups
def end(form: OutputOptions) -> None:
    """Stop the stack on this machine."""
    with explained_errors():
        from infra.local.commands import down  # noqa: PLC0415

        down(stack_name())
    form.output.show({"status": "down"}, lambda console: console.print("down"))


@app.command("demo", epilog=examples("resma demo", "resma demo --format XLSX --rows 1000000"))
@with_groups
def demonstrate(
    form: OutputOptions,
    format_: Annotated[
        Literal["PDF", "CSV", "NDJSON", "XLSX", "PARQUET"],
        typer.Option(
            "--format",
            case_sensitive=False,
            envvar="FORMAT",
            autocompletion=complete_format,
            help="Generate this format.",
        ),
    ] = "PDF",
    rows: Rows = None,
) -> None:
    """Generate a demo report, from the request to the downloaded file, and check it."""
    with explained_errors():
        from infra.local.commands import DemoOptions, demo  # noqa: PLC0415

        summary = demo(DemoOptions(stack_name(), format_, rows), OutputProgress(form.output))
    # Also for people it is one JSON object, in one line.
    print_json(dataclasses.asdict(summary), indent=2 if form.as_json else None)


@app.command(
    "logs",
    epilog=examples(
        "resma logs", "resma logs --report 840edab4", "resma logs --follow --function worker", "resma logs --since 10m"
    ),
)
@with_groups
def show_logs(
    form: OutputOptions,
    report: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            envvar="REPORT",
            help="Show all lines about this report: its id, or the first characters of it.",
        ),
    ] = None,
    function: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            envvar="FUNCTION",
            help="Show the lines of this function: api, worker, scheduler, …",
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            envvar="SINCE",
            help="Show lines from this time on: 10m, 2h, today, 2026-11-30T18:00.",
        ),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", envvar="FOLLOW", help="Show new lines as they come, until Ctrl-C.")
    ] = False,
) -> None:
    """Show the functions' logs of the stack on this machine: without options, the end of each."""
    if follow and form.as_json:
        raise CommandFailedError(
            ExitCode.USAGE, "`--follow` has no end, and `--json` prints one document. Use one of them."
        )
    from_time = datetime.fromisoformat(read_timestamp(since, "--since")) if since else None
    with explained_errors(interrupted="Interrupted."):
        from infra.local.commands import LogOptions, logs  # noqa: PLC0415

        lines = logs(LogOptions(stack_name(), report, function, from_time, follow))
        if form.as_json:
            print_json({"text": "".join(f"{line}\n" for line in lines)})
            return
        for line in lines:
            form.output.console.print(line, markup=False)


_UNREACHABLE = {"source-unavailable", "database-unreachable"}
"""Codes of databases that refuse the connection."""


@contextlib.contextmanager
def explained_errors(
    what: str = "The stack runs from", interrupted: str = "Interrupted: everything that was started is stopped."
) -> Iterator[None]:
    """Raises CommandFailedError for errors of the checkout's code, and where there is no checkout to run it from.

    `what` begins the message for the latter.
    """
    require_checkout(what)
    from infra.errors import StackError  # noqa: PLC0415

    try:
        yield
    except StackError as error:
        exit_code = ExitCode.UNREACHABLE if error.code in _UNREACHABLE else ExitCode.FAILED
        raise CommandFailedError(exit_code, str(error), code=error.code) from error
    except KeyboardInterrupt:
        raise CommandFailedError(ExitCode.INTERRUPTED, interrupted) from None


def _example(result: UpResult) -> str | None:
    """Returns a command that requests a report; None if all report types of a project have errors."""
    if result.running.source_url is not None:
        return f"resma generate {result.types[0]} --format PDF --wait" if result.types else None
    url = f"{result.running.api_url}/api/v1/reports/generate"
    return f"""curl -X POST {url} -H "Content-Type: application/json" -d '{_EXAMPLE}'"""


def _draw_up(console: Console, result: UpResult) -> None:
    running = result.running
    # A project of one's own has no Makefile of Resma.
    program = "make" if running.source_url is None else "resma"
    if result.was_up:
        console.print(
            f"""already up at {running.api_url}; `{program} down` ends it
console: {running.api_url}/console
API documentation: {running.api_url}/docs
report types: {running.catalog}
operator commands (docs/access.md, docs/operate.md) need
    export DATABASE_URL={running.database_url}
    export RESMA_SYSTEM_DATABASE={running.database_url}""",
            markup=False,
        )
        return
    example = _example(result)
    request = f"Request a report:\n\n{example}" if example else "Request a report after the errors are corrected."
    console.print(
        f"""[bold]up[/] at {running.api_url}
console: {running.api_url}/console
API documentation: {running.api_url}/docs
report types: {escape(running.catalog)}, which is read again when it changes

{request}

the callbacks of reports (callbackUrl) are signed with {running.callback_secret}
operator commands (docs/access.md, docs/operate.md) need
    export DATABASE_URL={running.database_url}
    export RESMA_SYSTEM_DATABASE={running.database_url}
`{program} logs` shows the functions' logs, `{program} down` ends it"""
    )
