"""Settings in the file `.env` of the working folder."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

DOTENV_VARIABLES = ("SOURCE", "RESMA_CATALOG")
"""Variables that are read from the file. Others belong to docker-compose.yml."""


def read_dotenv_file() -> None:
    """Adds DOTENV_VARIABLES of `.env` to the environment, unless they are set there, even to an empty string.

    The client alone, without a checkout, has no command that uses them, and reads nothing.
    """
    path = Path(".env")
    if not path.is_file() or importlib.util.find_spec("dotenv") is None:
        return
    from dotenv import dotenv_values  # noqa: PLC0415  # only a checkout has this package

    for name, value in dotenv_values(path, interpolate=False).items():
        if name in DOTENV_VARIABLES and value:
            os.environ.setdefault(name, value)
