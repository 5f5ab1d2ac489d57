"""`python -m tests.generators.install`: installs the generators of clients into .resma/generators.

A language whose tools are not on this machine is named, with what installs them, and left out. The generator for Python
is in an environment of its own (infra/requirements/generators.txt), which `make setup-generators` makes.
"""

from __future__ import annotations

from pathlib import Path

from infra.paths import STATE
from tests.readers.install import ReaderProgram, install

SOURCES = Path(__file__).parent
PYTHON = STATE / "venv-generators" / "bin" / "python"

_MAVEN = ("mvn", "--quiet", "--batch-mode", "dependency:copy-dependencies", "-DoutputDirectory=lib")

NODE = ReaderProgram(
    "node",
    ("node", "npm"),
    "apt-get install nodejs npm",
    ("package.json", "package-lock.json", "redocly.yaml"),
    ("npm", "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"),
    ("node",),
    SOURCES,
)
"""openapi-typescript and the compiler, and the linter of redocly."""

OPENAPI_GENERATOR = ReaderProgram(
    "java",
    ("java", "mvn"),
    "apt-get install default-jdk-headless maven",
    ("pom.xml",),
    _MAVEN,
    ("java", "-jar", "lib/openapi-generator-cli-7.25.0.jar"),
    SOURCES,
)
"""Makes clients for Go and Java, and many other languages."""

JAVA_CLIENT = ReaderProgram(
    "java-client",
    ("javac", "mvn"),
    "apt-get install default-jdk-headless maven",
    ("pom.xml",),
    _MAVEN,
    ("javac",),
    SOURCES,
)
"""Compiles a client for Java."""


def main() -> None:
    """Installs the programs whose tools are on this machine."""
    install((NODE, OPENAPI_GENERATOR, JAVA_CLIENT))


if __name__ == "__main__":
    main()
