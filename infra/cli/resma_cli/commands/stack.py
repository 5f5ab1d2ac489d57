"""`resma up`, `down`, `demo`, `logs`: the stack on this machine, by the same code as `make`."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable
from typing import Annotated, Any, TextIO

import typer

from resma_cli.checkout import load_from_checkout
from resma_cli.completion import complete_format
from resma_cli.connection import read_state
from resma_cli.exit_codes import CommandFailedError, ExitCode
from resma_cli.output import print_json
from resma_cli.shared_options import OutputOptions, examples, with_groups

app = typer.Typer()

Rows = Annotated[
    int | None,
    typer.Option(min=1, max=100_000_000, help="Load this many transactions into the demo bank. Default: 500000."),
]


@app.command("up", epilog=examples("resma up", "resma up --port 3009 --rows 5000000"))
@with_groups
def start(
    form: OutputOptions,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Serve the API on this port. Default: PORT, else 3008.")
    ] = None,
    rows: Rows = None,
) -> int:
    """Start the stack on this machine, and leave it running."""
    _set(PORT=port, ROWS=rows)
    return _run("up", form, lambda _last: _public(read_state()))


@app.command("down", epilog=examples("resma down"))
@with_groups
def end(form: OutputOptions) -> int:
    """Stop the stack on this machine."""
    return _run("down", form, lambda _last: {"status": "down"})


@app.command("demo", epilog=examples("resma demo", "resma demo --format XLSX --rows 1000000"))
@with_groups
def demonstrate(
    form: OutputOptions,
    format_: Annotated[
        str | None,
        typer.Option(
            "--format", autocompletion=complete_format, help="Generate this format: PDF, CSV, NDJSON, XLSX or PARQUET."
        ),
    ] = None,
    rows: Rows = None,
) -> int:
    """Generate a demo report, from the request to the downloaded file, and check it."""
    _set(FORMAT=format_, ROWS=rows)
    return _run("demo", form, _parse)


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
        str | None, typer.Option(metavar="ID", help="Show all lines about this report. Its first characters do.")
    ] = None,
    function: Annotated[
        str | None, typer.Option(metavar="NAME", help="Show the lines of this function: api, worker, scheduler, …")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Show lines from this time on: 10m, 2h, today, 2026-11-30T18:00.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Show new lines as they come, until Ctrl-C.")] = False,
) -> int:
    """Show the functions' logs of the stack on this machine: without options, the end of each."""
    if follow and form.as_json:
        raise CommandFailedError(
            ExitCode.USAGE, "`--follow` has no end, and `--json` prints one document. Use one of them."
        )
    _set(REPORT=report, FUNCTION=function, SINCE=since, FOLLOW="1" if follow else None)
    return _run("logs", form, lambda text: {"text": text})


def _set(**variables: object) -> None:
    """What the stack's own commands are told by, as `make` tells them."""
    os.environ.update({name: str(value) for name, value in variables.items() if value is not None})


def _run(command: str, form: OutputOptions, result: Callable[[str], Any]) -> int:
    # Loaded here because it loads much that no other command needs.
    main: Callable[[list[str]], int] = load_from_checkout("infra.local.__main__", "The stack runs from").main

    if not form.as_json:
        return main([command])
    heard = _Heard(sys.stderr)
    with contextlib.redirect_stdout(heard):
        code = main([command])
    if code == ExitCode.DONE:
        print_json(result(heard.getvalue()))
    else:
        said = heard.getvalue().strip().splitlines()[-1:] or ["See above."]
        kind = ExitCode(code)
        print_json(CommandFailedError(kind, said[0].removeprefix("failed: ")).describe())
    return code


class _Heard(io.StringIO):
    """What a command prints, passed on to people and kept."""

    def __init__(self, people: TextIO) -> None:
        super().__init__()
        self._people = people

    def write(self, text: str) -> int:
        """Writes to both."""
        self._people.write(text)
        return super().write(text)


def _parse(text: str) -> Any:
    """The demo's last line is one JSON object."""
    import json  # noqa: PLC0415

    return json.loads(text.strip().splitlines()[-1])


def _public(state: dict[str, Any]) -> dict[str, Any]:
    """What of a running stack may stand in a log: addresses and names, no password and no secret."""
    return {"url": state["api_url"], "awsUrl": state["aws_url"], "outputs": state["outputs"]}
