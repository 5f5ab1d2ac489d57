"""Optional tools. Tests that need one are skipped without it, unless RESMA_WANTS_LANGUAGES names it, as in CI."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable

import pytest

VARIABLE = "RESMA_WANTS_LANGUAGES"


def is_wanted(name: str) -> bool:
    """Returns whether tests must fail, and not be skipped, if the tools of this name are missing."""
    return name in os.environ.get(VARIABLE, "").split()


def find_missing_tools(tools: Iterable[str]) -> list[str]:
    """Returns the programs that are not on the PATH."""
    return [tool for tool in tools if shutil.which(tool) is None]


def require_tools(name: str, tools: Iterable[str], remedy: str = "") -> None:
    """Skips the test if a tool is missing, or fails it if RESMA_WANTS_LANGUAGES has the name.

    `remedy` is the command that installs the tools.
    """
    if not (missing := ", ".join(find_missing_tools(tools))):
        return
    if is_wanted(name):
        pytest.fail(f"{VARIABLE} names {name}, but these programs are not installed: {missing}.")
    pytest.skip(f"{name}: {missing} not installed" + (f", install with: {remedy}" if remedy else ""))
