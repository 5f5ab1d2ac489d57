"""Reads lock files of uv, and checks that they contain only pins with hashes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PIN = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]+\])?==(?P<version>[^\s;]+)(?:\s*;.*)?")
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class LockFile:
    """A lock file: the versions of each package, by its normalized name, and the errors of the file."""

    path: Path
    versions: dict[str, frozenset[str]]
    errors: tuple[str, ...]


def read_lock(path: Path) -> LockFile:
    """Reads a lock file. A package may have several versions, for versions of Python or platforms."""
    versions: dict[str, set[str]] = {}
    errors = []
    for entry in _entries(path.read_text(encoding="utf-8")):
        requirement, *options = entry.split(" --")
        hashes = [option for option in options if _HASH.fullmatch(f"--{option.strip()}")]
        match = _PIN.fullmatch(requirement.strip())
        if match is None:
            errors.append(
                f"{path.name}: `{requirement[:80]}` is not a pin. Only name==version and hashes are allowed, no URLs."
            )
            continue
        if not hashes or len(hashes) < len(options):
            errors.append(f"{path.name}: {match['name']} must have SHA-256 hashes, and no other options.")
        versions.setdefault(normalized(match["name"]), set()).add(match["version"])
    if not versions:
        errors.append(f"{path.name} pins nothing. Run `make lock`.")
    return LockFile(path, {name: frozenset(pinned) for name, pinned in versions.items()}, tuple(errors))


def normalized(name: str) -> str:
    """Returns the normalized name of a package (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _entries(text: str) -> Iterator[str]:
    """Yields entries: lines without comments, with continuation lines joined."""
    lines = (line for line in text.replace("\\\n", " ").splitlines() if not line.lstrip().startswith("#"))
    return (" ".join(line.split()) for line in lines if line.strip())
