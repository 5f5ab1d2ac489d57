"""Schemathesis sends the API valid and invalid requests, generated from its OpenAPI document, with all checks.

The tests use a separate stack without a tenant for loopback, so that every request must be authenticated.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from infra.admin.tenants import make_key
from infra.demo.load_demo_bank import load_demo_bank
from infra.local.stack import Options, Stack
from infra.paths import PROJECT_PYTHON
from resma.access.caller import SCOPES
from tests.support.browser import WAIT_MS
from tests.support.client import lift_quotas
from tests.support.documentation import authorize, documentation_page, try_out
from tests.support.http import send
from tests.support.local_stack import STACK, running_stack
from tests.support.random_search import choose_seed, is_fuzzing, random_search
from tests.support.stated_rules import with_rules_for_generation

CONFIGURATION = Path(__file__).parent / "schemathesis" / "schemathesis.toml"
ROWS = 1_000
EXAMPLES = 25 if is_fuzzing() else 8
SECONDS = 3600
"""Timeout of Schemathesis; only a run that hangs reaches it."""


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


@random_search
@pytest.mark.parametrize(
    "phases",
    ["examples,fuzzing,stateful", pytest.param("coverage", marks=pytest.mark.long)],
    ids=["search", "coverage"],
)
def test_schemathesis_finds_no_failures(stack: Stack, key: str, tmp_path: Path, phases: str) -> None:
    document = tmp_path / "openapi.json"
    url = f"{stack.up.api_url}/openapi.json"
    answer = send("GET", url, headers={"Authorization": f"Bearer {key}"})
    assert answer.status == 200, answer.data
    document.write_text(json.dumps(with_rules_for_generation(answer.json())), encoding="utf-8")
    command = [
        str(PROJECT_PYTHON.with_name("schemathesis")), "--no-color", f"--config-file={CONFIGURATION}", "run",
        str(document), f"--seed={choose_seed(1)}", "--generation-database=none",
        "--url", stack.up.api_url, "--checks=all", f"--max-examples={EXAMPLES}", f"--phases={phases}",
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
def test_other_methods_are_refused_with_the_allowed_ones(stack: Stack, key: str, method: str, path: str) -> None:
    answer = send(method, stack.up.api_url + path, headers={"X-Api-Key": key})
    assert answer.status == 405, answer.data
    assert answer.headers["Allow"] == "GET, HEAD"
    assert answer.json()["type"] == "urn:resma:problem:method-not-allowed"


def test_only_health_needs_no_key(stack: Stack, key: str) -> None:
    url = f"{stack.up.api_url}/openapi.json"
    document = send("GET", url, headers={"Authorization": f"Bearer {key}"}).json()
    for path, operations in document["paths"].items():
        for method in operations:
            answer = send(method.upper(), stack.up.api_url + path.replace("{", "").replace("}", ""))
            assert answer.status == (200 if path == "/health" else 401), (method, path)


def test_the_documentation_page_needs_no_key_and_takes_one(stack: Stack, key: str) -> None:
    """The page is below the path of a stage, as on AWS."""
    assert "/local" in stack.up.api_url
    with documentation_page(stack.up.api_url) as page:
        schemas = page.locator("section.models")
        schemas.locator("h4 button").click()
        expect(schemas).to_contain_text("ReportRequest", timeout=WAIT_MS)
        assert "TransactionsFilters" not in schemas.inner_text()
        authorize(page, key)
        expect(schemas).to_contain_text("TransactionsFilters", timeout=WAIT_MS)
        status, caller = try_out(page, "getCaller")
        assert (status, caller["tenantId"]) == (200, "demo")


def test_without_a_key_the_page_shows_why_an_operation_is_refused(stack: Stack) -> None:
    with documentation_page(stack.up.api_url, allowed_error="401") as page:
        status, problem = try_out(page, "getCaller")
        assert (status, problem["type"]) == (401, "urn:resma:problem:credentials-missing")
