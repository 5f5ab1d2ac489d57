"""What can be said of dependencies without a network: pinned, licensed, used, and the same where they should be.

It knows of no vulnerability, and not whether a release was yanked: only an index can tell (`make audit` asks one).
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

from infra.checks.dependencies.locks import Lock, normalised, read_lock
from infra.paths import FUNCTIONS, ROOT

LOCKS = (FUNCTIONS / "requirements.txt", *sorted((ROOT / "infra" / "requirements").glob("*.txt")))

PERMISSIVE = (
    "MIT", "BSD", "Apache", "ISC", "PSF", "Python Software Foundation", "OFL", "Zlib", "0BSD", "Unlicense", "CNRI",
    "AFL-2.1", "CC0-1.0",
)  # fmt: skip
"""Licences that ask for no more than their text, by how their names begin."""

FILE_BY_FILE = ("MPL", "Mozilla", "LGPL", "GNU Library or Lesser")
"""Those that ask the same for changes in their own files, of which there are none here."""

INSTALLERS = frozenset({"pip", "setuptools", "wheel"})

NOT_IMPORTED = {"pillow": "reportlab imports it", "tzdata": "zoneinfo reads it where the system has no time zones"}
"""Direct dependencies of the functions that no function imports, and why they are there."""


def find_mistakes() -> list[str]:
    """Returns all that is wrong, a sentence for each."""
    locks = {path.name: read_lock(path) for path in LOCKS}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    installed = [item for item in importlib.metadata.distributions() if normalised(item.name) not in INSTALLERS]
    return [
        *(diagnostic for lock in locks.values() for diagnostic in lock.diagnostics),
        *_unlocked(project, locks),
        *_disagreeing(locks["requirements.txt"], locks["dev.txt"]),
        *_unlike_installed(installed, locks["dev.txt"]),
        *(diagnostic for item in installed for diagnostic in judge_licence(item.name, licences(item))),
        *_unused(project["project"]["dependencies"]),
    ]


def _unlocked(project: Mapping[str, Any], locks: Mapping[str, Lock]) -> Iterator[str]:
    """Direct dependencies that are not in their lock file, or there in a version that they exclude."""
    wanted = {"requirements.txt": project["project"]["dependencies"]}
    for group, file in (("local", "dev.txt"), ("test", "dev.txt"), ("deploy", "deploy.txt"), ("bench", "bench.txt")):
        named = [item for item in project["dependency-groups"][group] if isinstance(item, str)]
        wanted[file] = [*wanted.get(file, project["project"]["dependencies"]), *named]
    wanted["build.txt"] = project["dependency-groups"]["build"]
    for file, texts in wanted.items():
        for requirement in map(Requirement, texts):
            versions = locks[file].versions.get(normalised(requirement.name), frozenset())
            if not any(requirement.specifier.contains(version) for version in versions):
                yield f"{file} does not pin {requirement}: run `make lock`"


def _disagreeing(shipped: Lock, tested: Lock) -> Iterator[str]:
    for name, versions in shipped.versions.items():
        if tested.versions.get(name) != versions:
            yield f"{name} is shipped as {', '.join(versions)} and tested as another version: run `make lock`"


def _unlike_installed(installed: Iterable[Distribution], lock: Lock) -> Iterator[str]:
    for item in installed:
        if item.version not in lock.versions.get(normalised(item.name), ()):
            yield f"{item.name} {item.version} is installed and not what dev.txt pins: remove .resma/venv, `make setup`"


def licences(item: Distribution) -> list[str]:
    """What a package says of its licence: an SPDX expression, classifiers, a text, or its licence file's first line.

    Empty where it says nothing.
    """
    if expression := item.metadata.json.get("license_expression"):
        return [str(expression)]
    named = [text for text in item.metadata.get_all("Classifier") or () if text.startswith("License :: ")]
    said = [text.rsplit(" :: ", 1)[-1] for text in named]
    texts = [str(item.metadata.json.get("license") or ""), *(_licence_files(item) if not said else ())]
    return said or [text.strip().partition("\n")[0] for text in texts if text.strip()][:1]


def _licence_files(item: Distribution) -> Iterator[str]:
    for path in item.files or ():
        if path.parent.name == "licenses" and path.name.startswith("LICEN"):
            yield path.read_text()


def judge_licence(name: str, said: Iterable[str]) -> Iterator[str]:
    """Says what is wrong with a package's licences: of alternatives (OR) one must be known, of others (AND) all."""
    texts = list(said)
    if not texts:
        yield f"{name} does not say under which licence it is"
    for text in texts:
        chosen = [part.strip("() ") for part in text.split(" OR ")]
        if not any(all(_is_known(one.strip("() ")) for one in part.split(" AND ")) for part in chosen):
            yield f"{name} is under `{text}`, which nobody has looked at: see infra/checks/dependencies"


def _is_known(licence: str) -> bool:
    return licence.startswith(PERMISSIVE + FILE_BY_FILE)


def _unused(requirements: Iterable[str]) -> Iterator[str]:
    """Direct dependencies of the functions that no function imports: shipped, and patched, for nothing."""
    imported = set(_imports(FUNCTIONS))
    modules: dict[str, set[str]] = {}
    for module, packages in importlib.metadata.packages_distributions().items():
        for package in packages:
            modules.setdefault(normalised(package), set()).add(module)
    for requirement in map(Requirement, requirements):
        name = normalised(requirement.name)
        if not imported & modules.get(name, {name.replace("-", "_")}) and name not in NOT_IMPORTED:
            yield f"{name} is a dependency of the functions, and none imports it: take it out of pyproject.toml"


def _imports(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module.partition(".")[0]
