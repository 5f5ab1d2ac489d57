"""Asks before something is deleted or revoked."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from resma_cli.exit_codes import CommandFailedError, ExitCode
from resma_cli.output import clean

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask. Without a terminal this option is required.")]


def confirm(question: str, *, yes: bool) -> None:
    """Returns when the user agrees, or has agreed by `--yes`.

    Raises CommandFailedError otherwise, and without asking where no terminal is attached: a script says `--yes`.
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
