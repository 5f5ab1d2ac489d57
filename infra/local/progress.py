"""The protocol by which commands of the stack show progress."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol


class Progress(Protocol):
    """Receives the progress of a command of the stack. The command line shows it to people."""

    def say(self, text: str) -> None:
        """Shows a line about a step that starts or has ended."""

    def follow_report(self) -> AbstractContextManager[Callable[[Mapping[str, Any]], None]]:
        """Returns a context manager with a function that shows a report, which is called after each fetch."""
