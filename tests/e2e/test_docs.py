"""Runs the commands of the documentation as a reader types them: `make up`, those of each page, `make down`."""

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
from resma.catalog import DEMO_CATALOG
from tests.support.docs_commands import find_runners
from tests.support.docs_pages import PAGES, Command, commands, name_of
from tests.support.eventually import PATIENCE_SECONDS, eventually
from tests.support.http import PATIENT, send

STACK = "-".join(filter(None, ("test-docs", os.environ.get("RESMA_E2E_NAME"))))

COMMANDS = {
    name_of(page): selected
    for page in PAGES
    if (selected := [each for each in commands(page) if [runner.how for runner in find_runners(each)] == ["here"]])
}
"""Commands that this test runs, by page."""

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@dataclass(frozen=True)
class RunningStack:
    """The output of `make up`, and the URLs in it."""

    api_url: str
    database_url: str
    printed: str


def make(target: str, **settings: str) -> str:
    """Runs the command of a Make target, without creating virtual environments; returns its output."""
    recipe = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    (command,) = re.findall(r"PYTHONPATH=\S+ \.resma/venv/bin/python -m resma_cli \w+", recipe)
    environment = {**os.environ, "RESMA_STACK": STACK, "COLUMNS": "200", **settings}
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def up() -> Iterator[RunningStack]:
    """A stack that `make up` has started for the tests in this file."""
    shutil.rmtree(STATE / STACK, ignore_errors=True)
    port = str(free_port())
    try:
        printed = make("up", PORT=port, ROWS="2000")
        api_url, database_url = re.search(r"up at (\S+)", printed), re.search(r"DATABASE_URL=(\S+)", printed)
        assert api_url, printed
        assert database_url, printed
        assert f"RESMA_SYSTEM_DATABASE={database_url[1]}\n" in printed, "docs/operate.md uses this variable"
        assert api_url[1] == f"http://localhost:{port}"
        yield RunningStack(api_url[1], database_url[1], printed)
    finally:
        Stack(STACK).stop()


def run(script: str, **variables: str) -> str:
    """Runs lines of shell in the project's folder, each of which must succeed; returns their output."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RESMA_", "PYTHON"))}
    path = os.pathsep.join((str(PROJECT_PYTHON.parent), inherited["PATH"], str(BINARIES)))
    environment = {**inherited, "PATH": path, "RESMA_STACK": STACK, "RESMA_CATALOG": str(DEMO_CATALOG)}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=ROOT,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    return done.stdout


def generate_a_report(up: RunningStack) -> str:
    """Requests a report, waits until it is READY, and returns its id."""
    http = urllib3.PoolManager(retries=False, timeout=PATIENT)
    body = {"type": "TRANSACTIONS", "format": "CSV", "filters": {"from": "2030-01-01"}}
    report_id = http.request("POST", f"{up.api_url}/api/v1/reports/generate", json=body).json()["id"]
    url = f"{up.api_url}/api/v1/reports/{report_id}"
    eventually("the report is READY", lambda: http.request("GET", url).json()["status"] == "READY")
    return str(report_id)


def latest(up: RunningStack, collection: str) -> str:
    """Returns the id of the report or schedule that the page's previous command has created."""
    items = send("GET", f"{up.api_url}/api/v1/{collection}").json()["items"]
    return str(max(items, key=lambda item: item["createdAt"])["id"])


def dead_letter_a_report(up: RunningStack) -> str:
    """Makes a report dead-lettered, as after three failed attempts, and returns its id."""
    report_id = generate_a_report(up)
    with psycopg.connect(up.database_url) as connection:
        connection.execute(
            "UPDATE resma.reports SET status = 'FAILED', files = NULL, dead_lettered_at = clock_timestamp(),"
            " error_code = 'database-unavailable', error_detail = 'The database was down.' WHERE report_id = %s",
            (report_id,),
        )
    return report_id


@pytest.mark.parametrize("page", COMMANDS)
def test_the_pages_commands_work(up: RunningStack, tmp_path: Path, page: str) -> None:
    """Runs the commands of a page in order, with the test stack's URLs, each after the page's previous settings."""
    replacements = {
        "postgresql://owner:password@host:5432/dbname": up.database_url,
        "postgresql://resma_system:password@host:5432/dbname": up.database_url,
        "https://…": up.api_url,
        "http://localhost:3008": up.api_url,
        " north-bank ": f" {re.sub(r'[^a-z]+', '-', page.lower()).strip('-')} ",
        "<tenant>": "demo",
    }
    settings = ['curl() { command curl --silent --show-error --fail-with-body "$@"; }']
    for command in COMMANDS[page]:
        line = as_typed(command)
        for placeholder, value in replacements.items():
            line = line.replace(placeholder, value)
        if "rsm_…" in line:
            line = line.replace("rsm_…", make_key(up))
        if "<report id>" in line:
            line = line.replace("<report id>", dead_letter_a_report(up))
        if line.startswith("curl") and "<id>" in line:
            line = line.replace("<id>", generate_a_report(up))
        if "sch_0c6b…" in line:
            line = line.replace("sch_0c6b…", latest(up, "schedules"))
        if "840edab4" in line:
            line = line.replace("840edab4", latest(up, "reports"))
        if re.match(r"(\.resma/venv/bin/)?resma (?!admin)|curl .* -o ", line):
            line = f"cd {tmp_path}; {line.removeprefix('.resma/venv/bin/')}"  # the folder for its file
        if line.startswith("export "):
            settings.append(line)
        else:
            run("\n".join((*settings, line)))


def as_typed(command: Command) -> str:
    """Returns a command with the path of `resma`, and with --help if the page names it without arguments."""
    line = re.sub(r"^resma admin", ".resma/venv/bin/resma admin", command.text)
    return re.sub(r"(resma admin (?:access|dead-letters|migrate|event-schemas))$", r"\1 --help", line)


def make_key(up: RunningStack) -> str:
    """Creates a key of the demo tenant through the API and returns it."""
    body = {"name": "docs", "scopes": ["reports:read", "reports:write"]}
    answer = send("POST", f"{up.api_url}/api/v1/api-keys", json=body)
    assert answer.status == 201, answer.data
    return str(answer.json()["key"])


def test_a_stack_is_up_until_it_is_down(up: RunningStack) -> None:
    assert "already up" in make("up", PORT=up.api_url.rpartition(":")[2])
    assert "ApiFunction" in make("logs")
    report_id = dead_letter_a_report(up)
    event = report_id.replace("-", "")
    # The webhook function logs some time after the report is READY.
    eventually("its event is logged", lambda: event in make("logs", REPORT=report_id))
    assert "the report is ready" in make("logs", REPORT=report_id)
    assert "down" in make("down")
    with pytest.raises(urllib3.exceptions.HTTPError):
        send("GET", f"{up.api_url}/health")
