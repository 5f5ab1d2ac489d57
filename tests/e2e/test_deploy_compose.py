"""Runs the command of the service `deploy` in docker-compose.yml with its variables, without Docker.

The tests start the other services themselves: Postgres, LocalStack, and LocalStack's S3 in place of the object store.
They do not test images, the compose network, Lambda in containers, or nginx.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import urllib3
import yaml

from infra.local.stack import Stack
from infra.paths import FUNCTIONS, ROOT, STATE
from infra.servers.localstack import LocalStackServer
from infra.servers.ports import free_port
from infra.servers.postgres import PostgresServer
from resma.catalog import DEMO_CATALOG
from tests.support.eventually import PATIENCE_SECONDS
from tests.support.http import PATIENT

FOLDER = STATE / "test-compose"
ROWS = 2000


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """A Postgres server. At the end, it and LocalStack with its functions are stopped."""
    stack = Stack(FOLDER.name)
    stack.stop()
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    try:
        server = PostgresServer(FOLDER / "postgres", free_port())
        server.start()
        yield server
    finally:
        stack.stop()


@pytest.fixture(scope="module")
def localstack(postgres: PostgresServer) -> LocalStackServer:
    """A LocalStack without a deployed stack."""
    server = LocalStackServer(FOLDER / "localstack", free_port(), free_port())
    server.start(FOLDER / "localstack.json")
    return server


@pytest.fixture(scope="module")
def environment(postgres: PostgresServer, localstack: LocalStackServer) -> dict[str, str]:
    """The variables that docker-compose.yml sets, with values for this machine, and PATH."""
    variables = {
        "AWS_URL": localstack.url,
        "POSTGRES_HOST": "127.0.0.1",
        "POSTGRES_PORT": str(postgres.port),
        "POSTGRES_PASSWORD": postgres.password,
        "OBJECT_STORE_URL": localstack.url,
        "OBJECT_STORE_PUBLIC_URL": f"http://localhost:{localstack.port}",
        "OBJECT_STORE_ACCESS_KEY_ID": "test",
        "OBJECT_STORE_SECRET_ACCESS_KEY": "test",
        "WEBHOOK_SECRET": "whsec_Zm9yIHlvdXIgb3duIG1hY2hpbmUgb25seSAhIQ==",
        "PUBLIC_BASE_URL": f"http://localhost:{localstack.front_door_port}",
        "FRONT_DOOR_CONF": str(FOLDER / "front_door.conf"),
        # The environment of the tests has the functions' dependencies; in Docker the package contains them.
        "FUNCTIONS_PACKAGE": os.environ.get("RESMA_TEST_PACKAGE", str(FUNCTIONS)),
        "ROWS": str(ROWS),
        "SOURCE": "",
        "RESMA_CATALOG": str(DEMO_CATALOG),
    }
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    assert set(variables) == set(compose["services"]["deploy"]["environment"])
    return {**variables, "PATH": os.environ["PATH"]}


def test_compose_deployment_makes_reports(environment: dict[str, str], localstack: LocalStackServer) -> None:
    done = run_deploy(environment)
    assert done.returncode == 0, done.stdout + done.stderr

    http = client_with(done.stdout)
    report = make_report(http, localstack)
    assert report["status"] == "READY", report
    assert report["rows"] == ROWS

    redirect = http.request("GET", report["links"]["download"], redirect=False)
    assert redirect.headers["Location"].startswith(environment["OBJECT_STORE_PUBLIC_URL"])
    file = http.request("GET", redirect.headers["Location"], headers={})  # the URL is the credential
    assert (file.status, len(file.data)) == (200, report["bytes"])


def test_compose_deployment_can_be_repeated(environment: dict[str, str], localstack: LocalStackServer) -> None:
    """`docker compose up` runs the command again. The existing stack is kept and still works."""
    again = run_deploy(environment)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "already deployed" in again.stdout
    assert make_report(client_with(again.stdout), localstack)["status"] == "READY"


def test_compose_deployment_refuses_requests_without_a_key(localstack: LocalStackServer) -> None:
    """In LocalStack's image, every request seems to come from loopback."""
    http = urllib3.PoolManager(retries=False, timeout=PATIENT)
    assert http.request("GET", f"{api_url(localstack)}/api/v1/reports").status == 401
    assert http.request("GET", f"{api_url(localstack)}/health").status == 200


