"""Waits for changes of a catalog's files."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from resma.catalog import catalog_folder

_SECONDS = 0.2


def changes(chosen: Path | None) -> Iterator[None]:
    """Yields once at the start, and then after each change of a file of the catalog. Does not end."""
    folder = catalog_folder(chosen)
    seen: object = None
    while True:
        state = _state(folder)
        if state != seen:
            seen = state
            yield
        time.sleep(_SECONDS)


def _state(folder: Path) -> list[tuple[str, int, int]]:
    names = ("*.toml", "*/report.toml", "*/query.sql", "*/control.sql")
    files = [path for name in names for path in folder.glob(name)]
    found = []
    for path in sorted(files):
        try:
            status = path.stat()
        except FileNotFoundError:  # an editor is replacing it
            continue
        found.append((str(path), status.st_mtime_ns, status.st_size))
    return found
