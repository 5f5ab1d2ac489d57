"""What a command of the stack says while it works, and to whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol


class Progress(Protocol):
    """Receives the progress of a command of the stack. The command line shows it to people."""

    def say(self, text: str) -> None:
        """Takes a line about a step that begins or has ended."""

    def follow_report(self) -> AbstractContextManager[Callable[[Mapping[str, Any]], None]]:
        """Returns a context manager of a function that takes a report, as the API returns it, again and again."""
