"""`resma doctor` on machines and deployments with something wrong: each check names it, and its fix."""

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
from resma_cli.connection import Place
from resma_cli.doctor import deployment, machine
from resma_cli.doctor.deployment import Deployment, check_tls, read_date
from resma_cli.doctor.finding import Finding, run_checks
from resma_cli.doctor.machine import Machine
from resma_cli.main import main
from tests.support.scripted_server import Reply, ScriptedServer, problem

SCOPES = list(deployment.SCOPES)
NONE: dict[str, Any] = {"items": [], "next": None}


def ago(minutes: float) -> str:
    """A moment of the past, as the API writes it."""
    return (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


# ---------------------------------------------------------------------- this machine


@pytest.fixture
def here(tmp_path: Path) -> Machine:
    """A checkout that is as it should be, and no stack."""
    for name in ("venv", "venv-localstack"):
        (tmp_path / ".resma" / name).mkdir(parents=True)
        (tmp_path / ".resma" / name / ".stamp").touch()
    (tmp_path / "template.yaml").touch()
    (tmp_path / ".resma" / "local").mkdir()
    return Machine(tmp_path, tmp_path / ".resma" / "local", free_port())


def require_failure(found: Finding | None, says: str) -> None:
    """Asserts that a check has found this, and says how to fix it."""
    assert found is not None
    assert found.state == "fail", found
    assert says in found.says
    assert found.fix


def test_a_machine_that_is_well(here: Machine) -> None:
    found = {finding.check: finding for finding in run_checks(machine.CHECKS, here)}
    for check in ("system", "environments", "localhost", "clock", "port"):
        assert found[check].state == "ok", found[check]
    assert (found["stack"].state, found["stack"].says, found["stack"].fix) == ("warn", "no stack is up", "resma up")
    assert all(finding.fix for finding in found.values() if finding.state != "ok")


def test_what_setup_makes_is_missing(here: Machine) -> None:
    (here.state / "venv-localstack" / ".stamp").unlink()
    require_failure(machine.check_environments(here), "venv-localstack")


def test_an_old_python(here: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 1))
    require_failure(machine.check_system(here), "this is Python")


def test_another_system(here: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    require_failure(machine.check_system(here), "darwin")


def test_no_room(here: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2**30))
    require_failure(machine.check_disk(here), "1.0 GiB")


def test_no_memory(here: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "MEMORY_BYTES", 2**60)
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


def test_a_port_that_is_taken(here: Machine) -> None:
    with socket.create_server(("127.0.0.1", here.port)):
        require_failure(machine.check_port(here), str(here.port))


def test_a_command_that_is_under_way(here: Machine) -> None:
    path = here.state / "local.lock"
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = machine.check_lock(here)
        assert found is not None
        assert found.state == "warn"
    assert machine.check_lock(here).state == "ok"  # type: ignore[union-attr]


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"api_url": 1, "aws_url": 2, "postgres_port": 3}'])
def test_a_state_file_that_is_damaged(here: Machine, content: str) -> None:
    (here.stack / "state.json").write_text(content, encoding="ascii")
    require_failure(machine.check_stack(here), "damaged")


def test_a_stack_that_has_died(here: Machine) -> None:
    dead = free_port()
    state = {"api_url": f"http://localhost:{dead}", "aws_url": f"http://localhost:{dead}", "postgres_port": dead}
    (here.stack / "state.json").write_text(json.dumps(state), encoding="ascii")
    require_failure(machine.check_stack(here), "it has died")


def test_processes_that_a_stack_has_left(here: Machine) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], cwd=here.stack, stdin=subprocess.PIPE) as left:
        require_failure(machine.check_stack(here), str(left.pid))
        left.kill()
    assert machine.check_stack(here).state == "warn"


