"""Tools without which tests are skipped, unless the variable RESMA_WANTS_LANGUAGES has their name, as in CI."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable

import pytest

VARIABLE = "RESMA_WANTS_LANGUAGES"


def is_wanted(name: str) -> bool:
    """Whether it is an error if the tools of this name are missing."""
    return name in os.environ.get(VARIABLE, "").split()


def find_missing_tools(tools: Iterable[str]) -> list[str]:
    """Returns those of the programs that are not on the PATH."""
    return [tool for tool in tools if shutil.which(tool) is None]


def require_tools(name: str, tools: Iterable[str], remedy: str = "") -> None:
    """Skips the test if a tool is missing, or fails it if the name is wanted. `remedy` says how to install them."""
    if not (missing := ", ".join(find_missing_tools(tools))):
        return
    if is_wanted(name):
        pytest.fail(f"{name} is wanted ({VARIABLE}), but there is no {missing}")
    pytest.skip(f"{name}: there is no {missing} here" + (f", install it: {remedy}" if remedy else ""))
