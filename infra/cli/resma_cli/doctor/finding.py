"""The results of checks, and how checks are run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeVar

from resma_cli.exit_codes import CommandFailedError, ExitCode

T = TypeVar("T")


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    `skipped` means that the check depends on a failed one or is not possible there. `warn` is not a failure: something
    is missing that is not always needed. `fix` says what to do.
    """

    check: str
    state: Literal["ok", "warn", "fail", "skipped"]
    message: str
    fix: str = ""


def ok(check: str, message: str) -> Finding:
    """Returns the finding of a check without problems."""
    return Finding(check, "ok", message)


def warn(check: str, message: str, fix: str) -> Finding:
    """Returns the finding that something is missing which is not always needed."""
    return Finding(check, "warn", message, fix)


def fail(check: str, message: str, fix: str) -> Finding:
    """Returns the finding of a failed check."""
    return Finding(check, "fail", message, fix)


def skip(check: str, message: str) -> Finding:
    """Returns the finding of a check that was not possible, without a failure."""
    return Finding(check, "skipped", message)


def run_checks(
    checks: Iterable[Callable[[T], Finding | None]], subject: T, *, required: Collection[str] = ()
) -> Iterator[Finding]:
    """Runs checks in order, and yields their findings. A check that does not apply returns None.

    After a `required` check fails, and after a request without an answer, all other checks are skipped.
    """
    failed = None
    for check in checks:
        name = check.__name__.removeprefix("check_").replace("_", "-")
        if failed:
            yield skip(name, f"Not checked, because {failed} has failed.")
            continue
        finding, is_answered = _run(check, name, subject)
        if finding is not None:
            yield finding
            failed = name if not is_answered or (finding.state == "fail" and name in required) else None


def _run(check: Callable[[T], Finding | None], name: str, subject: T) -> tuple[Finding | None, bool]:
    """Returns the finding of a check, and whether the API has answered its requests."""
    try:
        return check(subject), True
    except CommandFailedError as error:
        return _from_error(name, error), error.exit_code is not ExitCode.UNREACHABLE
    except OSError as error:
        return fail(name, f"The check failed: {error.strerror or error}.", "Check the file or folder."), True


def _from_error(name: str, error: CommandFailedError) -> Finding:
    """Returns the finding of a failed request. A missing scope of the key is not a failure of the deployment."""
    if error.exit_code is ExitCode.REFUSED and error.code == "scope-missing":
        return warn(name, f"Not checked. {error}", "Use a key with this scope.")
    if error.exit_code is ExitCode.NOT_FOUND:
        return warn(
            name,
            "Not checked, because this deployment is older than the check.",
            "Deploy the version of this checkout.",
        )
    return fail(name, str(error), "See the message and docs/operate.md.")
