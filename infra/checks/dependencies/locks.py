"""Lock files as uv writes them: read, and held against what a lock file must be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PIN = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]+\])?==(?P<version>[^\s;]+)(?:\s*;.*)?")
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Lock:
    """A lock file: the version of each package, by its normalised name, and what is wrong with the file."""

    path: Path
    versions: dict[str, frozenset[str]]
    diagnostics: tuple[str, ...]


def read_lock(path: Path) -> Lock:
    """Reads a lock file. Several versions of one package are allowed: by Python's version or the platform."""
    versions: dict[str, set[str]] = {}
    diagnostics = []
    for entry in _entries(path.read_text(encoding="utf-8")):
        requirement, *options = entry.split(" --")
        hashes = [option for option in options if _HASH.fullmatch(f"--{option.strip()}")]
        match = _PIN.fullmatch(requirement.strip())
        if match is None:
            diagnostics.append(
                f"{path.name}: `{requirement[:80]}` is no pin: only name==version and hashes, no addresses"
            )
            continue
        if not hashes or len(hashes) < len(options):
            diagnostics.append(f"{path.name}: {match['name']} has no SHA-256, or something beside it")
        versions.setdefault(normalised(match["name"]), set()).add(match["version"])
    if not versions:
        diagnostics.append(f"{path.name}: nothing is pinned")
    return Lock(path, {name: frozenset(found) for name, found in versions.items()}, tuple(diagnostics))


def normalised(name: str) -> str:
    """A package's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _entries(text: str) -> Iterator[str]:
    """Lines without comments, those that go on joined."""
    lines = (line for line in text.replace("\\\n", " ").splitlines() if not line.lstrip().startswith("#"))
    return (" ".join(line.split()) for line in lines if line.strip())
