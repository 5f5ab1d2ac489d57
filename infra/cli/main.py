"""The command `resma`: its groups of commands, and how each ends."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Annotated

import typer

from infra.cli.commands import (
    dead_letters,
    doctor,
    generate,
    keys,
    listen,
    reports,
    schedules,
    stack,
    types,
    webhooks,
)
from infra.cli.exits import CommandFailed, ExitCode
from infra.cli.output import Output, print_json

VERSION = "0.1.0"
"""As pyproject.toml beside this folder's modules has it."""

app = typer.Typer(
    name="resma",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog="Exit codes: 0 done, 1 failed, 2 usage, 3 not reachable, 4 refused, 5 not found, 6 quota, 130 interrupted.",
)


@app.callback(invoke_without_command=True)
def begin(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show this command's version.")] = False,
) -> None:
    """Resma turns database queries into files. The stack on this machine, and the API, here and on AWS."""
    if version:
        sys.stdout.write(f"resma {VERSION}\n")
    elif context.invoked_subcommand is None:
        sys.stdout.write(context.get_help() + "\n")


for _group in (stack, types, generate, reports, doctor):
    app.add_typer(_group.app)
for _name, _group in (("schedule", schedules), ("webhook", webhooks), ("dead-letters", dead_letters), ("keys", keys)):
    app.add_typer(_group.app, name=_name)
webhooks.app.add_typer(listen.app)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; returns its exit code. Nothing that goes wrong shows a traceback, unless RESMA_DEBUG is set."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows no é still shows the rest
    # `kill` and a closed terminal end things as tidily as Ctrl-C.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        code = app(given, prog_name="resma", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has enough: `resma list | head`. Python would complain once more while it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FAILED
    except (Exception, KeyboardInterrupt) as error:
        if os.environ.get("RESMA_DEBUG"):
            raise
        if isinstance(error, typer.TyperException) and not error.format_message():
            return ExitCode.USAGE  # a group without a command: typer has shown its help
        return _tell(_failure_of(error), given)
    if code == ExitCode.INTERRUPTED:  # what typer makes of Ctrl-C
        return _tell(_failure_of(KeyboardInterrupt()), given)
    return code if isinstance(code, int) else ExitCode.DONE


def _failure_of(error: BaseException) -> CommandFailed:
    match error:
        case CommandFailed():
            return error
        case KeyboardInterrupt() | typer.Abort():
            return CommandFailed(ExitCode.INTERRUPTED, "interrupted")
        case typer.TyperException():
            said = error.format_message().rstrip(".")
            return CommandFailed(ExitCode(error.exit_code), f"{said}; `--help` after a command says what it takes")
        case OSError():
            where = f"{error.filename}: " if error.filename else ""
            return CommandFailed(ExitCode.FAILED, f"{where}{error.strerror or error}")
    return CommandFailed(
        ExitCode.FAILED,
        f"this is a mistake of resma's own ({type(error).__name__}: {error}): set RESMA_DEBUG=1, and tell whoever "
        "maintains it what is shown then",
    )


def run() -> None:
    """What an installed `resma` calls."""
    sys.exit(main())


def _interrupt(*_signal: object) -> None:
    raise KeyboardInterrupt


def _tell(error: CommandFailed, given: Sequence[str]) -> int:
    output = Output(as_json="--json" in given)
    if output.as_json:
        print_json(error.describe())
    output.note(f"resma: {error}")
    for pointer, detail in error.faults:
        output.note(f"  {pointer}: {detail}")
    return error.exit_code
