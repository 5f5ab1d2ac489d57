"""How a command ends: its exit codes, and the one kind of error that it ends with."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any


class ExitCode(IntEnum):
    """Part of the command line's contract (docs/command-line.md): scripts branch on these."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    REFUSED = 4
    NOT_FOUND = 5
    QUOTA = 6
    INTERRUPTED = 130
    """128 and the number of SIGINT, as shells have it."""
    BROKEN_PIPE = 141
    """128 and the number of SIGPIPE: the reader of a pipe has ended, as `head` does."""


class CommandFailedError(Exception):
    """A command can't be done. The message says why, and what to do.

    `code` names the cause for programs, `faults` are pointers and details of a request's validation errors, `more` goes
    into the JSON document.
    """

    def __init__(
        self,
        exit_code: ExitCode,
        detail: str,
        *,
        code: str | None = None,
        field_errors: Sequence[tuple[str, str]] = (),
        more: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.exit_code = exit_code
        self.code = code or exit_code.name.lower().replace("_", "-")
        self.field_errors = tuple(field_errors)
        self.more = more or {}

    def describe(self) -> dict[str, Any]:
        """The error as a JSON document."""
        field_errors = [{"pointer": pointer, "detail": detail} for pointer, detail in self.field_errors]
        error = {"code": self.code, "detail": str(self), "exitCode": int(self.exit_code), "errors": field_errors}
        return {"error": error, **self.more}
