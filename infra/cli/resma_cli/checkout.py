"""Imports modules that only a checkout of Resma has: the local stack and the commands of operators."""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType

from resma_cli.exit_codes import CommandFailedError, ExitCode


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
