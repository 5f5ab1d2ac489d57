"""`python -m tests.generators.install` installs the client generators into .resma/generators.

A language whose tools are not installed is skipped, with a message that says how to install them. The generator for
Python has its own virtual environment (infra/requirements/generators.txt), which `make setup-generators` creates.
"""

from __future__ import annotations

from pathlib import Path

from infra.paths import STATE
from tests.readers.install import ReaderProgram, install, node_program

SOURCES = Path(__file__).parent
PYTHON = STATE / "venv-generators" / "bin" / "python"

_MAVEN = ("mvn", "--quiet", "--batch-mode", "dependency:copy-dependencies", "-DoutputDirectory=lib")

NODE = node_program("redocly.yaml", ("node",), SOURCES)
"""openapi-typescript, the TypeScript compiler, and the linter Redocly."""

OPENAPI_GENERATOR = ReaderProgram(
    "java",
    ("java", "mvn"),
    "apt-get install default-jdk-headless maven",
    ("pom.xml",),
    _MAVEN,
    ("java", "-jar", "lib/openapi-generator-cli-7.25.0.jar"),
    SOURCES,
)
"""Generates clients for Go and Java, and many other languages."""

JAVA_CLIENT = ReaderProgram(
    "java-client",
    ("javac", "mvn"),
    "apt-get install default-jdk-headless maven",
    ("pom.xml",),
    _MAVEN,
    ("javac",),
    SOURCES,
)
"""The Java compiler and the libraries that a generated client for Java needs."""


def main() -> None:
    """Installs the programs whose tools are installed on this machine."""
    install((NODE, OPENAPI_GENERATOR, JAVA_CLIENT))


if __name__ == "__main__":
    main()
