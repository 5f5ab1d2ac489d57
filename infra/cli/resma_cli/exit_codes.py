"""Exit codes of commands, and the error that ends a command."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any


class ExitCode(IntEnum):
    """Exit codes of commands. They are stable, because scripts depend on them (docs/command-line.md)."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    REFUSED = 4
    NOT_FOUND = 5
    QUOTA = 6
    INTERRUPTED = 130
    """128 plus the number of SIGINT, as in shells."""
    BROKEN_PIPE = 141
    """128 plus the number of SIGPIPE: the reader of a pipe has ended, as `head` does."""


class CommandFailedError(Exception):
    """A command has failed. The message says why, and what to do.

    `code` identifies the cause for programs. `field_errors` are the pointers and details of validation errors. `more`
    has additional fields of the JSON document.
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
        """Returns the error as a JSON document."""
        field_errors = [{"pointer": pointer, "detail": detail} for pointer, detail in self.field_errors]
        error = {"code": self.code, "detail": str(self), "exitCode": int(self.exit_code), "errors": field_errors}
        return {"error": error, **self.more}
