"""What a check has found."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeVar

from resma_cli.exit_codes import CommandFailedError, ExitCode

T = TypeVar("T")


@dataclass(frozen=True)
class Finding:
    """The result of one check. It is `skipped` where it depends on another one that has failed, or can't be made there.

    `warn` is not a failure: something is missing that not everybody needs. `fix` says what to do.
    """

    check: str
    state: Literal["ok", "warn", "fail", "skipped"]
    says: str
    fix: str = ""


def fine(check: str, says: str) -> Finding:
    """All is well."""
    return Finding(check, "ok", says)


def warn(check: str, says: str, fix: str) -> Finding:
    """Something is missing that not everybody needs."""
    return Finding(check, "warn", says, fix)


def fail(check: str, says: str, fix: str) -> Finding:
    """Something is wrong."""
    return Finding(check, "fail", says, fix)


def skip(check: str, says: str) -> Finding:
    """The check can't be made, and nothing is wrong."""
    return Finding(check, "skipped", says)


def run_checks(
    checks: Iterable[Callable[[T], Finding | None]], subject: T, *, needed: Collection[str] = ()
) -> Iterator[Finding]:
    """Runs checks in order. One with nothing to look at returns None; one that can't be made is a finding.

    The rest are skipped after one fails that is `needed`, and after a call that was not answered.
    """
    lacking = None
    for check in checks:
        name = check.__name__.removeprefix("check_").replace("_", "-")
        if lacking:
            yield skip(name, f"not checked, because {lacking} has failed")
            continue
        found, is_answered = _run(check, name, subject)
        if found is not None:
            yield found
            lacking = name if not is_answered or (found.state == "fail" and name in needed) else None


def _run(check: Callable[[T], Finding | None], name: str, subject: T) -> tuple[Finding | None, bool]:
    """What a check has found, and whether the API has answered it."""
    try:
        return check(subject), True
    except CommandFailedError as error:
        return _of_failure(name, error), error.exit_code is not ExitCode.UNREACHABLE
    except OSError as error:
        says = f"it can't be checked: {error.strerror or error}"
        return fail(name, says, "look at the file or folder named"), True


def _of_failure(name: str, error: CommandFailedError) -> Finding:
    """A call that the API refused because the key lacks a scope is not a failure of the deployment."""
    if error.exit_code is ExitCode.REFUSED and error.code == "scope-missing":
        return warn(name, f"not checked: {error}", "use a key with this scope to have it checked")
    if error.exit_code is ExitCode.NOT_FOUND:
        return warn(
            name, "not checked: this deployment is older than this check", "deploy the version of this checkout"
        )
    return fail(name, str(error), "see the message, and docs/operate.md")
