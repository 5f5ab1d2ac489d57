"""`resma doctor` on machines and deployments with problems: each check names the problem and its fix."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infra.servers.ports import free_port
from resma.access import caller
from resma_cli.connection import ApiConfig
from resma_cli.doctor import deployment, machine
from resma_cli.doctor.deployment import Deployment, check_tls, read_date
from resma_cli.doctor.finding import Finding, run_checks
from resma_cli.doctor.machine import Machine
from resma_cli.main import main
from tests.support.scripted_server import Reply, ScriptedServer, problem

SCOPES = list(deployment.SCOPES)
NONE: dict[str, Any] = {"items": [], "next": None}
NO_TYPES: dict[str, Any] = {"items": [], "errors": []}
CATALOG_ERROR = {"type": "ORDERS", "file": "orders/report.toml", "line": 3, "detail": "Remove it."}


def ago(minutes: float) -> str:
    """Returns a timestamp of the past in the API's form."""
    return (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


# ---------------------------------------------------------------------- this machine


@pytest.fixture
def here(tmp_path: Path) -> Machine:
    """A checkout without problems, and without a stack."""
    for name in ("venv", "venv-localstack"):
        (tmp_path / ".resma" / name).mkdir(parents=True)
        (tmp_path / ".resma" / name / ".stamp").touch()
    (tmp_path / "template.yaml").touch()
    (tmp_path / ".resma" / "local").mkdir()
    return Machine(tmp_path, tmp_path / ".resma" / "local", free_port())


def require_failure(finding: Finding | None, message: str) -> None:
    """Asserts that a check has failed with this message, and with a fix."""
    assert finding is not None
    assert finding.state == "fail", finding
    assert message in finding.message
    assert finding.fix


def test_a_machine_without_problems(here: Machine) -> None:
    found = {finding.check: finding for finding in run_checks(machine.CHECKS, here)}
    for check in ("system", "environments", "localhost", "clock", "port"):
        assert found[check].state == "ok", found[check]
    assert (found["stack"].state, found["stack"].message, found["stack"].fix) == (
        "warn",
        "No stack is up.",
        "Run `resma up`.",
    )
    assert all(finding.fix for finding in found.values() if finding.state != "ok")


def test_a_missing_environment(here: Machine) -> None:
    (here.state / "venv-localstack" / ".stamp").unlink()
    require_failure(machine.check_environments(here), "venv-localstack")


def test_an_old_python(here: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 1))
    require_failure(machine.check_system(here), "is not supported")


def test_another_system(here: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    require_failure(machine.check_system(here), "darwin")


def test_a_full_disk(here: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2**30))
    require_failure(machine.check_disk(here), "1.0 GiB")


def test_too_little_memory(here: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "MIN_MEMORY_BYTES", 2**60)
    require_failure(machine.check_memory(here), "of memory")


def test_a_clock_that_is_behind(here: Machine) -> None:
    tomorrow = datetime.now(UTC).timestamp() + 86_400
    os.utime(here.root / "template.yaml", (tomorrow, tomorrow))
    require_failure(machine.check_clock(here), "behind")


def test_root_without_setpriv_and_a_machine_without_tools(here: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    require_failure(machine.check_user(here), "setpriv")
    assert machine.check_make(here).state == machine.check_readers(here).state == "warn"


def test_a_port_in_use(here: Machine) -> None:
    with socket.create_server(("127.0.0.1", here.port)):
        require_failure(machine.check_port(here), str(here.port))


def test_a_running_command(here: Machine) -> None:
    path = here.state / "local.lock"
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = machine.check_lock(here)
        assert found is not None
        assert found.state == "warn"
    assert machine.check_lock(here).state == "ok"  # type: ignore[union-attr]


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"api_url": 1, "aws_url": 2, "postgres_port": 3}'])
def test_a_damaged_state_file(here: Machine, content: str) -> None:
    (here.stack / "state.json").write_text(content, encoding="ascii")
    require_failure(machine.check_stack(here), "damaged")


def test_a_stack_that_has_died(here: Machine) -> None:
    dead = free_port()
    state = {"api_url": f"http://localhost:{dead}", "aws_url": f"http://localhost:{dead}", "postgres_port": dead}
    (here.stack / "state.json").write_text(json.dumps(state), encoding="ascii")
    require_failure(machine.check_stack(here), "The stack has died")


def test_remaining_processes_of_a_stack(here: Machine) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], cwd=here.stack, stdin=subprocess.PIPE) as process:
        require_failure(machine.check_stack(here), str(process.pid))
        process.kill()
    assert machine.check_stack(here).state == "warn"


