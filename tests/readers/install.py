"""`python -m tests.readers.install`: installs the spreadsheet readers and veraPDF into .resma/readers.

If the tools of a language are missing, the command skips the language and prints how to install the tools.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.paths import STATE
from tests.support.eventually import PATIENCE_SECONDS

SOURCES = Path(__file__).parent


@dataclass(frozen=True)
class ReaderProgram:
    """A program that reads or generates files: the tools that it needs, and how it is installed and started."""

    name: str
    """Name of its language, and of its folder."""
    tools: tuple[str, ...]
    """Names of the required commands."""
    remedy: str
    """How to install the tools."""
    sources: tuple[str, ...]
    """Files that are copied to the installation folder. The program is installed again if they have changed."""
    install: tuple[str, ...]
    run: tuple[str, ...]
    home: Path = SOURCES
    """Parent of its source folder."""

    @property
    def folder(self) -> Path:
        """Installation folder."""
        return STATE / self.home.name / self.name

    def missing(self) -> list[str]:
        """Returns the tools that are not installed."""
        return [tool for tool in self.tools if shutil.which(tool) is None]

    def read(self, files: Sequence[Path]) -> str:
        """Installs the program if necessary, runs it with these files, and returns its output."""
        self.make_ready()
        command = [*self.run, *map(str, files)]
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def make_ready(self) -> None:
        """Installs the program unless the same version is already installed."""
        stamp = self.folder / ".stamp"
        contents = b"".join((self.home / self.name / name).read_bytes() for name in self.sources)
        checksum = hashlib.sha256(contents + repr(self).encode()).hexdigest()
        if stamp.exists() and stamp.read_text() == checksum:
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        for name in self.sources:
            shutil.copy(self.home / self.name / name, self.folder / name)
        print(f"Installing {self.home.name} for the tests: {self.name} ...", flush=True)
        environment = {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"}
        subprocess.run(self.install, cwd=self.folder, env=environment, check=True)
        stamp.write_text(checksum)


def node_program(source: str, run: tuple[str, ...], home: Path = SOURCES) -> ReaderProgram:
    """Returns a program for Node.js with the packages of its lock file. `source` is its only other file."""
    return ReaderProgram(
        "node",
        ("node", "npm"),
        "apt-get install nodejs npm",
        ("package.json", "package-lock.json", source),
        ("npm", "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"),
        run,
        home,
    )


LANGUAGES = (
    node_program("read.mjs", ("node", "read.mjs")),
    ReaderProgram(
        "go",
        ("go",),
        "https://go.dev/doc/install",
        ("go.mod", "go.sum", "main.go"),
        ("go", "build", "-o", "read", "."),
        ("./read",),
    ),
    ReaderProgram(
        "java",
        ("java", "mvn"),
        "apt-get install default-jdk-headless maven",
        ("pom.xml", "ReadWorkbooks.java"),
        ("mvn", "--quiet", "--batch-mode", "dependency:copy-dependencies", "-DoutputDirectory=lib"),
        ("java", "-cp", "lib/*", "ReadWorkbooks.java"),
    ),
)
"""Spreadsheet readers."""

VERAPDF = ReaderProgram(
    "verapdf",
    ("java", "mvn"),
    "apt-get install default-jdk-headless maven",
    ("pom.xml", "CheckPdfA.java"),
    ("mvn", "--quiet", "--batch-mode", "dependency:copy-dependencies", "-DoutputDirectory=lib"),
    ("java", "-Dfile.encoding=UTF-8", "-cp", "lib/*", "CheckPdfA.java"),
)
"""PDF/A validator."""


def install(programs: Iterable[ReaderProgram]) -> None:
    """Installs the programs whose tools are installed."""
    for program in programs:
        missing = program.missing()
        if missing:
            print(f"Skipped {program.name}: {', '.join(missing)} is not installed. Install it: {program.remedy}")
            continue
        try:
            program.make_ready()
        except subprocess.CalledProcessError as error:
            sys.exit(f"`{' '.join(error.cmd)}` failed, see above. Check that the package registry can be reached.")


def main() -> None:
    """Runs the command, which takes no arguments."""
    install((*LANGUAGES, VERAPDF))


if __name__ == "__main__":
    main()
