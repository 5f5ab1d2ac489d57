"""What a checkout of Resma has besides this client: the local stack, and commands of operators."""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType

from resma_cli.exit_codes import CommandFailed, ExitCode


def require_checkout(what: str) -> None:
    """Raises CommandFailed where there is no checkout; `what` needs one begins the error."""
    if importlib.util.find_spec("infra") is None:
        raise CommandFailed(
            ExitCode.FAILED,
            f"This is the client alone. {what} a checkout of Resma: there, `.resma/venv/bin/resma` is this command "
            "with all of it.",
        )


def load_from_checkout(module: str, what: str) -> ModuleType:
    """Imports a module of the checkout; `what` it is for begins the error. Raises CommandFailed where there is none."""
    require_checkout(what)
    return importlib.import_module(module)
