"""Prompts for confirmation before something is deleted or revoked."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from resma_cli.exit_codes import CommandFailedError, ExitCode
from resma_cli.output import clean

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask. Without a terminal this option is required.")]


def confirm(question: str, *, yes: bool) -> None:
    """Returns if the user confirms, on the terminal or with `--yes`.

    Raises CommandFailedError otherwise. Without a terminal it does not ask, so scripts must use `--yes`.
    """
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise CommandFailedError(
            ExitCode.USAGE, f"{question} Add `--yes` to confirm: no terminal is attached to ask on."
        )
    sys.stderr.write(f"{clean(question).plain} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise CommandFailedError(ExitCode.FAILED, "Nothing was changed.", code="not-confirmed")
