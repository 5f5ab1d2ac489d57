"""`python -m tests.readers.install`: installs the readers of spreadsheets, and veraPDF, into .resma/readers.

A language whose tools are not on this machine is named, with what installs them, and left out.
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

SOURCES = Path(__file__).parent


@dataclass(frozen=True)
class ReaderProgram:
    """A program that reads files, or makes some: the tools that it needs, and how it is installed and started."""

    name: str
    """Of its language, and of its folder."""
    tools: tuple[str, ...]
    remedy: str
    sources: tuple[str, ...]
    """Copied to where it is installed, and compared with what was installed last."""
    install: tuple[str, ...]
    run: tuple[str, ...]
    home: Path = SOURCES
    """The folder that its own folder is in."""

    @property
    def folder(self) -> Path:
        """Where it is installed."""
        return STATE / self.home.name / self.name

    def missing(self) -> list[str]:
        """The tools that are not on this machine."""
        return [tool for tool in self.tools if shutil.which(tool) is None]

    def read(self, files: Sequence[Path]) -> str:
        """Installs what is not installed yet, and returns what the program prints about these files."""
        self.make_ready()
        command = [*self.run, *map(str, files)]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def make_ready(self) -> None:
        """Installs the readers, unless the same ones are installed."""
        stamp = self.folder / ".stamp"
        contents = b"".join((self.home / self.name / name).read_bytes() for name in self.sources)
        wanted = hashlib.sha256(contents + repr(self).encode()).hexdigest()
        if stamp.exists() and stamp.read_text() == wanted:
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        for name in self.sources:
            shutil.copy(self.home / self.name / name, self.folder / name)
        print(f"installing {self.home.name} of the tests' files: {self.name} ...", flush=True)
        environment = {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"}
        subprocess.run(self.install, cwd=self.folder, env=environment, check=True)
        stamp.write_text(wanted)


LANGUAGES = (
    ReaderProgram(
        "node",
        ("node", "npm"),
        "apt-get install nodejs npm",
        ("package.json", "package-lock.json", "read.mjs"),
        ("npm", "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"),
        ("node", "read.mjs"),
    ),
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
"""Readers of spreadsheets."""

VERAPDF = ReaderProgram(
    "verapdf",
    ("java", "mvn"),
    "apt-get install default-jdk-headless maven",
    ("pom.xml", "CheckPdfA.java"),
    ("mvn", "--quiet", "--batch-mode", "dependency:copy-dependencies", "-DoutputDirectory=lib"),
    ("java", "-Dfile.encoding=UTF-8", "-cp", "lib/*", "CheckPdfA.java"),
)
"""The validator of PDF/A."""


def install(programs: Iterable[ReaderProgram]) -> None:
    """Installs the programs whose tools are on this machine."""
    for program in programs:
        missing = program.missing()
        if missing:
            print(f"{program.name} is left out, there is no {', '.join(missing)}: {program.remedy}")
            continue
        try:
            program.make_ready()
        except subprocess.CalledProcessError as error:
            sys.exit(f"{' '.join(error.cmd)} has failed, see above. It needs its package registry.")


def main() -> None:
    """The command line; takes no arguments."""
    install((*LANGUAGES, VERAPDF))


if __name__ == "__main__":
    main()
