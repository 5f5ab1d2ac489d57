"""The commands that run the example programs of docs/clients, and their environment variables."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from infra.paths import STATE
from tests.support.optional_tools import require_tools

CLIENTS = Path("docs/clients")


@dataclass(frozen=True)
class Language:
    """The commands that start the programs of a language, and the tools that they need."""

    name: str
    tools: tuple[str, ...]
    client: tuple[str | Path, ...]
    receiver: tuple[str | Path, ...] = ()

    def require(self) -> None:
        """Skips the test if a tool is missing, or fails it if RESMA_WANTS_LANGUAGES names this language."""
        require_tools(self.name, self.tools)


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
    """Returns the environment variables of a program, without those of this process. Go builds without a network."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(STATE),
        "GOCACHE": str(STATE / "go-cache"),
        "GOFLAGS": "-mod=mod",
        "GOPROXY": "off",
        "GOTOOLCHAIN": "local",
        **more,
    }
