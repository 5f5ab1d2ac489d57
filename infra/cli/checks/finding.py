"""What a check has found."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeVar

from infra.cli.exits import CommandFailed, ExitCode

T = TypeVar("T")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, or `skipped`, for it depends on another that is in trouble.

    A `note` is no trouble: something is not there that some can do without.
    """

    check: str
    state: Literal["ok", "note", "trouble", "skipped"]
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


def run_checks(
    checks: Iterable[Callable[[T], Finding | None]], subject: T, *, needed: Collection[str] = ()
) -> Iterator[Finding]:
    """Runs checks in order. One with nothing to look at returns None; one that can't be made is a finding.

    After trouble with one that is `needed`, and after an answer that did not come, the rest are skipped.
    """
    lacking = None
    for check in checks:
        name = check.__name__.removeprefix("check_").replace("_", "-")
        if lacking:
            yield Finding(name, "skipped", f"not looked at, because of the trouble with {lacking}")
            continue
        found, is_answered = _run(check, name, subject)
        if found is not None:
            yield found
            lacking = name if not is_answered or (found.state == "trouble" and name in needed) else None


def _run(check: Callable[[T], Finding | None], name: str, subject: T) -> tuple[Finding | None, bool]:
    """What a check has found, and whether the API has answered it."""
    try:
        return check(subject), True
    except CommandFailed as error:
        return _of_failure(name, error), error.exit_code is not ExitCode.UNREACHABLE
    except OSError as error:
        says = f"it can't be looked at: {error.strerror or error}"
        return trouble(name, says, "look at the file or folder named"), True


def _of_failure(name: str, error: CommandFailed) -> Finding:
    """A question that the API refused for want of a scope is no trouble of the deployment."""
    if error.exit_code is ExitCode.REFUSED and error.code == "scope-missing":
        return note(name, f"not looked at: {error}", "use a key with this scope to have it looked at")
    if error.exit_code is ExitCode.NOT_FOUND:
        return note(name, "not looked at: this deployment is older than that", "deploy the version of this checkout")
    return trouble(name, str(error), "see what it says, and docs/operate.md")
