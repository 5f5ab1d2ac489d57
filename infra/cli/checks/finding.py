"""What a check has found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeVar

from infra.cli.exits import CommandFailed, ExitCode

T = TypeVar("T")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. A `note` is no trouble: something is not there that some can do without."""

    check: str
    state: Literal["ok", "note", "trouble"]
    says: str
    mend: str = ""


def fine(check: str, says: str) -> Finding:
    """All is well."""
    return Finding(check, "ok", says)


def note(check: str, says: str, mend: str) -> Finding:
    """Worth knowing, and no trouble."""
    return Finding(check, "note", says, mend)


def trouble(check: str, says: str, mend: str) -> Finding:
    """Something is wrong."""
    return Finding(check, "trouble", says, mend)


def run_checks(checks: Iterable[Callable[[T], Finding | None]], subject: T) -> Iterator[Finding]:
    """Runs checks in order. One with nothing to look at returns None; one that can't be made is a finding."""
    for check in checks:
        name = check.__name__.removeprefix("check_").replace("_", "-")
        try:
            found = check(subject)
        except CommandFailed as error:
            yield _of_failure(name, error)
            if error.exit_code is ExitCode.UNREACHABLE:
                return  # nor will the next be answered
            continue
        except OSError as error:
            found = trouble(
                name, f"it can't be looked at: {error.strerror or error}", "look at the file or folder named"
            )
        if found is not None:
            yield found


def _of_failure(name: str, error: CommandFailed) -> Finding:
    """A question that the API refused for want of a scope is no trouble of the deployment."""
    if error.exit_code is ExitCode.REFUSED and error.code == "scope-missing":
        return note(name, f"not looked at: {error}", "use a key with this scope to have it looked at")
    if error.exit_code is ExitCode.NOT_FOUND:
        return note(name, "not looked at: this deployment is older than that", "deploy the version of this checkout")
    return trouble(name, str(error), "see what it says, and docs/operate.md")
