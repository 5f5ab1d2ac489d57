"""The SAM command line, without the credentials and settings of this machine."""

from __future__ import annotations

import os
from pathlib import Path

from infra.paths import STATE

UV = STATE / "uv" / "bin" / "uv"


SAM = STATE / "venv-sam" / "bin" / "sam"


def sam_environment(home: Path) -> dict[str, str]:
    """Surroundings for sam without anybody's credentials or settings."""
    assert SAM.exists(), "sam is missing: run `python3 infra/local/bootstrap.py sam`"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_", "PYTHON"))}
    return {
        **kept,
        # No Python but those of sam and of the system: `sam build` must not need the one that it builds for.
        "PATH": os.pathsep.join([str(SAM.parent), str(UV.parent), "/usr/bin", "/bin"]),
        "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", str(Path.home() / ".cache" / "uv")),
        "HOME": str(home),
        "AWS_DEFAULT_REGION": "us-east-1",
        "SAM_CLI_TELEMETRY": "0",
    }