def test_compose_deployment_names_what_is_missing(environment: dict[str, str]) -> None:
    wrong = {**environment, "ROWS": "many"}
    del wrong["WEBHOOK_SECRET"]
    done = run_deploy(wrong)
    assert done.returncode == 1
    assert "WEBHOOK_SECRET" in done.stderr
    assert "ROWS" in done.stderr
    assert "many" not in done.stderr


def test_compose_deployment_tries_the_source_before_it_changes_anything(
    environment: dict[str, str], postgres: PostgresServer
) -> None:
    done = run_deploy({**environment, "SOURCE": "postgres://reports:hush@127.0.0.1:1/shop", "POSTGRES_PORT": "1"})
    assert done.returncode == 1
    assert "The source database 127.0.0.1:1/shop does not accept a connection of reports" in done.stderr
    assert "hush" not in done.stderr


def test_compose_deployment_with_a_source_names_the_organization(
    environment: dict[str, str], postgres: PostgresServer, tmp_path: Path
) -> None:
    """The role may read its table only, and the catalog's errors are printed."""
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE orders (id integer PRIMARY KEY); CREATE ROLE reports LOGIN PASSWORD 'hush'")
        connection.execute("GRANT SELECT ON orders TO reports")
    shutil.copytree(DEMO_CATALOG / "transactions", tmp_path / "transactions")
    (tmp_path / "resma.toml").write_text('[brand]\nname = "Northwind Traders"\n', encoding="utf-8")
    source = f"postgres://reports:hush@127.0.0.1:{postgres.port}/postgres"
    done = run_deploy({**environment, "SOURCE": source, "RESMA_CATALOG": str(tmp_path)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "permission denied for schema bank" in done.stderr
    assert "hush" not in done.stdout + done.stderr
    with psycopg.connect(postgres.url) as connection:
        named = connection.execute("SELECT name FROM resma.tenants WHERE tenant_id = 'demo'").fetchone()
    assert named == ("Northwind Traders",)


def run_deploy(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs the command of infra/docker/Dockerfile, without environment variables of this process."""
    command = [sys.executable, "-m", "infra.deploy.compose"]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )


def client_with(output: str) -> urllib3.PoolManager:
    """Returns a client with the key that the deployment printed."""
    printed = re.search(r"A key of the tenant demo, valid for 30 days: (rsm_\S+)", output)
    assert printed is not None, output
    return urllib3.PoolManager(retries=False, timeout=PATIENT, headers={"Authorization": f"Bearer {printed[1]}"})


def api_url(localstack: LocalStackServer) -> str:
    """Returns the URL of the API, from the configuration of the front door that the deployment wrote."""
    target = re.search(r"proxy_pass http://localstack:4566(/\S+)/;", (FOLDER / "front_door.conf").read_text())
    assert target is not None
    return f"{localstack.url}{target[1]}"


def make_report(http: urllib3.PoolManager, localstack: LocalStackServer) -> dict[str, Any]:
    """Requests a report and waits until it has ended."""
    url = api_url(localstack)
    body = json.dumps({"type": "TRANSACTIONS", "format": "CSV", "filters": {"from": "2024-01-01"}})
    headers = {**http.headers, "Content-Type": "application/json"}
    answer = http.request("POST", f"{url}/api/v1/reports/generate", body=body, headers=headers)
    assert answer.status == 202, answer.data
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        report: dict[str, Any] = http.request("GET", f"{url}/api/v1/reports/{answer.json()['id']}").json()
        if report["status"] not in {"PENDING", "GENERATING"} or time.monotonic() > deadline:
            return report
        time.sleep(0.1)
