"""The example programs of docs/clients, and the environment that they run in."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.paths import STATE

CLIENTS = Path("docs/clients")


@dataclass(frozen=True)
class Language:
    """How a reader starts its programs, and what must be there for it."""

    name: str
    tools: tuple[str, ...]
    ask: tuple[str | Path, ...]
    receive: tuple[str | Path, ...] = ()

    def missing(self) -> list[str]:
        """What of it is not on this machine."""
        return [tool for tool in self.tools if shutil.which(tool) is None]

    def require(self) -> None:
        """Skips where the language is missing, and fails where it was wanted."""
        missing = self.missing()
        if missing and self.name in os.environ.get("RESMA_WANTS_LANGUAGES", "").split():
            pytest.fail(f"{self.name} is wanted (RESMA_WANTS_LANGUAGES), but there is no {', '.join(missing)}")
        if missing:
            pytest.skip(f"{self.name}: there is no {', '.join(missing)} here")


LANGUAGES = (
    Language("curl", ("bash", "curl", "jq", "sha256sum"), ("bash", CLIENTS / "curl/generate_and_download.sh")),
    Language(
        "python",
        (sys.executable,),
        (sys.executable, CLIENTS / "python/generate_and_download.py"),
        (sys.executable, CLIENTS / "python/receive_webhooks.py"),
    ),
    Language(
        "node",
        ("node",),
        ("node", CLIENTS / "node/generate_and_download.mjs"),
        ("node", CLIENTS / "node/receive_webhooks.mjs"),
    ),
    Language(
        "go",
        ("go",),
        ("go", "run", CLIENTS / "go/generate_and_download/main.go"),
        ("go", "run", CLIENTS / "go/receive_webhooks/main.go"),
    ),
)


def environment(**more: str) -> dict[str, str]:
    """What a program finds around it: nothing of this process' own. Go builds without a network."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(STATE),
        "GOCACHE": str(STATE / "go-cache"),
        "GOFLAGS": "-mod=mod",
        "GOPROXY": "off",
        "GOTOOLCHAIN": "local",
        **more,
    }
