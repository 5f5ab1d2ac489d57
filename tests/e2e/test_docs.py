"""The documentation's commands, as a reader types them: `make up`, each page's own, `make down`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import urllib3

from infra.local.stack import Stack
from infra.paths import PROJECT_PYTHON, ROOT, STATE
from infra.servers.ports import free_port
from infra.servers.postgres import BINARIES
from tests.support.docs_commands import find_runners
from tests.support.docs_pages import PAGES, Command, commands, name_of
from tests.support.eventually import eventually

STACK = "-".join(filter(None, ("test-docs", os.environ.get("RESMA_E2E_NAME"))))

HERE = {
    name_of(page): chosen
    for page in PAGES
    if (chosen := [each for each in commands(page) if [runner.how for runner in find_runners(each)] == ["here"]])
}
"""What is run here, by page."""

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make on this machine")


@dataclass(frozen=True)
class Surroundings:
    """What `make up` has printed."""

    api_url: str
    database_url: str
    printed: str


def make(target: str, **settings: str) -> str:
    """Runs what `make` would run, but for making the virtual environments; returns what it prints."""
    recipe = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    (command,) = re.findall(r"PYTHONPATH=\S+ \.resma/venv/bin/python -m resma_cli \w+", recipe)
    environment = {**os.environ, "RESMA_STACK": STACK, "COLUMNS": "200", **settings}
    done = subprocess.run(
        ["sh", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=180
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def up() -> Iterator[Surroundings]:
    """A stack of this file's own that `make up` has left running."""
    shutil.rmtree(STATE / STACK, ignore_errors=True)
    port = str(free_port())
    try:
        printed = make("up", PORT=port, ROWS="2000")
        api_url, database_url = re.search(r"up at (\S+)", printed), re.search(r"DATABASE_URL=(\S+)", printed)
        assert api_url, printed
        assert database_url, printed
        assert f"RESMA_SYSTEM_DATABASE={database_url[1]}\n" in printed, "as docs/operate.md wants it"
        assert api_url[1] == f"http://localhost:{port}"
        yield Surroundings(api_url[1], database_url[1], printed)
    finally:
        Stack(STACK).stop()


def run(script: str, **variables: str) -> str:
    """Runs lines of shell from the project's folder, each of which must succeed; returns what they print."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RESMA_", "PYTHON"))}
    path = os.pathsep.join((str(PROJECT_PYTHON.parent), kept["PATH"], str(BINARIES)))
    environment = {**kept, "PATH": path, "RESMA_STACK": STACK}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=ROOT,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    return done.stdout


def generate_a_report(up: Surroundings) -> str:
    """Returns the id of a report that is READY."""
    http = urllib3.PoolManager(retries=False, timeout=30)
    body = {"type": "TRANSACTIONS", "format": "CSV", "filters": {"from": "2030-01-01"}}
    report_id = http.request("POST", f"{up.api_url}/api/v1/reports/generate", json=body).json()["id"]
    address = f"{up.api_url}/api/v1/reports/{report_id}"
    eventually("the report is READY", lambda: http.request("GET", address).json()["status"] == "READY")
    return str(report_id)


def dead_letter_a_report(up: Surroundings) -> str:
    """Leaves a dead letter, as three failed attempts do, and returns its id."""
    report_id = generate_a_report(up)
    with psycopg.connect(up.database_url) as connection:
        connection.execute(
            "UPDATE resma.reports SET status = 'FAILED', files = NULL, dead_lettered_at = clock_timestamp(),"
            " error_code = 'database-unavailable', error_detail = 'it was away' WHERE report_id = %s",
            (report_id,),
        )
    return report_id


@pytest.mark.parametrize("page", HERE)
def test_the_pages_commands_work(up: Surroundings, tmp_path: Path, page: str) -> None:
    """One after another, with this machine's addresses in the place of the page's, and after its settings so far."""
    given = {
        "postgresql://owner:password@host:5432/dbname": up.database_url,
        "postgresql://resma_system:password@host:5432/dbname": up.database_url,
        "https://…": up.api_url,
        "http://localhost:3008": up.api_url,
        " north-bank ": f" {re.sub(r'[^a-z]+', '-', page.lower()).strip('-')} ",
        "<tenant>": "demo",
    }
    settings = ['curl() { command curl --silent --show-error --fail-with-body "$@"; }']
    for command in HERE[page]:
        line = as_typed(command)
        for said, meant in given.items():
            line = line.replace(said, meant)
        if "rsm_…" in line:
            line = line.replace("rsm_…", make_key(up))
        if "<report id>" in line:
            line = line.replace("<report id>", dead_letter_a_report(up))
        if line.startswith("curl") and "<id>" in line:
            line = line.replace("<id>", generate_a_report(up))
        if re.match(r"(\.resma/venv/bin/)?resma (?!admin)|curl .* -o ", line):
            line = f"cd {tmp_path}; {line.removeprefix('.resma/venv/bin/')}"  # where its file goes
        if line.startswith("export "):
            settings.append(line)
        else:
            run("\n".join((*settings, line)))


def as_typed(command: Command) -> str:
    """A sentence leaves out where the command is, and what it is to do where it is only named."""
    line = re.sub(r"^resma admin", ".resma/venv/bin/resma admin", command.text)
    return re.sub(r"(resma admin (?:access|dead-letters|migrate|event-schemas|report-types))$", r"\1 --help", line)


def make_key(up: Surroundings) -> str:
    """A key of the demo tenant, made through the API."""
    body = {"name": "docs", "scopes": ["reports:read", "reports:write"]}
    answer = urllib3.request("POST", f"{up.api_url}/api/v1/api-keys", json=body)
    assert answer.status == 201, answer.data
    return str(answer.json()["key"])


def test_a_stack_is_up_until_it_is_down(up: Surroundings) -> None:
    assert "already up" in make("up", PORT=up.api_url.rpartition(":")[2])
    assert "ApiFunction" in make("logs")
    report_id = dead_letter_a_report(up)
    event = report_id.replace("-", "")
    # The webhook function's log comes some time after the report is READY.
    eventually("its event is logged", lambda: event in make("logs", REPORT=report_id))
    assert "the report is ready" in make("logs", REPORT=report_id)
    assert "down" in make("down")
    with pytest.raises(urllib3.exceptions.HTTPError):
        urllib3.request("GET", f"{up.api_url}/health", retries=False)
