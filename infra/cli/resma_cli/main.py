"""The command `resma`: its groups of commands, error messages and exit codes."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Annotated

import typer

from resma_cli import VERSION
from resma_cli.commands import (
    admin,
    authoring,
    aws,
    certificates,
    dead_letters,
    destinations,
    doctor,
    files,
    generate,
    keys,
    listen,
    profiles,
    reports,
    retention,
    schedules,
    stack,
    types,
    verify,
    webhooks,
)
from resma_cli.dotenv_file import read_dotenv_file
from resma_cli.exit_codes import CommandFailedError, ExitCode
from resma_cli.interrupts import raise_lost_interrupts
from resma_cli.output import Output, print_json
from resma_cli.shared_options import ApiOptions, with_groups

app = typer.Typer(
    name="resma",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog="Exit codes: 0 done, 1 failed, 2 usage, 3 not reachable, 4 refused, 5 not found, 6 quota, 130 interrupted, "
    "141 the reader of a pipe has ended.",
)


@app.callback(invoke_without_command=True)
@with_groups
def begin(
    context: typer.Context,
    api_options: ApiOptions,
    version: Annotated[bool, typer.Option("--version", help="Show the version of this command.")] = False,
) -> None:
    """Generate, track and download reports of Resma, on this machine and on AWS; run the local stack."""
    context.obj = {name: value for name, value in vars(api_options).items() if value}
    if version:
        sys.stdout.write(f"resma {VERSION}\n")
    elif context.invoked_subcommand is None:
        sys.stdout.write(context.get_help() + "\n")


for _group in (stack, authoring, generate, reports, retention, verify, doctor, profiles):
    app.add_typer(_group.app)
for _name, _named in {
    "files": files.app,
    "type": types.app,
    "schedule": schedules.app,
    "webhook": webhooks.app,
    "destination": destinations.app,
    "certificate": certificates.app,
    "dead-letter": dead_letters.app,
    "key": keys.app,
    "profile": profiles.profile_app,
    "admin": admin.app,
    "aws": aws.app,
}.items():
    app.add_typer(_named, name=_name)
webhooks.app.add_typer(listen.app)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code. Errors are printed without a traceback, unless RESMA_DEBUG is set."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # characters that the terminal cannot show become ?
    read_dotenv_file()
    # `kill` and a closed terminal end a command in the same way as Ctrl-C.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        code = app(given, prog_name="resma", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        return _end_silently()
    except (Exception, KeyboardInterrupt) as error:
        if isinstance(error, CommandFailedError) and error.exit_code is ExitCode.BROKEN_PIPE:
            return _end_silently()
        if os.environ.get("RESMA_DEBUG"):
            raise
        if isinstance(error, typer.TyperException) and not error.format_message():
            return ExitCode.USAGE  # a group without a command, whose help typer has printed
        return _print_failure(_to_command_error(error), given)
    if code == ExitCode.INTERRUPTED:  # typer returns this code for Ctrl-C
        return _print_failure(_to_command_error(KeyboardInterrupt()), given)
    return code if isinstance(code, int) else ExitCode.DONE


def _end_silently() -> int:
    """Returns the exit code for a closed standard output, as in `resma list | head`."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # otherwise Python reports the error again on exit
    return ExitCode.BROKEN_PIPE


def _to_command_error(error: BaseException) -> CommandFailedError:
    match error:
        case CommandFailedError():
            return error
        case KeyboardInterrupt() | typer.Abort():
            return CommandFailedError(ExitCode.INTERRUPTED, "Interrupted.")
        case typer.TyperException():
            message = _message_of(error)
            ending = "" if message.endswith((".", "?")) else "."
            return CommandFailedError(
                ExitCode(error.exit_code), f"{message}{ending} `--help` after a command describes its options."
            )
        case OSError():
            where = f"{error.filename}: " if error.filename else ""
            return CommandFailedError(ExitCode.FAILED, f"{where}{error.strerror or error}.")
    return CommandFailedError(
        ExitCode.FAILED,
        f"This is an error in resma itself ({type(error).__name__}: {error}). Run the command again with "
        "RESMA_DEBUG=1, and send the output to the maintainers.",
    )


def _message_of(error: typer.TyperException) -> str:
    """The message of a usage error. Where the value is from the environment, it has the variable as it is set there."""
    said = error.format_message()
    if not (isinstance(error, typer.BadParameter) and error.ctx and error.param):
        return said
    variable, source = error.param.envvar, error.ctx.get_parameter_source(error.param.name)
    is_set = isinstance(variable, str) and source is not None and source.name == "ENVIRONMENT"
    return said.replace(f" (env var: '{variable}')", f" ({variable}={os.environ[str(variable)]})" if is_set else "")


def run() -> None:
    """Entry point of the installed command `resma`."""
    raise_lost_interrupts()
    sys.exit(main())


def _interrupt(*_signal: object) -> None:
    raise KeyboardInterrupt


def _print_failure(error: CommandFailedError, given: Sequence[str]) -> int:
    output = Output(as_json="--json" in given)
    if output.as_json:
        print_json(error.describe())
    output.print_message(f"resma: {error}")
    for pointer, detail in error.field_errors:
        if detail not in str(error):  # a single error is part of the message
            output.print_message(f"  {pointer}: {detail}")
    return error.exit_code
