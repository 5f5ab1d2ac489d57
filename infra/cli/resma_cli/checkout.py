"""What a checkout of Resma has besides this client: the local stack, and commands of operators."""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType

from resma_cli.exit_codes import CommandFailedError, ExitCode


def require_checkout(what: str) -> None:
    """Raises CommandFailedError where there is no checkout; `what` needs one begins the error."""
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
