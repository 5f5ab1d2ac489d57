"""Keeps Ctrl-C from being lost, because Python drops exceptions that are raised in a finalizer."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import NoReturn

_AGAIN_SECONDS = 0.01


def raise_lost_interrupts() -> None:
    """Raises KeyboardInterrupt again in the main thread if it was raised in a finalizer or a callback."""
    signal.signal(signal.SIGALRM, _interrupt)
    sys.unraisablehook = _raise_again


def _raise_again(dropped: sys.UnraisableHookArgs) -> None:
    if issubclass(dropped.exc_type, KeyboardInterrupt):
        # An exception that is raised here would be dropped as well.
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS)
    else:
        sys.__unraisablehook__(dropped)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
