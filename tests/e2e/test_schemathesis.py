"""Schemathesis asks the API what its OpenAPI document allows, and much that it does not, with all checks on.

On a stack of its own, on which loopback is nobody in particular, so that every request is authenticated.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import urllib3

from infra.access.tenants import make_key
from infra.local.paths import PROJECT_PYTHON
from infra.local.stack import Options, Stack
from infra.postgres.load_demo_bank import load_demo_bank
from resma.caller import SCOPES
from tests.e2e.client import lift_quotas
from tests.e2e.conftest import STACK, running_stack

CONFIGURATION = Path(__file__).parent / "schemathesis" / "schemathesis.toml"
ROWS = 1_000
EXAMPLES = 8
SECONDS = 600


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A stack without `LoopbackTenant`."""
    options = Options(front_door_port=None, parameters={"LoopbackTenant": ""})
    with running_stack(f"{STACK}-schema", options) as stack:
        load_demo_bank(stack.up.database_url, ROWS)
        lift_quotas(stack.up.database_url)
        yield stack


@pytest.fixture(scope="module")
def key(stack: Stack) -> str:
    """A key that may do everything."""
    return make_key(stack.up.database_url, "demo", "schemathesis", SCOPES, timedelta(days=1))


def test_schemathesis_finds_nothing(stack: Stack, key: str, tmp_path: Path) -> None:
    document = tmp_path / "openapi.json"
    address = f"{stack.up.api_url}/openapi.json"
    answer = urllib3.request("GET", address, headers={"Authorization": f"Bearer {key}"})
    assert answer.status == 200, answer.data
    document.write_bytes(answer.data)
    command = [
        str(PROJECT_PYTHON.with_name("schemathesis")), "--no-color", f"--config-file={CONFIGURATION}", "run",
        str(document), "--url", stack.up.api_url, "--checks=all", f"--max-examples={EXAMPLES}",
        "--header", f"Authorization: Bearer {key}",
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(CONFIGURATION.parent)},
        capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    print(done.stdout[-4000:])
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-4000:]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/api/v1/reports", "/api/v1/report-types", "/health"])
def test_other_methods_are_refused_and_told_which_there_are(stack: Stack, key: str, method: str, path: str) -> None:
    answer = urllib3.request(method, stack.up.api_url + path, headers={"X-Api-Key": key})
    assert answer.status == 405, answer.data
    assert answer.headers["Allow"] == ("GET, HEAD" if path == "/health" else "GET")
    assert answer.json()["type"] == "urn:resma:problem:method-not-allowed"


def test_nothing_but_health_is_open(stack: Stack, key: str) -> None:
    address = f"{stack.up.api_url}/openapi.json"
    document = urllib3.request("GET", address, headers={"Authorization": f"Bearer {key}"}).json()
    for path, operations in document["paths"].items():
        for method in operations:
            answer = urllib3.request(method.upper(), stack.up.api_url + path.replace("{", "").replace("}", ""))
            assert answer.status == (200 if path == "/health" else 401), (method, path)
