"""Builds the client with uv and the functions with sam, with the versions of the lock files."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from infra.errors import StackError
from infra.packages import find_packages
from infra.paths import PROJECT_PYTHON, ROOT, STATE

UV = STATE / "uv" / "bin" / "uv"
SAM = STATE / "venv-sam" / "bin" / "sam"


def build_client(folder: Path) -> None:
    """Builds the wheel and the source distribution of the command line into a folder. Raises StackError."""
    constraints: list[str | Path] = [
        "--build-constraints",
        ROOT / "infra" / "requirements" / "build.txt",
        "--require-hashes",
    ]
    _run([UV, "build", "-q", *constraints, "--python", PROJECT_PYTHON, "--out-dir", folder, ROOT / "infra" / "cli"])


def build_functions(home: Path, runtime: str, architecture: str) -> Path:
    """Runs `sam build`. Returns the folder of the package, which all functions share. It has no catalog.

    Raises StackError.

    Requires `make setup-sam`, but not the version of Python that it builds for.
    """
    parameters = f"LambdaRuntime={runtime} LambdaArchitecture={architecture}"
    arguments: list[str | Path] = ["--no-cached", "--build-dir", home / "build", "--parameter-overrides", parameters]
    path = os.pathsep.join([str(SAM.parent), str(UV.parent), os.environ.get("PATH", os.defpath)])
    variables = {"PATH": path, "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1"}
    _run([SAM, "build", *arguments], {**os.environ, **variables})
    (package,) = find_packages(home / "build")
    return package


def _run(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> None:
    if not Path(command[0]).exists():
        raise StackError(f"{command[0]} does not exist. Run `make setup` and `make setup-sam`.")
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StackError(f"{Path(command[0]).name} ended with exit code {done.returncode}:\n{done.stdout}{done.stderr}")
