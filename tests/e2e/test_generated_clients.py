"""Clients generated from the OpenAPI document of a running stack: all compile, and two of them generate a report.

Tests of a language that is not installed are skipped, or fail if RESMA_WANTS_LANGUAGES names it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from infra.paths import STATE
from tests.generators.install import JAVA_CLIENT, NODE, OPENAPI_GENERATOR, PYTHON, SOURCES
from tests.readers.install import ReaderProgram
from tests.support.client import Client
from tests.support.optional_tools import require_tools

SECONDS = 600
"""Timeout of a program; only one that hangs reaches it."""


@pytest.fixture(scope="module")
def key(client: Client) -> str:
    """A key with only the scopes that the programs need."""
    body = {"name": "generated", "scopes": ["reports:read", "reports:write"]}
    answer = client.http("POST", "/api/v1/api-keys", json=body)
    assert answer.status == 201, answer.data
    return str(answer.json()["key"])


@pytest.fixture(scope="module")
def document(client: Client, key: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The OpenAPI document, fetched with a key, so that it contains the report types."""
    path = tmp_path_factory.mktemp("openapi") / "openapi.json"
    answer = client.http("GET", "/openapi.json", headers={"Authorization": f"Bearer {key}"})
    assert answer.status == 200
    path.write_bytes(answer.data)
    return path


def require(program: ReaderProgram, language: str, *tools: str) -> None:
    """Skips the test if a tool is missing, or fails it if the language is required; then installs the program."""
    require_tools(language, (*program.tools, *tools), program.remedy)
    program.make_ready()


def run(command: Sequence[str | Path], folder: Path, **variables: str) -> str:
    """Runs a command that must succeed; returns its output. It needs no network except the stack."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(STATE),
        "GOCACHE": str(STATE / "go-cache"),
        "GOFLAGS": "-mod=mod",
        "GOPROXY": "off",
        "GOTOOLCHAIN": "local",
        "REDOCLY_TELEMETRY": "off",
        "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true",
        **variables,
    }
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def generate(language: str, document: Path, folder: Path, *options: str) -> str:
    """Generates a client with openapi-generator; returns its output."""
    jar = OPENAPI_GENERATOR.folder / OPENAPI_GENERATOR.run[-1]
    command: list[str | Path] = ["java", "-jar", jar, "generate", "-i", document, "-g", language, "-o", folder]
    output = run([*command, *options], document.parent)
    assert "Duplicate file path" not in output, output[-4000:]
    return output


def require_report(client: Client, printed: str) -> dict[str, Any]:
    """Compares the report that a program printed with the API's; returns the program's output as an object."""
    result: dict[str, Any] = json.loads(printed)
    report = client.show(result["id"])
    assert (result["status"], result["rows"]) == ("READY", report["rows"])
    assert report["rows"] > 0
    assert report["columns"] == ["booked_at", "amount"]
    assert report["filters"]["to"] == "2024-01-05"
    assert all(pointer.startswith("/columns") for pointer in result["pointers"])
    assert result["pointers"]
    return result


def test_redocly_finds_no_problems(document: Path) -> None:
    require(NODE, "node")
    command: list[str | Path] = ["node", "node_modules/@redocly/cli/bin/cli.js", "lint", document, "--format=json"]
    totals = json.loads(run(command, NODE.folder))["totals"]
    assert totals == {"errors": 0, "warnings": 0, "ignored": 0}


def test_a_client_in_typescript_makes_a_report(client: Client, key: str, document: Path, tmp_path: Path) -> None:
    require(NODE, "node")
    for name in ("generate_report.ts", "tsconfig.json", "package.json"):
        shutil.copy(SOURCES / "node" / name, tmp_path)
    (tmp_path / "node_modules").symlink_to(NODE.folder / "node_modules")
    run(["node", "node_modules/openapi-typescript/bin/cli.js", document, "-o", "api.d.ts"], tmp_path)
    run(["node", "node_modules/typescript/bin/tsc"], tmp_path)
    printed = run(["node", "dist/generate_report.js"], tmp_path, RESMA_URL=client.stack.up.api_url, RESMA_KEY=key)
    found = require_report(client, printed)
    assert client.http("GET", found["url"]).data.count(b"\n") == found["rows"] + 1


def test_a_client_in_python_makes_a_report(client: Client, key: str, document: Path, tmp_path: Path) -> None:
    if not PYTHON.exists():
        pytest.fail("The generator for Python is not installed. Run `make setup-generators`.")
    generator: list[str | Path] = [PYTHON.with_name("openapi-python-client"), "generate", "--path", document]
    path = f"{PYTHON.parent}{os.pathsep}{os.environ['PATH']}"  # the generator runs ruff
    output = run(
        [*generator, "--meta", "none", "--output-path", "resma_client", "--fail-on-warning"], tmp_path, PATH=path
    )
    assert "Warning" not in output, output
    program = SOURCES / "python" / "generate_report.py"
    access = {"RESMA_URL": client.stack.up.api_url, "RESMA_KEY": key, "PYTHONPATH": str(tmp_path)}
    found = require_report(client, run([PYTHON, program], tmp_path, **access))
    assert found["summary_rows"] == found["rows"]


@pytest.mark.long
def test_a_client_in_go_compiles(document: Path, tmp_path: Path) -> None:
    require(OPENAPI_GENERATOR, "go", "go")
    generate("go", document, tmp_path, "--global-property=apiTests=false,modelTests=false")
    run(["go", "build", "."], tmp_path)
    request = (tmp_path / "model_report_request.go").read_text(encoding="utf-8")
    assert all(f"\t{name} " in request for name in ("Type", "Format", "Formats", "Filters", "Columns", "Options"))


@pytest.mark.long
def test_a_client_in_java_compiles(document: Path, tmp_path: Path) -> None:
    require(OPENAPI_GENERATOR, "java")
    require(JAVA_CLIENT, "java")
    generate("java", document, tmp_path, "--library=native", "--global-property=apiTests=false,modelTests=false")
    sources = sorted((tmp_path / "src" / "main").rglob("*.java"))
    command: list[str | Path] = [
        "javac",
        "-encoding",
        "UTF-8",
        "-nowarn",
        "-d",
        "classes",
        "-cp",
        f"{JAVA_CLIENT.folder}/lib/*",
        *sources,
    ]
    run(command, tmp_path)
    request = next(path for path in sources if path.name == "ReportRequest.java").read_text(encoding="utf-8")
    assert all(f"get{name}()" in request for name in ("Type", "Format", "Formats", "Filters", "Columns", "Options"))
