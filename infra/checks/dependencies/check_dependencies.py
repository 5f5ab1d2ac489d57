"""Checks dependencies without a network: pins, licenses, use, and equal versions in lock files and environment.

Vulnerabilities and yanked releases are not checked here, because that requires a service: see `make audit`.
"""

from __future__ import annotations

import ast
import importlib.metadata
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from infra.checks.dependencies.locks import LockFile, normalized, read_lock
from infra.paths import FUNCTIONS, ROOT

LOCKS = (FUNCTIONS / "requirements.txt", *sorted((ROOT / "infra" / "requirements").glob("*.txt")))

PERMISSIVE = (
    "MIT", "BSD", "Apache", "ISC", "PSF", "Python Software Foundation", "OFL", "Zlib", "0BSD", "Unlicense", "CNRI",
    "AFL-2.1", "CC0-1.0", "The Unlicense",
)  # fmt: skip
"""Starts of the names of licenses that require only a copy of their text."""

FILE_BY_FILE = ("MPL", "Mozilla", "LGPL", "GNU Library or Lesser")
"""Starts of the names of licenses whose further conditions apply only to changed files. This project changes none."""

INSTALLERS = frozenset({"pip", "setuptools", "wheel"})

NOT_IMPORTED = {"pillow": "reportlab imports it", "tzdata": "zoneinfo reads it where the system has no time zones"}
"""Direct dependencies of the functions that no function imports, each with the reason for it."""


def find_errors() -> list[str]:
    """Returns a message for each error."""
    locks = {path.name: read_lock(path) for path in LOCKS}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    installed = [item for item in importlib.metadata.distributions() if normalized(item.name) not in INSTALLERS]
    return [
        *(error for lock in locks.values() for error in lock.errors),
        *_find_unpinned(project, locks),
        *_find_different_versions(locks["requirements.txt"], locks["dev.txt"]),
        *_find_unpinned_installations(installed, locks["dev.txt"]),
        *(error for item in installed for error in check_licenses(item.name, find_licenses(item))),
        *_find_unused(project["project"]["dependencies"]),
    ]


def _find_unpinned(project: Mapping[str, Any], locks: Mapping[str, LockFile]) -> Iterator[str]:
    """Yields direct dependencies that their lock file does not pin, or pins to an excluded version."""
    direct = {"requirements.txt": project["project"]["dependencies"]}
    for group, file in (("local", "dev.txt"), ("test", "dev.txt"), ("deploy", "deploy.txt"), ("bench", "bench.txt")):
        named = [item for item in project["dependency-groups"][group] if isinstance(item, str)]
        direct[file] = [*direct.get(file, project["project"]["dependencies"]), *named]
    direct["build.txt"] = project["dependency-groups"]["build"]
    for file, requirements in direct.items():
        for requirement in map(Requirement, requirements):
            versions = locks[file].versions.get(normalized(requirement.name), frozenset())
            if not any(requirement.specifier.contains(version) for version in versions):
                yield f"{file} does not pin {requirement}. Run `make lock`."


def _find_different_versions(shipped: LockFile, tested: LockFile) -> Iterator[str]:
    for name, versions in shipped.versions.items():
        if tested.versions.get(name) != versions:
            yield f"{name} is shipped as {', '.join(versions)} but tested as another version. Run `make lock`."


def _find_unpinned_installations(installed: Iterable[Distribution], lock: LockFile) -> Iterator[str]:
    for item in installed:
        if item.version not in lock.versions.get(normalized(item.name), ()):
            yield f"{item.name} {item.version} is not pinned by dev.txt. Remove .resma/venv and run `make setup`."


def find_licenses(item: Distribution) -> list[str]:
    """Returns a package's license: an SPDX expression, classifiers, its text, or the first line of its file.

    The list is empty if the package declares no license.
    """
    if expression := item.metadata.json.get("license_expression"):
        return [str(expression)]
    classifiers = [text for text in item.metadata.get_all("Classifier") or () if text.startswith("License :: ")]
    # The classifier "OSI Approved" alone names no license.
    names = [name for text in classifiers if (name := text.rsplit(" :: ", 1)[-1]) != "OSI Approved"]
    contents = [str(item.metadata.json.get("license") or ""), *(_read_license_files(item) if not names else ())]
    return names or [text.strip().partition("\n")[0] for text in contents if text.strip()][:1]


def _read_license_files(item: Distribution) -> Iterator[str]:
    for path in item.files or ():
        if path.parent.name == "licenses" and path.name.startswith("LICEN"):
            yield path.read_text()


def check_licenses(name: str, licenses: Iterable[str]) -> Iterator[str]:
    """Yields errors of a package's licenses. Of alternatives (OR) one must be known, of combinations (AND) all."""
    expressions = list(licenses)
    if not expressions:
        yield f"{name} does not declare a license. Find out its license, or remove the package."
    for expression in expressions:
        alternatives = [part.strip("() ") for part in expression.split(" OR ")]
        if not any(all(_is_known(one.strip("() ")) for one in part.split(" AND ")) for part in alternatives):
            yield f"{name} has the license `{expression}`, which is not known. Review it in infra/checks/dependencies."


def _is_known(license_name: str) -> bool:
    return license_name.startswith(PERMISSIVE + FILE_BY_FILE)


def _find_unused(requirements: Iterable[str]) -> Iterator[str]:
    """Yields direct dependencies of the functions that no function imports."""
    imported = set(_imports(FUNCTIONS))
    modules: dict[str, set[str]] = {}
    for module, packages in importlib.metadata.packages_distributions().items():
        for package in packages:
            modules.setdefault(normalized(package), set()).add(module)
    for requirement in map(Requirement, requirements):
        name = normalized(requirement.name)
        if not imported & modules.get(name, {name.replace("-", "_")}) and name not in NOT_IMPORTED:
            yield f"{name} is a dependency of the functions, but none imports it. Remove it from pyproject.toml."


def _imports(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module.partition(".")[0]
