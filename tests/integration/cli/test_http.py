"""The command line over HTTP: exit codes, retries, and complete files."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from infra.paths import ROOT
from resma_cli import api_client, connection, files, progress, stream
from resma_cli.main import main
from resma_cli.target import OutputTarget
from tests.support.eventually import PATIENCE_SECONDS, eventually
from tests.support.scripted_server import Reply, ScriptedServer, problem

CHECKOUT = {"PYTHONPATH": f"{ROOT / 'infra' / 'cli'}:{ROOT}"}
"""Environment in which a separate process can import the command line."""
ID = "840edab4-930d-475e-b6a2-bb69c18a6792"
REPORT = f"/api/v1/reports/{ID}"
GENERATE = "/api/v1/reports/generate"
SCHEDULE = "sch_0f9e2d4c6b8a40c2a1e3f5d7b9c8e6a4"
ENDPOINT = "whe_0f9e2d4c6b8a40c2a1e3f5d7b9c8e6a4"
CONTENT = bytes(range(256)) * 64
GOOD_NAME = {"Content-Disposition": 'attachment; filename="transactions.csv"'}
AUTHENTICATE = {"WWW-Authenticate": "Bearer"}


def view(status: str = "READY", **more: Any) -> dict[str, Any]:
    """Returns a report as the API shows it."""
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    file = {"format": "CSV", "mediaType": "text/csv", "bytes": len(CONTENT), "sha256": sha256, "download": "…"}
    is_ready = status == "READY"
    return {
        "id": ID,
        "type": "TRANSACTIONS",
        "format": "CSV",
        "formats": ["CSV"],
        "filters": {},
        "title": None,
        "status": status,
        "progress": {"rowsDone": 7 if is_ready else 0, "rowsExpected": 7 if is_ready else None, "percent": None},
        "attempt": 1,
        "continuations": 0,
        "createdAt": "2026-11-24T10:00:00Z",
        "finishedAt": None,
        "asOf": None,
        "rows": 7 if is_ready else None,
        "files": [file] if is_ready else None,
        "totals": None,
        "balance": None,
        "maskedColumns": [],
        "metrics": {"rowsPerSecond": 1000} if is_ready else None,
        "error": None,
        **more,
    }


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScriptedServer]:
    """A server whose URL and key are in the environment."""
    with ScriptedServer() as server:
        monkeypatch.setenv("RESMA_URL", server.url)
        monkeypatch.setenv("RESMA_KEY", "rsm_test_key")
        monkeypatch.setenv("RESMA_CONFIG", str(tmp_path_factory.mktemp("config") / "config.ini"))
        yield server


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Restores the signal handlers, which the command line sets."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Records pauses instead of making them."""
    made: list[float] = []
    for module in (api_client, progress, files, stream):
        monkeypatch.setattr(module, "sleep", made.append)
    return made


@pytest.mark.parametrize(
    ("reply", "exit_code"),
    [
        (Reply(200, {"items": [], "next": None}), 0),
        (problem(500, "internal", "something went wrong here"), 1),
        (problem(409, "report-finished", "it has ended"), 1),
        (problem(400, "malformed", "no JSON"), 2),
        (problem(422, "invalid", "wrong"), 2),
        (problem(503, "database-unavailable", "the database can't be reached"), 3),
        (Reply(502, b"<html>"), 3),
        (Reply(200, b"<html>", {"Content-Type": "text/html"}), 3),
        (Reply(302, None, {"Location": "http://127.0.0.1:1/"}), 3),
        (problem(401, "credentials-invalid", "there is no such key"), 4),
        (problem(403, "scope-missing", "Your key or token lacks the scope reports:read."), 4),
        (Reply(403, {"message": "Missing Authentication Token"}), 4),
        (problem(404, "report-not-found", "there is no report"), 5),
        (problem(410, "report-expired", "its file's time is over"), 5),
        (problem(429, "rows-quota-exceeded", "the rows of today are used up"), 6),
        (Reply(429, {"message": "Too Many Requests"}), 6),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Reply) else str(value),
)
def test_exit_codes(server: ScriptedServer, capsys: pytest.CaptureFixture[str], reply: Reply, exit_code: int) -> None:
    server.answer("GET", "/api/v1/reports", reply)
    assert main(["list", "--json"]) == exit_code
    output = capsys.readouterr()
    document = json.loads(output.out)
    if exit_code:
        assert document["error"]["exitCode"] == exit_code
        assert output.err.startswith("resma: ")
        assert "Traceback" not in output.err
        assert "rsm_test_key" not in output.err + output.out


