"""Compares the result of `sam build` with the parameters of a deployment.

A function fails on import if its packages were built for another version of Python or another processor.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Mapping
from pathlib import Path

from infra.paths import TEMPLATE
from infra.template import read_template

_EXTENSION = re.compile(r"\.cpython-3(\d+)-(\w+)-linux-gnu\.so$")
"""Name of an extension module, with its target platform (PEP 3149): `_psycopg.cpython-313-aarch64-linux-gnu.so`."""
_ARCHITECTURES = {"aarch64": "arm64", "x86_64": "x86_64"}
"""AWS' name of each architecture, by Python's name."""


def find_target(folder: Path) -> dict[str, str]:
    """Returns the parameters of a build; empty if there is no build, or if it mixes several targets."""
    targets = {match.groups() for path in folder.rglob("*.so") if (match := _EXTENSION.search(path.name))}
    if len(targets) != 1:
        return {}
    ((minor, machine),) = targets
    return {"LambdaRuntime": f"python3.{minor}", "LambdaArchitecture": _ARCHITECTURES.get(machine, machine)}


def read_parameters(config: Path, stage: str) -> dict[str, str]:
    """Returns the parameters of a stage: those of samconfig.toml, and otherwise the template's defaults."""
    defaults = {
        name: str(parameter["Default"])
        for name, parameter in read_template(TEMPLATE)["Parameters"].items()
        if "Default" in parameter
    }
    section = tomllib.loads(config.read_text(encoding="utf-8")).get(stage, {})
    overrides = section.get("deploy", {}).get("parameters", {}).get("parameter_overrides", "")
    pairs = shlex.split(overrides) if isinstance(overrides, str) else overrides
    return {**defaults, **dict(pair.split("=", 1) for pair in pairs)}


def find_difference(target: Mapping[str, str], parameters: Mapping[str, str]) -> str | None:
    """Returns an error and its remedy if a build was not made for these parameters; otherwise None."""
    if not target:
        return "There is no build, or an interrupted one. Run `resma aws build`."
    required = {name: parameters[name] for name in target}
    if required == target:
        return None
    overrides = " ".join(f"{name}={value}" for name, value in required.items())
    return (
        f"The build is for {' on '.join(target.values())}, and {' on '.join(required.values())} would be deployed. "
        f"Run `resma aws build --parameter-overrides {overrides}`, or deploy what was built."
    )
