"""The path of the SAM command line, and its environment variables."""

from __future__ import annotations

import os
from pathlib import Path

from infra.paths import STATE

UV = STATE / "uv" / "bin" / "uv"


SAM = STATE / "venv-sam" / "bin" / "sam"


def sam_environment(home: Path) -> dict[str, str]:
    """Returns environment variables for sam, without the AWS credentials and SAM settings of this machine."""
    assert SAM.exists(), "sam is not installed. Run `python3 infra/local/bootstrap.py sam`."
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_", "PYTHON"))}
    return {
        **inherited,
        # Only the Pythons of sam and of the system: `sam build` must not need the version that it builds for.
        "PATH": os.pathsep.join([str(SAM.parent), str(UV.parent), "/usr/bin", "/bin"]),
        "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", str(Path.home() / ".cache" / "uv")),
        "HOME": str(home),
        "AWS_DEFAULT_REGION": "us-east-1",
        "SAM_CLI_TELEMETRY": "0",
    }
