"""Imports modules that only a checkout of Resma has: the local stack and the commands of operators."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

import typer

from resma_cli.exit_codes import CommandFailedError, ExitCode
from resma_cli.shared_options import examples

_PASS_ARGUMENTS = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@dataclass(frozen=True)
class CheckoutCommand:
    """A command that runs the function `main` of a module of the checkout with its arguments."""

    name: str
    module: str
    help: str
    example: str


def add_checkout_command(app: typer.Typer, group: str, command: CheckoutCommand) -> None:
    """Adds a command to a group. Its arguments and `--help` are those of the module."""
    example = f"resma {group} {command.name} {command.example}".rstrip()

    @app.command(
        command.name,
        help=command.help,
        epilog=examples(example),
        context_settings=_PASS_ARGUMENTS,
        add_help_option=False,
    )
    def run(context: typer.Context) -> int:
        main: Callable[[list[str]], int] = load_from_checkout(command.module, "Commands of operators run from").main
        return main(context.args)


def require_checkout(what: str) -> None:
    """Raises CommandFailedError if this package is not part of a checkout.

    `what` is the start of the error message, such as `The local stack runs from`.
    """
    if importlib.util.find_spec("infra") is None:
        raise CommandFailedError(
            ExitCode.FAILED,
            f"This is the client alone. {what} a checkout of Resma: there, `.resma/venv/bin/resma` is this command "
            "with all of it.",
        )


def load_from_checkout(module: str, what: str) -> ModuleType:
    """Imports a module of the checkout; `what` begins the error message.

    Raises CommandFailedError if there is no checkout.
    """
    require_checkout(what)
    return importlib.import_module(module)
