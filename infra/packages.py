"""The output of `sam build`: the packages of the functions, and the catalog in each."""

from __future__ import annotations

from pathlib import Path

from infra.paths import ROOT
from infra.template import read_template

BUILD = ROOT / ".aws-sam" / "build"

PACKAGED = "catalog"
"""Name of the catalog's folder in a package, beside the code."""


def find_packages(build: Path) -> list[Path]:
    """Returns the folders with the functions' code of a `sam build`; none if there is no build."""
    try:
        resources = read_template(build / "template.yaml")["Resources"].values()
    except OSError:
        return []
    functions = [each["Properties"] for each in resources if each["Type"] == "AWS::Serverless::Function"]
    return [build / name for name in sorted({str(properties["CodeUri"]) for properties in functions})]


def find_missing_catalog(build: Path) -> str | None:
    """Returns an error with its remedy if a package of a `sam build` has no catalog; otherwise None."""
    for package in find_packages(build):
        if not any((package / PACKAGED).glob("*/report.toml")):
            return f"The package {package} has no report types. Build it with `resma aws build`, not with `sam build`."
    return None
