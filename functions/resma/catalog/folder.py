"""Decides which folder the report types are read from."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGED_CATALOG = Path(__file__).parents[2] / "catalog"
"""The catalog in the package of a deployed function, beside its code. A checkout has no such folder."""

DEMO_CATALOG = Path(__file__).parents[3] / "infra" / "demo" / "catalog"
"""The report types of the demo bank, in a checkout."""

OWN_CATALOG = "reports"
"""Name of the folder of a user's own catalog, in the working folder."""

CATALOG_VARIABLE = "RESMA_CATALOG"


def catalog_folder(chosen: Path | None = None) -> Path:
    """Returns the folder of the catalog as an absolute path.

    It is the first of these: `chosen`, which is the option `--catalog` of commands; the environment variable
    RESMA_CATALOG; the catalog in a deployed package; `reports` in the working folder, if it exists; the demo catalog.
    """
    if named := chosen or os.environ.get(CATALOG_VARIABLE):
        return Path(named).absolute()
    if PACKAGED_CATALOG.is_dir():
        return PACKAGED_CATALOG
    own = Path.cwd() / OWN_CATALOG
    return own if own.is_dir() else DEMO_CATALOG
