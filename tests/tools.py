"""Looks for the programs that tests need: `python3 tests/tools.py test|fuzz|pictures`.

Where apt-get is there and the user is root, it installs what is missing. Otherwise it ends with 2, one list of what is
missing and one line that installs it. `packages` prints the Debian packages of all that is missing, also of what is
optional (for CI). Uses nothing but the standard library: it runs before an environment is made.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

INSTALL = "apt-get install --no-install-recommends"
USAGE = 2
OURS = Path(__file__).resolve().parents[1] / ".resma" / "bin"
"""Where CI builds MinIO."""


@dataclass(frozen=True)
class Tool:
    """A program by its names, any of which will do, and the Debian package that has it; None: there is none."""

    names: tuple[str, ...]
    package: str | None

    @property
    def is_there(self) -> bool:
        """Whether it is on the PATH, or in the checkout's own folder."""
        path = os.pathsep.join((os.environ.get("PATH", os.defpath), str(OURS)))
        return any(shutil.which(name, path=path) for name in self.names)

    def __str__(self) -> str:
        return self.names[0]


@dataclass(frozen=True)
class Optional:
    """Tools without which some tests are skipped, unless RESMA_WANTS_LANGUAGES has their name."""

    name: str
    tools: tuple[Tool, ...]
    tests: str


_LIBREOFFICE = Tool(("soffice",), "libreoffice-calc-nogui")
_CHROMIUM = Tool(("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"), "chromium")

NEEDED: Mapping[str, tuple[Tool, ...]] = {
    "test": (_LIBREOFFICE, _CHROMIUM),
    "fuzz": (_LIBREOFFICE,),
    "pictures": (_LIBREOFFICE, _CHROMIUM),
}
"""By command. `make check` needs none: what it reads files with comes as Python packages."""

OPTIONAL = (
    Optional(
        "poppler",
        tuple(Tool((name,), "poppler-utils") for name in ("pdftotext", "pdftoppm")),
        "another reader of PDFs besides PDFium and pypdf",
    ),
    Optional("curl", (Tool(("curl",), "curl"), Tool(("jq",), "jq")), "the guide's client for the shell"),
    Optional(
        "node", (Tool(("node",), "nodejs"), Tool(("npm",), "npm")), "readers of spreadsheets and clients in JavaScript"
    ),
    Optional(
        "java",
        (Tool(("javac",), "default-jdk-headless"), Tool(("mvn",), "maven")),
        "readers of spreadsheets in Java, and PDF/A-2b by veraPDF",
    ),
    Optional("go", (Tool(("go",), None),), "readers of spreadsheets and clients in Go (https://go.dev/doc/install)"),
    Optional(
        "minio", (Tool(("minio",), None),), "an object store other than S3 (go install github.com/minio/minio@latest)"
    ),
)
"""Of `make test`."""


def find_missing(run: str, wanted: Iterable[str] = ()) -> list[Tool]:
    """Returns the tools that a run needs and that are not on the PATH; `wanted` are optional ones that it needs too."""
    chosen = [tool for each in OPTIONAL if each.name in set(wanted) for tool in each.tools] if run == "test" else []
    return [tool for tool in (*NEEDED[run], *chosen) if not tool.is_there]


def packages_of(tools: Iterable[Tool]) -> list[str]:
    """Returns the packages of tools, each once."""
    return list(dict.fromkeys(tool.package for tool in tools if tool.package))


def describe_missing(run: str, missing: Iterable[Tool]) -> str:
    """Says what is missing, and one line that installs it."""
    tools = list(missing)
    lines = [f"`make {run}` needs programs that are not on the PATH: {', '.join(map(str, tools))}."]
    if packages := packages_of(tools):
        lines.append(f"On Debian and Ubuntu, this installs them: {INSTALL} {' '.join(packages)}")
    lines += [f"There is no Debian package of {tool}." for tool in tools if tool.package is None]
    return "\n".join(lines)


def can_install(missing: Iterable[Tool]) -> bool:
    """Whether this user may install all of these."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None and all(tool.package for tool in missing)


def install(missing: Iterable[Tool]) -> None:
    """Installs packages; where that fails, apt-get says why."""
    packages = packages_of(missing)
    print(f"installing {' '.join(packages)} ...", file=sys.stderr)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-qq", "-y", "--no-install-recommends", *packages]):
        subprocess.run(["apt-get", *command], env=environment, stdout=subprocess.DEVNULL, check=False)


def main(arguments: list[str]) -> int:
    """Returns 0 where nothing that is needed is missing any more, and 2 otherwise."""
    (run,) = arguments
    if run == "packages":
        tools = [tool for tool in (*NEEDED["test"], *(t for each in OPTIONAL for t in each.tools)) if not tool.is_there]
        print(" ".join(packages_of(tools)))
        return 0
    wanted = os.environ.get("RESMA_WANTS_LANGUAGES", "").split()
    missing = find_missing(run, wanted)
    if missing and can_install(missing):
        install(missing)
        missing = find_missing(run, wanted)
    if missing:
        print(describe_missing(run, missing), file=sys.stderr)
        return USAGE
    if run == "test":
        for each in OPTIONAL:
            if lacking := [str(tool) for tool in each.tools if not tool.is_there]:
                print(f"{', '.join(lacking)} not found: some tests are skipped ({each.tests})")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