# ---------------------------------------------------------------------- a deployment


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Restores the signal handlers, which the command line sets."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    """The API of a deployment without problems."""
    with ScriptedServer() as server:
        monkeypatch.setenv("RESMA_URL", server.url)
        me = {"tenantId": "demo", "tenantName": "Demo", "subject": "key:1", "scopes": SCOPES}
        server.answer("GET", "/health", Reply(200, {"status": "ok"}))
        server.answer("GET", "/api/v1/me", Reply(200, me))
        server.answer("GET", "/api/v1/report-types", Reply(200, {"items": [{"type": "TRANSACTIONS"}], "errors": []}))
        for path in ("reports", "dead-letters", "webhook-endpoints", "schedules"):
            server.answer("GET", f"/api/v1/{path}", Reply(200, NONE))
        yield server


def run_doctor(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, dict[str, Any]]]:
    """Returns the exit code, and the finding of each check."""
    code = main(["doctor", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] == (code == 0)
    return code, {finding["check"]: finding for finding in document["checks"]}


def test_a_deployment_without_problems(server: ScriptedServer, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = run_doctor(capsys)
    assert code == 0
    assert {finding["state"] for finding in found.values()} == {"ok"}
    assert len(found) == len(deployment.CHECKS) - 1, "all except TLS, which loopback does not use"


def endpoint(**more: Any) -> dict[str, Any]:
    """Returns a webhook endpoint as the API shows it."""
    return {"id": "whe_1", "enabled": True, "disabledReason": None, **more}


def attempt(minutes: float, status: int | None, error: str | None = None) -> dict[str, Any]:
    """Returns an attempt that started this many minutes ago."""
    return {"startedAt": ago(minutes), "statusCode": status, "error": error}


def delivery(status: str, *attempts: dict[str, Any]) -> dict[str, Any]:
    """Returns a delivery with its attempts."""
    return {"status": status, "attempts": list(attempts)}


PROBLEMS: dict[str, tuple[str, Callable[[ScriptedServer], None]]] = {
    "an answer of another program": ("reachable", lambda s: s.answer("GET", "/health", Reply(200, b"<html>"))),
    "another health": ("reachable", lambda s: s.answer("GET", "/health", Reply(200, {"status": "up"}))),
    "a stage that is missing": (
        "reachable",
        lambda s: s.answer("GET", "/health", Reply(403, {"message": "Forbidden"})),
    ),
    "a key that ended": (
        "key",
        lambda s: s.answer("GET", "/api/v1/me", problem(401, "credentials-invalid", "the key was revoked")),
    ),
    "a key for nothing": (
        "scopes",
        lambda s: s.answer("GET", "/api/v1/me", Reply(200, {"tenantName": "a", "subject": "b", "scopes": []})),
    ),
    "no report types": ("report-types", lambda s: s.answer("GET", "/api/v1/report-types", Reply(200, NO_TYPES))),
    "a report type with errors": (
        "report-types",
        lambda s: s.answer("GET", "/api/v1/report-types", Reply(200, {"items": [], "errors": [CATALOG_ERROR]})),
    ),
    "a queue that does not move": (
        "queue",
        lambda s: s.answer(
            "GET", "/api/v1/reports", Reply(200, {"items": [{"createdAt": ago(16)}], "next": None}), Reply(200, NONE)
        ),
    ),
    "dead letters": (
        "dead-letters",
        lambda s: s.answer(
            "GET", "/api/v1/dead-letters", Reply(200, {"items": [{"error": {"code": "store-away"}}], "next": None})
        ),
    ),
    "an endpoint that is gone": (
        "webhooks",
        lambda s: s.answer(
            "GET", "/api/v1/webhook-endpoints", Reply(200, {"items": [endpoint(enabled=False, disabledReason="gone")]})
        ),
    ),
    "a schedule that is blocked": (
        "schedules",
        lambda s: s.answer(
            "GET",
            "/api/v1/schedules",
            Reply(200, {"items": [{"status": "BLOCKED", "name": "a", "statusDetail": "no key"}], "next": None}),
        ),
    ),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_deployment_with_one_problem(server: ScriptedServer, capsys: pytest.CaptureFixture[str], name: str) -> None:
    check, cause_problem = PROBLEMS[name]
    cause_problem(server)
    code, found = run_doctor(capsys)
    assert code == 1
    assert [finding["check"] for finding in found.values() if finding["state"] == "fail"] == [check]
    assert found[check]["fix"]


@pytest.mark.parametrize(
    ("deliveries", "state"),
    [
        ([delivery("FAILED")], "fail"),
        ([delivery("PENDING", attempt(1, 500))], "fail"),
        ([delivery("PENDING", attempt(1, None, "Connection refused"))], "fail"),
        ([delivery("PENDING"), delivery("PENDING", attempt(3, None, "timed out"))], "fail"),
        ([delivery("DELIVERED", attempt(5, 204)), delivery("PENDING", attempt(9, 204), attempt(2, 410))], "fail"),
        ([delivery("PENDING", attempt(1, None))], "ok"),  # in progress
        ([delivery("DELIVERED", attempt(9, 500), attempt(5, 503), attempt(2, 200))], "ok"),
        ([delivery("DELIVERED", attempt(2, 204)), delivery("FAILED", attempt(8, 500))], "ok"),
        ([], "ok"),
    ],
)
def test_an_endpoint_fails_if_its_last_attempt_failed(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str], deliveries: list[dict[str, Any]], state: str
) -> None:
    server.answer("GET", "/api/v1/webhook-endpoints", Reply(200, {"items": [endpoint()]}))
    path = "/api/v1/webhook-endpoints/whe_1/deliveries"
    server.answer("GET", path, Reply(200, {"items": deliveries, "next": None}))
    _, found = run_doctor(capsys)
    assert found["webhooks"]["state"] == state


def test_waiting_reports_are_no_failure_while_others_are_generated(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    waiting = {"items": [{"createdAt": ago(600)}], "next": None}
    server.answer("GET", "/api/v1/reports", Reply(200, waiting), Reply(200, {"items": [{}], "next": None}))
    assert run_doctor(capsys)[0] == 0


def test_a_missing_scope_is_a_warning(server: ScriptedServer, capsys: pytest.CaptureFixture[str]) -> None:
    for path in ("dead-letters", "webhook-endpoints", "schedules"):
        server.answer("GET", f"/api/v1/{path}", problem(403, "scope-missing", "this needs a scope"))
    code, found = run_doctor(capsys)
    assert code == 0
    assert [found[check]["state"] for check in ("dead-letters", "webhooks", "schedules")] == ["warn"] * 3


def test_an_unavailable_database_ends_the_checks(server: ScriptedServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.answer("GET", "/api/v1/me", problem(503, "database-unavailable", "the database can't be reached"))
    code, found = run_doctor(capsys)
    assert code == 1
    assert found["key"]["state"] == "fail"
    assert found["report-types"]["state"] == "skipped"
    assert found["report-types"]["message"] == "Not checked, because key has failed."
    assert server.count("GET", "/api/v1/report-types") == 0


@pytest.mark.parametrize("path", ["/health", "/api/v1/me"])
def test_checks_after_a_required_one_that_failed_are_skipped(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str], path: str
) -> None:
    server.answer("GET", path, problem(401, "credentials-invalid", "the key was revoked"))
    names = [check.__name__.removeprefix("check_").replace("_", "-") for check in deployment.CHECKS]
    broken = "reachable" if path == "/health" else "key"
    code, found = run_doctor(capsys)
    assert code == 1
    assert [name for name in found if found[name]["state"] == "fail"] == [broken]
    later = names[names.index(broken) + 1 :]
    assert [name for name in found if found[name]["state"] == "skipped"] == later
    assert all(broken in found[name]["message"] for name in later)


def test_no_stack_is_up_on_this_machine(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESMA_URL", f"http://localhost:{free_port()}")
    _, found = run_doctor(capsys)
    assert "Start a stack with `resma up`" in found["reachable"]["message"]
    assert {finding["state"] for name, finding in found.items() if name != "reachable"} == {"skipped"}


@pytest.mark.parametrize(("minutes", "state"), [(0, "ok"), (5, "fail"), (-5, "fail")])
def test_a_clock_that_differs(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, minutes: int, state: str
) -> None:
    moved = datetime.now(UTC) + timedelta(minutes=minutes)
    monkeypatch.setattr(deployment, "datetime", SimpleNamespace(now=lambda _zone: moved))
    found = deployment.check_clocks(Deployment(ApiConfig(server.url)))
    assert found is not None
    assert found.state == state


@pytest.mark.parametrize("header", [None, "", "yesterday", "Tue, 99 Nov 2026 10:00:00 GMT"])
def test_an_invalid_date_header_is_ignored(header: str | None) -> None:
    assert read_date(header) is None


def test_a_url_without_tls_fails_except_on_loopback() -> None:
    require_failure(check_tls(Deployment(ApiConfig("http://reports.example"))), "not encrypted")
    assert check_tls(Deployment(ApiConfig("http://localhost:3008"))) is None


def test_the_checked_scopes_are_all_scopes() -> None:
    assert set(deployment.SCOPES) == caller.SCOPES
    assert len(deployment.SCOPES) == len(caller.SCOPES)
