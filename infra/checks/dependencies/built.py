"""What `sam build` has made, compared with what will be deployed.

A function whose package is for another Python or processor fails when it imports it.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Mapping
from pathlib import Path

from infra.paths import ROOT, TEMPLATE
from infra.template import read_template

BUILD = ROOT / ".aws-sam" / "build"

_EXTENSION = re.compile(r"\.cpython-3(\d+)-(\w+)-linux-gnu\.so$")
"""An extension module's name says what it was compiled for (PEP 3149): `_psycopg.cpython-313-aarch64-linux-gnu.so`."""
_ARCHITECTURES = {"aarch64": "arm64", "x86_64": "x86_64"}
"""Names of AWS, by those of Python."""


def find_target(folder: Path) -> dict[str, str]:
    """Returns the parameters that a build was made with; nothing where there is no build or several mixed."""
    found = {match.groups() for path in folder.rglob("*.so") if (match := _EXTENSION.search(path.name))}
    if len(found) != 1:
        return {}
    ((minor, machine),) = found
    return {"LambdaRuntime": f"python3.{minor}", "LambdaArchitecture": _ARCHITECTURES.get(machine, machine)}


def read_parameters(config: Path, stage: str) -> dict[str, str]:
    """Returns the parameters of a stage's deployment: those of samconfig.toml, else the template's defaults."""
    defaults = {
        name: str(parameter["Default"])
        for name, parameter in read_template(TEMPLATE)["Parameters"].items()
        if "Default" in parameter
    }
    section = tomllib.loads(config.read_text(encoding="utf-8")).get(stage, {})
    said = section.get("deploy", {}).get("parameters", {}).get("parameter_overrides", "")
    pairs = shlex.split(said) if isinstance(said, str) else said
    return {**defaults, **dict(pair.split("=", 1) for pair in pairs)}


def find_difference(target: Mapping[str, str], parameters: Mapping[str, str]) -> str | None:
    """Returns what is wrong with a build, and what to do; None where it was made for the deployment's parameters."""
    if not target:
        return "There is no build, or an interrupted one. Run `sam build`."
    wanted = {name: parameters[name] for name in target}
    if wanted == target:
        return None
    said = " ".join(f"{name}={value}" for name, value in wanted.items())
    return (
        f"The build is for {' on '.join(target.values())}, and {' on '.join(wanted.values())} would be deployed. "
        f"Run `sam build --parameter-overrides {said}`, or deploy what was built."
    )