# ---------------------------------------------------------------------- a deployment


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """The command line sets handlers, as befits a process of its own."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    """A deployment that is well, as its API tells."""
    with ScriptedServer() as server:
        monkeypatch.setenv("RESMA_URL", server.url)
        me = {"tenantId": "demo", "tenantName": "Demo", "subject": "key:1", "scopes": SCOPES}
        server.answer("GET", "/health", Reply(200, {"status": "ok"}))
        server.answer("GET", "/api/v1/me", Reply(200, me))
        server.answer("GET", "/api/v1/report-types", Reply(200, {"items": [{"type": "TRANSACTIONS"}]}))
        for path in ("reports", "dead-letters", "webhook-endpoints", "schedules"):
            server.answer("GET", f"/api/v1/{path}", Reply(200, NONE))
        yield server


def look(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and what each check has found."""
    code = main(["doctor", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] == (code == 0)
    return code, {finding["check"]: finding for finding in document["checks"]}


def test_a_deployment_that_is_well(server: ScriptedServer, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = look(capsys)
    assert code == 0
    assert {finding["state"] for finding in found.values()} == {"ok"}
    assert len(found) == len(deployment.CHECKS) - 1, "all but TLS, which loopback has not"


def endpoint(**more: Any) -> dict[str, Any]:
    """A webhook endpoint as the API shows it."""
    return {"id": "whe_1", "enabled": True, "disabledReason": None, **more}


def attempt(minutes: float, status: int | None, error: str | None = None) -> dict[str, Any]:
    """An attempt so long ago."""
    return {"startedAt": ago(minutes), "statusCode": status, "error": error}


def delivery(status: str, *attempts: dict[str, Any]) -> dict[str, Any]:
    """A delivery with its attempts."""
    return {"status": status, "attempts": list(attempts)}


TROUBLES: dict[str, tuple[str, Callable[[ScriptedServer], None]]] = {
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
    "no report types": ("report-types", lambda s: s.answer("GET", "/api/v1/report-types", Reply(200, NONE))),
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


@pytest.mark.parametrize("name", TROUBLES)
def test_a_deployment_with_one_thing_wrong(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    check, break_it = TROUBLES[name]
    break_it(server)
    code, found = look(capsys)
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
        ([delivery("PENDING", attempt(1, None))], "ok"),  # under way
        ([delivery("DELIVERED", attempt(9, 500), attempt(5, 503), attempt(2, 200))], "ok"),
        ([delivery("DELIVERED", attempt(2, 204)), delivery("FAILED", attempt(8, 500))], "ok"),
        ([], "ok"),
    ],
)
def test_an_endpoint_is_judged_by_the_last_attempt_of_all(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str], deliveries: list[dict[str, Any]], state: str
) -> None:
    server.answer("GET", "/api/v1/webhook-endpoints", Reply(200, {"items": [endpoint()]}))
    path = "/api/v1/webhook-endpoints/whe_1/deliveries"
    server.answer("GET", path, Reply(200, {"items": deliveries, "next": None}))
    _, found = look(capsys)
    assert found["webhooks"]["state"] == state


def test_reports_that_wait_while_others_are_made_are_no_failure(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    waiting = {"items": [{"createdAt": ago(600)}], "next": None}
    server.answer("GET", "/api/v1/reports", Reply(200, waiting), Reply(200, {"items": [{}], "next": None}))
    assert look(capsys)[0] == 0


def test_what_the_key_may_not_see_is_a_note(server: ScriptedServer, capsys: pytest.CaptureFixture[str]) -> None:
    for path in ("dead-letters", "webhook-endpoints", "schedules"):
        server.answer("GET", f"/api/v1/{path}", problem(403, "scope-missing", "this needs a scope"))
    code, found = look(capsys)
    assert code == 0
    assert [found[check]["state"] for check in ("dead-letters", "webhooks", "schedules")] == ["warn"] * 3


def test_when_the_database_is_away_it_asks_no_further(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answer("GET", "/api/v1/me", problem(503, "database-unavailable", "the database can't be reached"))
    code, found = look(capsys)
    assert code == 1
    assert found["key"]["state"] == "fail"
    assert found["report-types"]["state"] == "skipped"
    assert found["report-types"]["says"] == "not checked, because key has failed"
    assert server.count("GET", "/api/v1/report-types") == 0


@pytest.mark.parametrize("path", ["/health", "/api/v1/me"])
def test_what_depends_on_a_failure_is_skipped_and_told_once(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str], path: str
) -> None:
    server.answer("GET", path, problem(401, "credentials-invalid", "the key was revoked"))
    names = [check.__name__.removeprefix("check_").replace("_", "-") for check in deployment.CHECKS]
    broken = "reachable" if path == "/health" else "key"
    code, found = look(capsys)
    assert code == 1
    assert [name for name in found if found[name]["state"] == "fail"] == [broken]
    later = names[names.index(broken) + 1 :]
    assert [name for name in found if found[name]["state"] == "skipped"] == later
    assert all(broken in found[name]["says"] for name in later)


def test_nothing_answers_at_this_machines_own_address(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESMA_URL", f"http://localhost:{free_port()}")
    _, found = look(capsys)
    assert "No stack is up there; `resma up` starts one" in found["reachable"]["says"]
    assert {finding["state"] for name, finding in found.items() if name != "reachable"} == {"skipped"}


@pytest.mark.parametrize(("minutes", "state"), [(0, "ok"), (5, "fail"), (-5, "fail")])
def test_a_clock_that_differs(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, minutes: int, state: str
) -> None:
    moved = datetime.now(UTC) + timedelta(minutes=minutes)
    monkeypatch.setattr(deployment, "datetime", SimpleNamespace(now=lambda _zone: moved))
    found = deployment.check_clocks(Deployment(Place(server.url)))
    assert found is not None
    assert found.state == state


@pytest.mark.parametrize("header", [None, "", "yesterday", "Tue, 99 Nov 2026 10:00:00 GMT"])
def test_a_date_that_is_none(header: str | None) -> None:
    assert read_date(header) is None


def test_a_url_without_tls_fails_but_on_loopback() -> None:
    require_failure(check_tls(Deployment(Place("http://reports.example"))), "not encrypted")
    assert check_tls(Deployment(Place("http://localhost:3008"))) is None


def test_the_scopes_that_are_looked_for_are_those_that_there_are() -> None:
    assert set(deployment.SCOPES) == caller.SCOPES
    assert len(deployment.SCOPES) == len(caller.SCOPES)