@pytest.mark.parametrize(
    ("caller", "name", "expected"),
    [("key:abc", "month end", "month end (key:abc)"), ("loopback", None, "loopback"), (None, None, None)],
)
def test_the_requester_is_shown(
    server: ScriptedServer,
    capsys: pytest.CaptureFixture[str],
    caller: str | None,
    name: str | None,
    expected: str | None,
) -> None:
    server.answer("GET", REPORT, Reply(200, view("READY", requestedBy=caller, requestedByName=name)))
    assert main(["show", ID]) == 0
    lines = [line.split(None, 2) for line in capsys.readouterr().out.splitlines()]
    assert [line[2] for line in lines if line[:2] == ["requested", "by"]] == ([expected] if expected else [])


DELETION = {
    "id": ID,
    "type": "TRANSACTIONS",
    "createdAt": "2026-11-24T10:00:00Z",
    "deletedAt": "2026-11-30T10:00:00Z",
    "deletedBy": "key:abc",
    "filesRemovedAt": None,
}


def test_deleting_a_report_requires_confirmation(server: ScriptedServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.answer("DELETE", REPORT, Reply(200, DELETION))
    assert main(["delete", ID]) == 2, "no terminal is attached"
    assert "--yes" in capsys.readouterr().err
    assert server.count("DELETE", REPORT) == 0
    assert main(["delete", ID, "--yes"]) == 0
    assert server.count("DELETE", REPORT) == 1
    assert "2026-11-30 10:00:00 UTC" in capsys.readouterr().out
    assert main(["delete", ID, "--yes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == DELETION


@pytest.mark.parametrize(("answer", "exit_code", "deletions"), [("y\n", 0, 1), ("\n", 1, 0), ("", 1, 0)])
def test_deleting_prompts_on_a_terminal(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, answer: str, exit_code: int, deletions: int
) -> None:
    server.answer("DELETE", REPORT, Reply(200, DELETION))
    ours, theirs = pty.openpty()
    with (
        os.fdopen(ours, "wb", 0) as user,
        os.fdopen(theirs) as standard_input,
        os.fdopen(os.dup(theirs), "w") as standard_error,
    ):
        user.write(answer.encode() or b"\x04")
        monkeypatch.setattr("sys.stdin", standard_input)
        monkeypatch.setattr("sys.stderr", standard_error)
        assert main(["delete", ID]) == exit_code
    assert server.count("DELETE", REPORT) == deletions


@pytest.mark.parametrize(("status", "heading"), [("READY", "files kept until"), ("EXPIRED", "files deleted")])
def test_the_expiry_of_files_is_shown(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str], status: str, heading: str
) -> None:
    server.answer("GET", REPORT, Reply(200, view(status, expiresAt="2026-12-24T10:00:01.5Z")))
    assert main(["show", ID]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith(heading)]
    assert line.split(None, len(heading.split()))[-1] == "2026-12-24 10:00:01 UTC"


def test_encrypted_files_have_both_hashes(server: ScriptedServer, capsys: pytest.CaptureFixture[str]) -> None:
    (file,) = view()["files"]
    server.answer("GET", REPORT, Reply(200, view(files=[{**file, "plainSha256": "b" * 64}])))
    assert main(["show", ID]) == 0
    assert f"SHA-256 {file['sha256']}, before encryption {'b' * 64}" in " ".join(capsys.readouterr().out.split())


def test_an_unreachable_api(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESMA_URL", "http://127.0.0.1:1")
    assert main(["list"]) == 3
    assert (
        "Nothing answers at http://127.0.0.1:1 (Connection refused). Start a stack with `resma up`."
        in capsys.readouterr().err
    )
    monkeypatch.setenv("RESMA_URL", "https://reports.invalid")
    assert main(["list"]) == 3
    assert "https://reports.invalid can't be reached" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["list", "--nonsense"], ["nonsense"], ["show"], ["generate", "A", "--filter", "x"]]
)
def test_usage_errors(server: ScriptedServer, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert main([*arguments, "--json"]) == 2
    output = capsys.readouterr()
    assert json.loads(output.out)["error"]["exitCode"] == 2
    assert len(output.err.splitlines()) == 1
    assert server.requests == []


def test_field_errors_are_printed_with_pointers(server: ScriptedServer, capsys: pytest.CaptureFixture[str]) -> None:
    field_errors = [{"pointer": "/filters/from", "detail": "It must be a date in the form YYYY-MM-DD."}]
    server.answer("POST", GENERATE, problem(422, "request-invalid", "one filter can't be used", errors=field_errors))
    server.answer("GET", "/api/v1/report-types", Reply(200, {"items": [], "errors": []}))
    assert main(["generate", "TRANSACTIONS", "--filter", "from=x"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "resma: one filter can't be used",
        "  /filters/from: It must be a date in the form YYYY-MM-DD.",
    ]


def test_a_single_field_error_is_printed_once(server: ScriptedServer, capsys: pytest.CaptureFixture[str]) -> None:
    field_errors = [{"pointer": "/format", "detail": "It must be one of PDF, CSV."}]
    detail = "One part of the request is not valid: /format: It must be one of PDF, CSV."
    server.answer("POST", GENERATE, problem(422, "request-invalid", detail, errors=field_errors))
    assert main(["generate", "TRANSACTIONS", "--json"]) == 2
    output = capsys.readouterr()
    assert output.err.splitlines() == [f"resma: {detail}"]
    assert json.loads(output.out)["error"]["errors"] == field_errors, "the JSON document has it as a field error too"


def test_requests_in_messages_are_replaced_by_commands(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    field_errors = [
        {"pointer": "/formats/0", "detail": "It must be one of PDF, CSV."},
        {"pointer": "/locale", "detail": "It is unknown."},
    ]
    reply = problem(422, "request-invalid", "2 parts of the request are not valid: see `errors`.", errors=field_errors)
    server.answer("POST", GENERATE, reply)
    server.answer("GET", REPORT, problem(404, "report-not-found", "It does not exist: GET /api/v1/reports lists yours"))
    assert main(["generate", "TRANSACTIONS"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "resma: 2 parts of the request are not valid",
        "  /formats/0: It must be one of PDF, CSV.",
        "  /locale: It is unknown.",
    ]
    assert main(["show", ID, "--json"]) == 5
    document = json.loads(capsys.readouterr().out)
    assert document["error"]["detail"] == "It does not exist: `resma list` lists yours"
    assert document["problem"]["detail"] == "It does not exist: GET /api/v1/reports lists yours", "unchanged"


def test_a_key_of_the_environment_is_sent_to_the_running_stack(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """If the stack does not know the key, the message says why."""
    monkeypatch.delenv("RESMA_URL")
    monkeypatch.setattr(connection, "ROOT", tmp_path)
    monkeypatch.delenv("RESMA_STACK", raising=False)
    (tmp_path / ".resma" / "local").mkdir(parents=True)
    state = json.dumps({"api_url": server.url})
    (tmp_path / ".resma" / "local" / "state.json").write_text(state, encoding="ascii")
    server.answer("GET", "/api/v1/reports", problem(401, "credentials-invalid", "there is no such key"))
    assert main(["list"]) == 4
    assert server.requests[0].headers["authorization"] == "Bearer rsm_test_key"
    assert "unset RESMA_KEY to call it without one" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "zone"),
    [
        (["--schedule-time-zone", "Asia/Tokyo"], "Asia/Tokyo"),
        (["--time-zone", "Asia/Tokyo"], "Asia/Tokyo"),
        (["--time-zone", "Asia/Tokyo", "--schedule-time-zone", "Europe/Lisbon"], "Europe/Lisbon"),
        ([], None),
    ],
)
@pytest.mark.parametrize("command", [["preview"], ["create", "Monthly", "TRANSACTIONS"]])
def test_previewing_and_creating_a_schedule_use_the_same_time_zone(
    server: ScriptedServer, command: list[str], arguments: list[str], zone: str | None
) -> None:
    main(["schedule", *command, "--when", "monthly", *arguments])
    (asked,) = [one for one in server.requests if one.method == "POST"]
    assert json.loads(asked.body).get("timeZone") == zone


@pytest.mark.parametrize(
    ("fields", "is_shown"),
    [
        ({"ownerExpiresAt": "2031-01-01T00:00:00Z"}, True),
        ({"ownerExpiresAt": None}, False),
        ({}, False),  # an older API
    ],
)
def test_the_expiry_of_the_owners_rights_is_shown(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str], fields: dict[str, Any], is_shown: bool
) -> None:
    names = ("name", "status", "statusDetail", "when", "timeZone", "period", "owner", "nextRunAt", "lastRun")
    schedule = {
        **dict.fromkeys(names),
        "id": SCHEDULE,
        "timeZone": "UTC",
        "when": "daily",
        "request": {"type": "TRANSACTIONS"},
        **fields,
    }
    server.answer("GET", f"/api/v1/schedules/{SCHEDULE}", Reply(content=schedule))
    assert main(["schedule", "show", SCHEDULE]) == 0
    assert ("2031-01-01 00:00:00 UTC" in capsys.readouterr().out) == is_shown


def test_a_retry_has_the_same_idempotency_key(
    server: ScriptedServer, pauses: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    busy = Reply(503, problem(503, "database-busy", "busy").content, {"Retry-After": "3"})
    server.answer("POST", GENERATE, busy, Reply(429, {}, {"Retry-After": "2"}), Reply(202, view("PENDING")))
    assert main(["generate", "TRANSACTIONS"]) == 0
    assert pauses == [3, 2]
    keys = {asked.headers["idempotency-key"] for asked in server.requests}
    assert (len(server.requests), len(keys)) == (3, 1)
    assert {asked.headers["authorization"] for asked in server.requests} == {"Bearer rsm_test_key"}


def test_a_request_that_may_have_had_an_effect_is_not_retried(server: ScriptedServer) -> None:
    server.answer("POST", "/api/v1/webhook-endpoints", problem(503, "database-busy", "busy"))
    assert main(["webhook", "create", "https://hooks.example"]) == 3
    assert len(server.requests) == 1
    assert "idempotency-key" in server.requests[0].headers


def test_a_long_wait_for_a_quota_is_an_error(
    server: ScriptedServer, pauses: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    full = problem(429, "rows-quota-exceeded", "the rows of today are used up").content
    server.answer("POST", GENERATE, Reply(429, full, {"Retry-After": "7200"}))
    assert main(["generate", "TRANSACTIONS"]) == 6
    assert pauses == []
    assert "the rows of today are used up (in 2 h)." in capsys.readouterr().err


def test_the_next_page_is_requested_at_the_same_host(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = "https://elsewhere.example/prod/api/v1/reports?cursor=abc"
    server.answer(
        "GET",
        "/api/v1/reports",
        Reply(200, {"items": [view()], "next": elsewhere}),
        Reply(200, {"items": [view()], "next": None}),
    )
    assert main(["list", "--all", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["items"]) == 2
    assert server.requests[1].path == "/api/v1/reports?cursor=abc"


# ---------------------------------------------------------------------- files


@pytest.fixture
def report(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ScriptedServer:
    """A server with a READY report whose file is in a store. The current folder is empty."""
    server.answer("GET", REPORT, Reply(200, view()))
    server.answer("GET", f"{REPORT}/download", Reply(303, None, {"Location": f"{server.url}/store?signature=1"}))
    server.answer("GET", "/store", Reply(200, CONTENT, GOOD_NAME))
    monkeypatch.chdir(tmp_path)
    return server


def test_a_file_is_saved_with_the_servers_name(report: ScriptedServer, tmp_path: Path) -> None:
    assert main(["download", ID]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["transactions.csv"]
    assert (tmp_path / "transactions.csv").read_bytes() == CONTENT


def test_the_key_is_never_sent_to_the_store(report: ScriptedServer) -> None:
    assert main(["download", ID, "--output", "a.csv"]) == 0
    stored = [request for request in report.requests if request.path.startswith("/store")]
    assert stored
    assert all("rsm_test_key" not in str(request) for request in stored)
    assert all("authorization" not in request.headers for request in stored)


@pytest.mark.parametrize("name", ["../evil.csv", "/tmp/evil.csv", ".bashrc", "a\\b", "", "é.csv"])
def test_a_file_name_with_a_path_is_not_used(report: ScriptedServer, tmp_path: Path, name: str) -> None:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    report.answer("GET", "/store", Reply(200, CONTENT, headers))
    assert main(["download", ID]) == 0
    assert [path.name for path in tmp_path.iterdir()] == [f"{ID}.csv"]


def test_a_broken_download_is_resumed(report: ScriptedServer, tmp_path: Path) -> None:
    report.answer("GET", "/store", Reply(200, CONTENT, cut=10_000), Reply(206, CONTENT, cut=1000), Reply(206, CONTENT))
    assert main(["download", ID, "--output", "a.csv"]) == 0
    assert (tmp_path / "a.csv").read_bytes() == CONTENT
    stored = [asked.headers.get("range") for asked in report.requests if asked.path.startswith("/store")]
    assert stored == [None, f"bytes={len(CONTENT) - 10_000}-", f"bytes={len(CONTENT) - 1000}-"]
    assert report.count("GET", f"{REPORT}/download") == 3, "each attempt requests a new URL"


def test_an_interrupted_download_is_resumed_by_the_next_command(
    report: ScriptedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rejected = [Reply(403, b"expired")]
    report.answer("GET", "/store", Reply(200, CONTENT, cut=10_000), *rejected)
    assert main(["download", ID, "--output", "a.csv"]) == 3
    assert f"`resma download {ID}` resumes it" in capsys.readouterr().err
    assert not (tmp_path / "a.csv").exists()
    report.answer("GET", "/store", Reply(206, CONTENT))
    assert main(["download", ID, "--output", "a.csv"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert (tmp_path / "a.csv").read_bytes() == CONTENT
    assert report.requests[-1].headers["range"] == f"bytes={len(CONTENT) - 10_000}-"


def test_a_store_without_ranges_sends_the_whole_file_again(report: ScriptedServer, tmp_path: Path) -> None:
    report.answer("GET", "/store", Reply(200, CONTENT, cut=10_000), Reply(200, CONTENT))
    assert main(["download", ID, "--output", "a.csv"]) == 0
    assert (tmp_path / "a.csv").read_bytes() == CONTENT


def part_of(folder: Path) -> Path:
    """Returns the path of the partial file of a.csv."""
    return folder / f"a.csv.{hashlib.sha256(CONTENT).hexdigest()[:12]}.part"


def test_a_partial_file_with_wrong_content_is_downloaded_again(report: ScriptedServer, tmp_path: Path) -> None:
    part_of(tmp_path).write_bytes(b"other content")
    report.answer("GET", "/store", Reply(206, CONTENT), Reply(200, CONTENT))
    assert main(["download", ID, "--output", "a.csv"]) == 0
    assert (tmp_path / "a.csv").read_bytes() == CONTENT


@pytest.mark.parametrize("content", [CONTENT[:-1] + b"!", CONTENT + b"more"], ids=["other", "longer"])
def test_a_file_with_a_wrong_sha256_is_not_saved(
    report: ScriptedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    report.answer("GET", "/store", Reply(200, content))
    assert main(["download", ID, "--output", "a.csv", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "content-wrong"
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_kept_without_overwrite(report: ScriptedServer, tmp_path: Path) -> None:
    (tmp_path / "transactions.csv").write_text("mine", encoding="ascii")
    assert main(["download", ID]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["transactions.csv"]
    assert (tmp_path / "transactions.csv").read_text(encoding="ascii") == "mine"
    assert main(["download", ID, "--overwrite"]) == 0
    assert (tmp_path / "transactions.csv").read_bytes() == CONTENT


def test_concurrent_downloads_of_a_file_exclude_each_other(report: ScriptedServer, tmp_path: Path) -> None:
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    with files._part(tmp_path / "a.csv", sha256, OutputTarget(str(tmp_path / "a.csv"))) as part:
        assert main(["download", ID, "--output", "a.csv"]) == 1
        part.write(CONTENT)
    assert (tmp_path / "a.csv").read_bytes() == CONTENT


def test_an_empty_file_is_saved(report: ScriptedServer, tmp_path: Path) -> None:
    empty = {"format": "NDJSON", "bytes": 0, "sha256": hashlib.sha256(b"").hexdigest()}
    report.answer("GET", REPORT, Reply(200, view(files=[empty])))
    report.answer("GET", "/store", Reply(200, b"", GOOD_NAME))
    assert main(["download", ID]) == 0
    assert (tmp_path / "transactions.csv").read_bytes() == b""


def test_a_file_that_exceeds_the_free_space(
    report: ScriptedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    huge = {"format": "CSV", "bytes": 2**62, "sha256": "0" * 64}
    report.answer("GET", REPORT, Reply(200, view(files=[huge])))
    assert main(["download", ID, "--output", "a.csv"]) == 1
    assert "Free some space" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------------- standard output and folders


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Runs the command line as a separate process whose standard output is a pipe."""
    command = [sys.executable, "-P", "-m", "resma_cli", *arguments]
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **CHECKOUT}, capture_output=True, check=False, timeout=PATIENCE_SECONDS
    )


@pytest.mark.parametrize("output", ["-", "/dev/stdout"])
@pytest.mark.parametrize("command", [["download", ID], ["generate", "TRANSACTIONS"], ["retry", ID]])
def test_standard_output_contains_only_the_file(
    report: ScriptedServer, tmp_path: Path, command: list[str], output: str
) -> None:
    report.answer("POST", GENERATE, Reply(202, view("PENDING")))
    report.answer("POST", f"{REPORT}/retry", Reply(202, view("PENDING")))
    done = run(*command, "--output", output, folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, CONTENT), done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_broken_stream_is_resumed_without_duplicate_bytes(report: ScriptedServer, tmp_path: Path) -> None:
    report.answer("GET", "/store", Reply(200, CONTENT, cut=10_000), Reply(200, CONTENT, cut=5000), Reply(206, CONTENT))
    done = run("download", ID, "-o", "-", folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, CONTENT), (
        "even if the store ignores the range and sends the whole file"
    )


@pytest.mark.parametrize("content", [CONTENT[:-1] + b"!", CONTENT + b"more"], ids=["other", "longer"])
def test_a_stream_with_a_wrong_sha256_is_an_error(report: ScriptedServer, tmp_path: Path, content: bytes) -> None:
    report.answer("GET", "/store", Reply(200, content))
    done = run("download", ID, "-o", "-", folder=tmp_path)
    assert (done.returncode, b"must not be used" in done.stderr) == (1, True), done.stderr


def test_a_named_pipe_is_written_to(report: ScriptedServer, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE) as reader:
        done = run("download", ID, "-o", "pipe", folder=tmp_path)
        assert reader.communicate(timeout=PATIENCE_SECONDS)[0] == CONTENT
    assert done.returncode == 0, done.stderr


def test_a_reader_that_ends_early_causes_no_message(report: ScriptedServer, tmp_path: Path) -> None:
    large = bytes(1 << 20)
    file = {"format": "CSV", "bytes": len(large), "sha256": hashlib.sha256(large).hexdigest()}
    report.answer("GET", REPORT, Reply(200, view(files=[file])))
    report.answer("GET", "/store", Reply(200, large))
    program = f"{sys.executable} -m resma_cli -q download {ID} -o - | head -c 1 > /dev/null; exit ${{PIPESTATUS[0]}}"
    for unbuffered in ("", "1"):  # an unbuffered stream may write only a part
        environment = {**os.environ, **CHECKOUT, "PYTHONUNBUFFERED": unbuffered}
        done = subprocess.run(
            ["bash", "-c", program],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )
        assert (done.returncode, done.stderr) == (141, b"")


def test_a_json_document_and_a_file_must_not_share_standard_output(
    report: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["download", ID, "-o", "-", "--json"]) == 2
    assert report.requests == []


def test_a_folder_that_does_not_exist_is_created(report: ScriptedServer, tmp_path: Path) -> None:
    report.answer("POST", GENERATE, Reply(202, view("PENDING")))
    assert main(["generate", "TRANSACTIONS", "--output", "reports/new/"]) == 0
    assert [path.name for path in (tmp_path / "reports" / "new").iterdir()] == ["transactions.csv"]


def test_quiet_prints_only_results(report: ScriptedServer, capsys: pytest.CaptureFixture[str]) -> None:
    report.answer("POST", GENERATE, Reply(202, view("PENDING")))
    assert main(["--quiet", "generate", "TRANSACTIONS", "--wait"]) == 0
    output = capsys.readouterr()
    assert (output.err, "id " in output.out) == ("", True)


# ---------------------------------------------------------------------- options before a command, ids, confirmation


def test_options_before_the_command_apply_to_it(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESMA_URL", "http://127.0.0.1:1")
    server.answer("GET", "/api/v1/reports", Reply(200, {"items": [], "next": None}))
    assert main(["--url", server.url, "--json", "list"]) == 0
    assert json.loads(capsys.readouterr().out) == {"items": [], "next": None}
    assert main(["--url", "http://127.0.0.1:1", "list", "--url", server.url]) == 0, (
        "the option after the command takes precedence"
    )


@pytest.mark.parametrize(
    ("found", "code"), [([ID], 0), ([], 5), ([ID, ID[:-1] + "3"], 2), (["4d58dace-930d-475e-b6a2-bb69c18a6792"], 5)]
)
def test_a_report_is_found_by_the_start_of_its_id(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str], found: list[str], code: int
) -> None:
    server.answer("GET", "/api/v1/reports", Reply(200, {"items": [view(id=one) for one in found], "next": None}))
    server.answer("GET", REPORT, Reply(200, view()))
    assert main(["show", "840EDAB4"]) == code
    assert server.requests[0].path == "/api/v1/reports?idPrefix=840EDAB4&limit=2"
    assert server.count("GET", REPORT) == (code == 0)


@pytest.mark.parametrize("text", ["840", "nope", "840edab4/", "..", "sch_840edab4"])
def test_an_invalid_id_causes_no_request(server: ScriptedServer, text: str) -> None:
    assert main(["show", text]) == 5
    assert server.requests == []


@pytest.mark.parametrize("text", ["sch_0f9e2d4c", "0f9e", SCHEDULE])
def test_a_schedule_is_found_by_the_start_of_its_id(server: ScriptedServer, text: str) -> None:
    other = "sch_1" + SCHEDULE[5:]
    server.answer("GET", "/api/v1/schedules", Reply(200, {"items": [{"id": SCHEDULE}, {"id": other}], "next": None}))
    server.answer("DELETE", f"/api/v1/schedules/{SCHEDULE}", Reply(204, None))
    assert main(["schedule", "delete", text, "--yes"]) == 0
    assert server.count("DELETE", f"/api/v1/schedules/{SCHEDULE}") == 1


@pytest.mark.parametrize(
    "command", [["schedule", "delete", SCHEDULE], ["webhook", "delete", ENDPOINT], ["key", "revoke", "3JHx0Q"]]
)
def test_deleting_and_revoking_require_confirmation(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    assert main([*command, "--json"]) == 2
    assert server.requests == []
    assert "--yes" in json.loads(capsys.readouterr().out)["error"]["detail"]


# ---------------------------------------------------------------------- profiles

ME = {"tenantId": "demo", "tenantName": "Demo Bank", "subject": "key:abc", "scopes": ["reports:read"]}


def test_a_key_from_standard_input_is_checked_saved_and_used(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answer("GET", "/api/v1/me", Reply(200, ME))
    server.answer("GET", "/api/v1/reports", Reply(200, {"items": [], "next": None}))
    monkeypatch.setattr(sys, "stdin", StringIO("rsm_new_key\n"))
    assert main(["login", server.url, "--profile", "test"]) == 0
    monkeypatch.delenv("RESMA_URL")
    assert main(["list", "--profile", "test"]) == 0
    assert main(["whoami", "--profile", "test"]) == 0
    assert main(["profile", "list"]) == 0
    assert {asked.headers["authorization"] for asked in server.requests} == {"Bearer rsm_new_key"}
    output = capsys.readouterr()
    assert "rsm_new_key" not in output.out + output.err
    assert main(["logout", "--profile", "test"]) == 0
    assert main(["list", "--profile", "test"]) == 2


def test_a_rejected_key_is_not_saved(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answer("GET", "/api/v1/me", problem(401, "credentials-invalid", "there is no such key"))
    monkeypatch.setattr(sys, "stdin", StringIO("rsm_bad_key\n"))
    assert main(["login", server.url]) == 4
    assert not Path(os.environ["RESMA_CONFIG"]).exists()


def test_the_prompt_for_a_key_does_not_show_it(server: ScriptedServer) -> None:
    server.answer("GET", "/api/v1/me", Reply(200, ME))
    process, terminal = pty.fork()
    if process == 0:
        os.execve(sys.executable, [sys.executable, "-m", "resma_cli", "login"], {**os.environ, **CHECKOUT})
    shown = b""
    for question, answer in ((b"URL of the API: ", server.url), (b"API key (not shown): ", "rsm_typed_key")):
        while question not in shown:
            shown += os.read(terminal, 10_000)
        os.write(terminal, f"{answer}\n".encode())
    with contextlib.suppress(OSError):  # Linux raises it when the terminal is closed
        while more := os.read(terminal, 10_000):
            shown += more
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0, shown
    assert b"rsm_typed_key" not in shown
    assert server.requests[0].headers["authorization"] == "Bearer rsm_typed_key"


# ---------------------------------------------------------------------- waiting


def test_waiting_shows_progress_and_saves_the_file(
    report: ScriptedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    waiting = view("PENDING")
    waiting["progress"] |= {"queuePosition": 3, "stage": "waiting", "etaSeconds": None}
    report.answer("POST", GENERATE, Reply(202, waiting))
    report.answer("GET", REPORT, Reply(200, view("GENERATING")), Reply(200, view()))
    assert main(["generate", "transactions", "--wait", "--json"]) == 0
    output = capsys.readouterr()
    document = json.loads(output.out)
    (saved,) = document["saved"]
    assert hashlib.sha256((tmp_path / saved["path"]).read_bytes()).hexdigest() == saved["sha256"]
    assert document["id"] == ID
    assert "PENDING: 0 rows, 3 ahead in the queue, waiting" in output.err
    assert "READY: 7 of 7 rows" in output.err


FAILED_FILE = {
    "format": "XLSX",
    "code": "format-limit-exceeded",
    "detail": "The text is too long.",
    "column": "a",
    "row": 2,
}


@pytest.mark.parametrize("command", [["generate", "TRANSACTIONS", "--wait"], ["download", ID]])
def test_the_other_files_are_saved_if_a_format_failed(
    report: ScriptedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    report.answer("POST", GENERATE, Reply(202, view("PENDING")))
    report.answer("GET", REPORT, Reply(200, view(formats=["CSV", "XLSX"], failedFiles=[FAILED_FILE])))
    assert main([*command, "--json"]) == 1
    output = capsys.readouterr()
    document = json.loads(output.out)
    assert document["error"]["code"] == "files-failed"
    assert "The XLSX of report" in output.err
    assert "The text is too long." in output.err
    (saved,) = document["saved"]
    assert (tmp_path / saved["path"]).read_bytes() == CONTENT


def test_a_file_is_downloaded_by_its_format_if_another_failed(report: ScriptedServer, tmp_path: Path) -> None:
    report.answer("GET", REPORT, Reply(200, view(formats=["CSV", "XLSX"], failedFiles=[FAILED_FILE])))
    assert main(["download", ID, "--format", "csv"]) == 0
    assert main(["download", ID, "--format", "xlsx"]) == 5
    assert [path.name for path in tmp_path.iterdir()] == ["transactions.csv"]


OTHER = "4d58dace-42f0-4e2b-8000-000000000000"


def test_several_reports_are_downloaded_into_a_folder(
    report: ScriptedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    second = {**view(id=OTHER), "failedFiles": [FAILED_FILE]}
    name = {"Content-Disposition": 'attachment; filename="other.csv"'}
    report.answer("GET", f"/api/v1/reports/{OTHER}", Reply(200, view(id=OTHER)))
    report.answer(
        "GET", f"/api/v1/reports/{OTHER}/download", Reply(303, None, {"Location": f"{report.url}/other?signature=1"})
    )
    report.answer("GET", "/other", Reply(200, CONTENT, name))
    assert main(["download", OTHER, ID, ID, "--output", "new/", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["reports"]
    assert [one["reportId"] for one in found] == [OTHER, ID]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["other.csv", "transactions.csv"]
    report.answer("GET", f"/api/v1/reports/{OTHER}", Reply(200, second))
    assert main(["download", OTHER, ID, "--output", "again/"]) == 1
    assert len(list((tmp_path / "again").iterdir())) == 2, "the files of the other report are saved"


@pytest.mark.parametrize(
    ("status", "output", "code"), [("GENERATING", "new/", 1), ("READY", "a.csv", 2), ("READY", "-", 2)]
)
def test_several_reports_are_checked_before_the_first_file(
    report: ScriptedServer, tmp_path: Path, status: str, output: str, code: int
) -> None:
    report.answer("GET", f"/api/v1/reports/{OTHER}", Reply(200, view(status, id=OTHER)))
    assert main(["download", ID, OTHER, "--output", output]) == code
    assert report.count("GET", "/store") == 0
    assert list(tmp_path.iterdir()) == []


def test_failed_files_and_warnings_are_shown(server: ScriptedServer, capsys: pytest.CaptureFixture[str]) -> None:
    warning = {"code": "no-rows", "detail": "No rows match the filters.", "format": None}
    totals: dict[str, Any] = {
        "totals": [{"currency": "EUR", "amounts": {"charged": "1.50"}, "rows": 7}],
        "totalsOmitted": 1234,
    }
    server.answer("GET", REPORT, Reply(200, view(failedFiles=[FAILED_FILE], warnings=[warning], **totals)))
    assert main(["show", ID]) == 0
    output = capsys.readouterr().out
    assert "XLSX failed: format-limit-exceeded, The text is too long." in output
    assert "warning: no-rows: No rows match the filters." in output
    assert "EUR 1.50 in 7 rows; and 1,234 more currencies" in output


@pytest.mark.parametrize("status", ["FAILED", "CANCELLED", "EXPIRED"])
def test_a_report_without_files_ends_with_1(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str], status: str
) -> None:
    error = {"code": "too-large", "detail": "it is too large"} if status == "FAILED" else None
    server.answer("POST", GENERATE, Reply(202, view("PENDING")))
    server.answer("GET", REPORT, Reply(200, view(status, error=error)))
    assert main(["generate", "TRANSACTIONS", "--wait", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["error"]["code"], document["report"]["status"]) == (f"report-{status.lower()}", status)


@pytest.mark.parametrize("cancels", [False, True])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_message_of_an_interruption_says_how_to_continue(
    server: ScriptedServer, tmp_path: Path, number: signal.Signals, cancels: bool
) -> None:
    server.answer("POST", GENERATE, Reply(202, view("PENDING")))
    server.answer("GET", REPORT, Reply(200, view("GENERATING")))
    server.answer("POST", f"{REPORT}/cancel", Reply(200, view("CANCELLED")))
    more = ["--cancel-on-interrupt"] if cancels else []
    process = subprocess.Popen(
        [sys.executable, "-m", "resma_cli", "generate", "TRANSACTIONS", "--wait", "--json", *more],
        cwd=ROOT,
        env={**os.environ, **CHECKOUT, "RESMA_URL": server.url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        eventually("it follows the report", lambda: server.count("GET", REPORT))
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
    finally:
        process.kill()
    assert process.returncode == 130, err
    document = json.loads(out)
    assert (document["error"]["code"], document["reportId"]) == ("interrupted", ID)
    assert ("is cancelled" if cancels else f"`resma show {ID}`") in err
    assert server.count("POST", f"{REPORT}/cancel") == cancels


def test_the_message_of_an_interrupted_download_says_how_to_resume(
    report: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    report.answer("GET", "/store", Reply(200, CONTENT, cut=10_000))
    monkeypatch.setattr(files, "sleep", interrupt)
    assert main(["download", ID, "--output", "a.csv"]) == 130
    assert f"`resma download {ID}` resumes it" in capsys.readouterr().err
    assert part_of(tmp_path).stat().st_size == len(CONTENT) - 10_000


def test_the_message_of_an_outage_while_waiting_says_how_to_continue(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answer("POST", GENERATE, Reply(202, view("PENDING")))
    server.answer("GET", REPORT, problem(503, "database-unavailable", "the database can't be reached"))
    assert main(["generate", "TRANSACTIONS", "--wait"]) == 3
    message = capsys.readouterr().err
    assert server.count("GET", REPORT) == api_client.TRIES
    assert f"`resma download {ID}`" in message


def test_a_closed_standard_output_is_no_error(server: ScriptedServer) -> None:
    server.answer("GET", "/api/v1/reports", Reply(200, {"items": [view()] * 200, "next": None}))
    program = f"{sys.executable} -m resma_cli list --json --limit 200 | head -c 1; exit ${{PIPESTATUS[0]}}"
    # With PYTHONUNBUFFERED, Python would not detect the closed pipe.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"} | CHECKOUT
    done = subprocess.run(["bash", "-c", program], cwd=ROOT, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (141, b"")
