"""Checks that the programs that tests need are installed: `python3 tests/tools.py test|fuzz|pictures`.

If the user is root and apt-get exists, it installs missing programs. Otherwise it prints a list of them and a command
that installs them, and exits with status 2. `packages` prints the Debian packages of all missing programs, including
optional ones (for CI). It uses only the standard library, since it runs before the virtual environment exists.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

INSTALL = "apt-get install --no-install-recommends"
USAGE = 2
LOCAL_BIN = Path(__file__).resolve().parents[1] / ".resma" / "bin"
"""Folder in which CI builds MinIO."""


@dataclass(frozen=True)
class Tool:
    """A program: its alternative names, and the Debian package that contains it, or None if no package does."""

    names: tuple[str, ...]
    package: str | None

    @property
    def is_installed(self) -> bool:
        """Whether it is on the PATH, in `.resma/bin` of the checkout, or with the servers in /usr/sbin."""
        path = os.pathsep.join((os.environ.get("PATH", os.defpath), str(LOCAL_BIN), "/usr/sbin"))
        return any(shutil.which(name, path=path) for name in self.names)

    def __str__(self) -> str:
        return self.names[0]


@dataclass(frozen=True)
class Library(Tool):
    """A shared library: its file name, and its Debian package."""

    @property
    def is_installed(self) -> bool:
        """Whether the dynamic linker finds it."""
        try:
            return all(ctypes.CDLL(name) for name in self.names)
        except OSError:
            return False


@dataclass(frozen=True)
class OptionalTools:
    """Tools without which some tests are skipped, unless RESMA_WANTS_LANGUAGES has their name."""

    name: str
    tools: tuple[Tool, ...]
    tests: str


_LIBREOFFICE = Tool(("soffice",), "libreoffice-calc-nogui")
_CHROMIUM = Tool(
    ("chromium", "chromium-headless-shell", "chromium-browser", "google-chrome", "google-chrome-stable"), "chromium"
)
_LIBATOMIC = Library(("libatomic.so.1",), "libatomic1")
"""Needed by the Node.js in the package playwright, which controls Chromium. Minimal installations of Debian lack it."""
_CURL = Tool(("curl",), "curl")

NEEDED: Mapping[str, tuple[Tool, ...]] = {
    "test": (_LIBREOFFICE, _CHROMIUM, _LIBATOMIC, _CURL),
    "fuzz": (_LIBREOFFICE,),
    "pictures": (_LIBREOFFICE, _CHROMIUM, _LIBATOMIC),
}
"""Required programs by command. `make check` requires none: its readers of files are Python packages."""

OPTIONAL = (
    OptionalTools(
        "sshd",
        (Tool(("sshd",), "openssh-server"), Tool(("ssh-keygen",), "openssh-client")),
        "delivery of files to a real SFTP server",
    ),
    OptionalTools("gnupg", (Tool(("gpg",), "gnupg"),), "decryption of files by GnuPG"),
    OptionalTools(
        "poppler",
        tuple(Tool((name,), "poppler-utils") for name in ("pdftotext", "pdftoppm")),
        "another reader of PDFs besides PDFium and pypdf",
    ),
    OptionalTools("curl", (_CURL, Tool(("jq",), "jq")), "the guide's client for the shell"),
    OptionalTools(
        "node", (Tool(("node",), "nodejs"), Tool(("npm",), "npm")), "readers of spreadsheets and clients in JavaScript"
    ),
    OptionalTools(
        "java",
        (Tool(("javac",), "default-jdk-headless"), Tool(("mvn",), "maven")),
        "readers of spreadsheets in Java, and PDF/A-2b by veraPDF",
    ),
    OptionalTools(
        "go", (Tool(("go",), None),), "readers of spreadsheets and clients in Go (https://go.dev/doc/install)"
    ),
    OptionalTools(
        "minio", (Tool(("minio",), None),), "an object store other than S3 (go install github.com/minio/minio@latest)"
    ),
)
"""Optional programs of `make test`."""


def find_missing(run: str, wanted: Iterable[str] = ()) -> list[Tool]:
    """Returns the required tools of a run that are not installed. `wanted` names optional tools to require too."""
    chosen = [tool for each in OPTIONAL if each.name in set(wanted) for tool in each.tools] if run == "test" else []
    return [tool for tool in (*NEEDED[run], *chosen) if not tool.is_installed]


def packages_of(tools: Iterable[Tool]) -> list[str]:
    """Returns the Debian packages of tools, without duplicates."""
    return list(dict.fromkeys(tool.package for tool in tools if tool.package))


def describe_missing(run: str, missing: Iterable[Tool]) -> str:
    """Returns a message with the missing tools and a command that installs them."""
    tools = list(missing)
    lines = [f"`make {run}` needs programs that are not installed: {', '.join(map(str, tools))}."]
    if packages := packages_of(tools):
        lines.append(f"On Debian and Ubuntu, this installs them: {INSTALL} {' '.join(packages)}")
    lines += [f"{tool} has no Debian package." for tool in tools if tool.package is None]
    return "\n".join(lines)


def can_install(missing: Iterable[Tool]) -> bool:
    """Returns whether this user can install all of these tools with apt-get."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None and all(tool.package for tool in missing)


def install(missing: Iterable[Tool]) -> None:
    """Installs the packages of tools; if that fails, apt-get prints the reason."""
    packages = packages_of(missing)
    print(f"installing {' '.join(packages)} ...", file=sys.stderr)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-qq", "-y", "--no-install-recommends", *packages]):
        subprocess.run(["apt-get", *command], env=environment, stdout=subprocess.DEVNULL, check=False)


def main(arguments: list[str]) -> int:
    """Checks the tools of a run. Returns 0 if all required ones are installed now, and 2 otherwise."""
    (run,) = arguments
    if run == "packages":
        tools = [
            tool for tool in (*NEEDED["test"], *(t for each in OPTIONAL for t in each.tools)) if not tool.is_installed
        ]
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
            if lacking := [str(tool) for tool in each.tools if not tool.is_installed]:
                print(f"{', '.join(lacking)} not found: some tests are skipped ({each.tests})")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
