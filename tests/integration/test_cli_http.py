"""The command line over HTTP: how it ends, what it sends again, and that it saves whole files or none."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.cli import api, follow, place, save
from infra.cli.main import main
from tests.e2e.eventually import eventually
from tests.integration.scripted_server import Reply, ScriptedServer, problem

ROOT = Path(__file__).parents[2]
ID = "840edab4-930d-475e-b6a2-bb69c18a6792"
REPORT = f"/api/v1/reports/{ID}"
GENERATE = "/api/v1/reports/generate"
CONTENT = bytes(range(256)) * 64
GOOD_NAME = {"Content-Disposition": 'attachment; filename="transactions.csv"'}
AUTHENTICATE = {"WWW-Authenticate": "Bearer"}


def view(status: str = "READY", **more: Any) -> dict[str, Any]:
    """A report as the API shows it."""
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
        "handovers": 0,
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
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    """A server, named in the environment as people name theirs, with a key."""
    with ScriptedServer() as server:
        monkeypatch.setenv("RESMA_URL", server.url)
        monkeypatch.setenv("RESMA_KEY", "rsm_test_key")
        yield server


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """The command line sets handlers, as befits a process of its own."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Notes pauses instead of making them."""
    made: list[float] = []
    for module in (api, follow, save):
        monkeypatch.setattr(module, "sleep", made.append)
    return made


@pytest.mark.parametrize(
    ("reply", "exit_code"),
    [
        (Reply(200, {"items": [], "next": None}), 0),
        (problem(500, "internal", "something went wrong here"), 1),
        (problem(409, "report-ended", "it has ended"), 1),
        (problem(400, "malformed", "no JSON"), 2),
        (problem(422, "invalid", "wrong"), 2),
        (problem(503, "database-unavailable", "the database can't be reached"), 3),
        (Reply(502, b"<html>"), 3),
        (Reply(200, b"<html>", {"Content-Type": "text/html"}), 3),
        (Reply(302, None, {"Location": "http://127.0.0.1:1/"}), 3),
        (problem(401, "credentials-invalid", "there is no such key"), 4),
        (problem(403, "scope-missing", "this needs the scope reports:read"), 4),
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
    said = capsys.readouterr()
    document = json.loads(said.out)
    if exit_code:
        assert document["error"]["exitCode"] == exit_code
        assert said.err.startswith("resma: ")
        assert "Traceback" not in said.err
        assert "rsm_test_key" not in said.err + said.out


@pytest.mark.parametrize(
    ("who", "name", "shown"),
    [("key:abc", "month end", "month end (key:abc)"), ("loopback", None, "loopback"), (None, None, None)],
)
def test_who_asked_is_shown(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str], who: str | None, name: str | None, shown: str | None
) -> None:
    server.answer("GET", REPORT, Reply(200, view("READY", requestedBy=who, requestedByName=name)))
    assert main(["show", ID]) == 0
    lines = [line.split(None, 2) for line in capsys.readouterr().out.splitlines()]
    assert [line[2] for line in lines if line[:2] == ["asked", "by"]] == ([shown] if shown else [])


def test_what_cannot_be_reached(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESMA_URL", "http://127.0.0.1:1")
    assert main(["list"]) == 3
    assert "nothing answers at http://127.0.0.1:1: no stack is up there; `resma up`" in capsys.readouterr().err
    monkeypatch.setenv("RESMA_URL", "https://reports.invalid")
    assert main(["list"]) == 3
    assert "https://reports.invalid can't be reached" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["list", "--nonsense"], ["nonsense"], ["show"], ["generate", "A", "--filter", "x"]]
)
def test_usage(server: ScriptedServer, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert main([*arguments, "--json"]) == 2
    said = capsys.readouterr()
    assert json.loads(said.out)["error"]["exitCode"] == 2
    assert len(said.err.splitlines()) == 1
    assert server.asked == []


def test_a_fault_is_shown_where_it_is(server: ScriptedServer, capsys: pytest.CaptureFixture[str]) -> None:
    faults = [{"pointer": "/filters/from", "detail": "give a day as YYYY-MM-DD"}]
    server.answer("POST", GENERATE, problem(422, "request-invalid", "one filter can't be used", errors=faults))
    server.answer("GET", "/api/v1/report-types", Reply(200, {"items": []}))
    assert main(["generate", "TRANSACTIONS", "--filter", "from=x"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "resma: one filter can't be used",
        "  /filters/from: give a day as YYYY-MM-DD",
    ]


def test_what_the_api_advises_is_said_as_commands(server: ScriptedServer, capsys: pytest.CaptureFixture[str]) -> None:
    faults = [{"pointer": "/formats/0", "detail": "give one of PDF, CSV"}, {"pointer": "/locale", "detail": "none"}]
    said = problem(422, "request-invalid", "2 parts of the request can't be used: see `errors`", errors=faults)
    server.answer("POST", GENERATE, said)
    server.answer("GET", REPORT, problem(404, "report-not-found", "there is none: GET /api/v1/reports lists yours"))
    assert main(["generate", "TRANSACTIONS"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "resma: 2 parts of the request can't be used",
        "  /formats/0: give one of PDF, CSV",
        "  /locale: none",
    ]
    assert main(["show", ID, "--json"]) == 5
    document = json.loads(capsys.readouterr().out)
    assert document["error"]["detail"] == "there is none: `resma list` lists yours"
    assert document["problem"]["detail"] == "there is none: GET /api/v1/reports lists yours", "as it came"


def test_a_key_of_the_environment_is_used_with_the_stack_that_is_up(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And where that stack does not know it, the message says why."""
    monkeypatch.delenv("RESMA_URL")
    monkeypatch.setattr(place, "ROOT", tmp_path)
    monkeypatch.delenv("RESMA_STACK", raising=False)
    (tmp_path / ".resma" / "local").mkdir(parents=True)
    state = json.dumps({"api_url": server.url})
    (tmp_path / ".resma" / "local" / "state.json").write_text(state, encoding="ascii")
    server.answer("GET", "/api/v1/reports", problem(401, "credentials-invalid", "there is no such key"))
    assert main(["list"]) == 4
    assert server.asked[0].headers["authorization"] == "Bearer rsm_test_key"
    assert "unset RESMA_KEY to ask it without one" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("said", "zone"),
    [
        (["--in", "Asia/Tokyo"], "Asia/Tokyo"),
        (["--time-zone", "Asia/Tokyo"], "Asia/Tokyo"),
        (["--time-zone", "Asia/Tokyo", "--in", "Europe/Lisbon"], "Europe/Lisbon"),
        ([], None),
    ],
)
@pytest.mark.parametrize("command", [["preview"], ["create", "Monthly", "TRANSACTIONS"]])
def test_a_schedules_zone_is_said_alike_before_and_when_it_is_made(
    server: ScriptedServer, command: list[str], said: list[str], zone: str | None
) -> None:
    main(["schedule", *command, "--when", "monthly", *said])
    (asked,) = [one for one in server.asked if one.method == "POST"]
    assert json.loads(asked.body).get("timeZone") == zone


@pytest.mark.parametrize(
    ("said", "is_shown"),
    [
        ({"ownerExpiresAt": "2031-01-01T00:00:00Z"}, True),
        ({"ownerExpiresAt": None}, False),
        ({}, False),  # an API of before
    ],
)
def test_a_schedule_is_shown_with_when_its_owners_rights_end(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str], said: dict[str, Any], is_shown: bool
) -> None:
    names = ("name", "status", "statusDetail", "when", "timeZone", "period", "owner", "nextRunAt", "lastRun")
    schedule = {**dict.fromkeys(names), "id": "sch_1", "request": {"type": "TRANSACTIONS"}, **said}
    server.answer("GET", "/api/v1/schedules/sch_1", Reply(content=schedule))
    assert main(["schedule", "show", "sch_1"]) == 0
    assert ("2031-01-01 00:00:00 UTC" in capsys.readouterr().out) == is_shown


def test_a_request_that_can_be_made_again_is_with_the_same_key(
    server: ScriptedServer, pauses: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    busy = Reply(503, problem(503, "database-busy", "busy").content, {"Retry-After": "3"})
    server.answer("POST", GENERATE, busy, Reply(429, {}, {"Retry-After": "2"}), Reply(202, view("PENDING")))
    assert main(["generate", "TRANSACTIONS"]) == 0
    assert pauses == [3, 2]
    keys = {asked.headers["idempotency-key"] for asked in server.asked}
    assert (len(server.asked), len(keys)) == (3, 1)
    assert {asked.headers["authorization"] for asked in server.asked} == {"Bearer rsm_test_key"}


def test_a_request_that_may_have_been_done_is_not_made_again(server: ScriptedServer) -> None:
    server.answer("POST", "/api/v1/webhook-endpoints", problem(503, "database-busy", "busy"))
    assert main(["webhook", "create", "https://hooks.example"]) == 3
    assert len(server.asked) == 1
    assert "idempotency-key" in server.asked[0].headers


def test_a_quota_that_takes_long_is_told_and_not_waited_for(
    server: ScriptedServer, pauses: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    full = problem(429, "rows-quota-exceeded", "the rows of today are used up").content
    server.answer("POST", GENERATE, Reply(429, full, {"Retry-After": "7200"}))
    assert main(["generate", "TRANSACTIONS"]) == 6
    assert pauses == []
    assert "7,200 s from now" in capsys.readouterr().err


def test_the_next_page_is_asked_here_whatever_name_the_api_has_for_itself(
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
    assert server.asked[1].path == "/api/v1/reports?cursor=abc"


# ---------------------------------------------------------------------- files


@pytest.fixture
def report(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ScriptedServer:
    """A server with a report that is READY, and its file in a store; the test works in an empty folder."""
    server.answer("GET", REPORT, Reply(200, view()))
    server.answer("GET", f"{REPORT}/download", Reply(303, None, {"Location": f"{server.url}/store?signature=1"}))
    server.answer("GET", "/store", Reply(200, CONTENT, GOOD_NAME))
    monkeypatch.chdir(tmp_path)
    return server


def test_a_file_is_saved_whole_under_its_servers_name(report: ScriptedServer, tmp_path: Path) -> None:
    assert main(["download", ID]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["transactions.csv"]
    assert (tmp_path / "transactions.csv").read_bytes() == CONTENT


def test_the_store_is_never_shown_the_key(report: ScriptedServer) -> None:
    assert main(["download", ID, "--output", "a.csv"]) == 0
    stored = [asked for asked in report.asked if asked.path.startswith("/store")]
    assert stored
    assert all("rsm_test_key" not in str(asked) for asked in stored)
    assert all("authorization" not in asked.headers for asked in stored)


@pytest.mark.parametrize("name", ["../evil.csv", "/tmp/evil.csv", ".bashrc", "a\\b", "", "é.csv"])
def test_a_name_that_leads_elsewhere_is_not_used(report: ScriptedServer, tmp_path: Path, name: str) -> None:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    report.answer("GET", "/store", Reply(200, CONTENT, headers))
    assert main(["download", ID]) == 0
    assert [path.name for path in tmp_path.iterdir()] == [f"{ID}.csv"]


def test_a_download_that_breaks_off_goes_on_where_it_stopped(report: ScriptedServer, tmp_path: Path) -> None:
    report.answer("GET", "/store", Reply(200, CONTENT, cut=10_000), Reply(206, CONTENT, cut=1000), Reply(206, CONTENT))
    assert main(["download", ID, "--output", "a.csv"]) == 0
    assert (tmp_path / "a.csv").read_bytes() == CONTENT
    stored = [asked.headers.get("range") for asked in report.asked if asked.path.startswith("/store")]
    assert stored == [None, f"bytes={len(CONTENT) - 10_000}-", f"bytes={len(CONTENT) - 1000}-"]
    assert report.count("GET", f"{REPORT}/download") == 3, "an address that broke is minted anew"


def test_an_interrupted_download_is_gone_on_with_by_the_next_command(
    report: ScriptedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = [Reply(403, b"expired")]
    report.answer("GET", "/store", Reply(200, CONTENT, cut=10_000), *refused)
    assert main(["download", ID, "--output", "a.csv"]) == 3
    assert f"`resma download {ID}` goes on" in capsys.readouterr().err
    assert not (tmp_path / "a.csv").exists()
    report.answer("GET", "/store", Reply(206, CONTENT))
    assert main(["download", ID, "--output", "a.csv"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert (tmp_path / "a.csv").read_bytes() == CONTENT
    assert report.asked[-1].headers["range"] == f"bytes={len(CONTENT) - 10_000}-"


def test_a_store_that_knows_no_ranges_is_read_anew(report: ScriptedServer, tmp_path: Path) -> None:
    report.answer("GET", "/store", Reply(200, CONTENT, cut=10_000), Reply(200, CONTENT))
    assert main(["download", ID, "--output", "a.csv"]) == 0
    assert (tmp_path / "a.csv").read_bytes() == CONTENT


def part_of(folder: Path) -> Path:
    """Where an unfinished a.csv lies."""
    return folder / f"a.csv.{hashlib.sha256(CONTENT).hexdigest()[:12]}.part"


def test_what_was_left_and_is_wrong_is_fetched_anew(report: ScriptedServer, tmp_path: Path) -> None:
    part_of(tmp_path).write_bytes(b"not its beginning")
    report.answer("GET", "/store", Reply(206, CONTENT), Reply(200, CONTENT))
    assert main(["download", ID, "--output", "a.csv"]) == 0
    assert (tmp_path / "a.csv").read_bytes() == CONTENT


@pytest.mark.parametrize("content", [CONTENT[:-1] + b"!", CONTENT + b"more"], ids=["other", "longer"])
def test_a_file_that_is_not_the_one_described_is_not_saved(
    report: ScriptedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    report.answer("GET", "/store", Reply(200, content))
    assert main(["download", ID, "--output", "a.csv", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "content-wrong"
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_stays_unless_it_is_said(report: ScriptedServer, tmp_path: Path) -> None:
    (tmp_path / "transactions.csv").write_text("mine", encoding="ascii")
    assert main(["download", ID]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["transactions.csv"]
    assert (tmp_path / "transactions.csv").read_text(encoding="ascii") == "mine"
    assert main(["download", ID, "--overwrite"]) == 0
    assert (tmp_path / "transactions.csv").read_bytes() == CONTENT


def test_two_at_once_do_not_write_into_one_another(report: ScriptedServer, tmp_path: Path) -> None:
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    with save._part(tmp_path / "a.csv", sha256, save.Target(tmp_path / "a.csv")) as mine:
        assert main(["download", ID, "--output", "a.csv"]) == 1
        mine.write(CONTENT)
    assert (tmp_path / "a.csv").read_bytes() == CONTENT


def test_an_empty_file_is_a_file(report: ScriptedServer, tmp_path: Path) -> None:
    empty = {"format": "NDJSON", "bytes": 0, "sha256": hashlib.sha256(b"").hexdigest()}
    report.answer("GET", REPORT, Reply(200, view(files=[empty])))
    report.answer("GET", "/store", Reply(200, b"", GOOD_NAME))
    assert main(["download", ID]) == 0
    assert (tmp_path / "transactions.csv").read_bytes() == b""


def test_a_file_that_there_is_no_room_for(
    report: ScriptedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    huge = {"format": "CSV", "bytes": 2**62, "sha256": "0" * 64}
    report.answer("GET", REPORT, Reply(200, view(files=[huge])))
    assert main(["download", ID, "--output", "a.csv"]) == 1
    assert "make room" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------------- waiting


def test_waiting_saves_the_file_and_says_how_far_it_is(
    report: ScriptedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    waiting = view("PENDING")
    waiting["progress"] |= {"queuePosition": 3, "stage": "waiting", "etaSeconds": None}
    report.answer("POST", GENERATE, Reply(202, waiting))
    report.answer("GET", REPORT, Reply(200, view("GENERATING")), Reply(200, view()))
    assert main(["generate", "transactions", "--wait", "--json"]) == 0
    said = capsys.readouterr()
    document = json.loads(said.out)
    (saved,) = document["saved"]
    assert hashlib.sha256((tmp_path / saved["path"]).read_bytes()).hexdigest() == saved["sha256"]
    assert document["id"] == ID
    assert "PENDING: 0 rows, 3 ahead in the queue, waiting" in said.err
    assert "READY: 7 of 7 rows" in said.err


@pytest.mark.parametrize("status", ["FAILED", "CANCELLED", "EXPIRED"])
def test_a_report_that_ends_otherwise_is_1(
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
def test_an_interruption_says_how_to_go_on(
    server: ScriptedServer, tmp_path: Path, number: signal.Signals, cancels: bool
) -> None:
    server.answer("POST", GENERATE, Reply(202, view("PENDING")))
    server.answer("GET", REPORT, Reply(200, view("GENERATING")))
    server.answer("POST", f"{REPORT}/cancel", Reply(200, view("CANCELLED")))
    more = ["--cancel-on-interrupt"] if cancels else []
    process = subprocess.Popen(
        [sys.executable, "-m", "infra.cli", "generate", "TRANSACTIONS", "--wait", "--json", *more],
        cwd=ROOT,
        env={**os.environ, "RESMA_URL": server.url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        eventually("it follows the report", lambda: server.count("GET", REPORT))
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 130, err
    document = json.loads(out)
    assert (document["error"]["code"], document["reportId"]) == ("interrupted", ID)
    assert ("it is cancelled" if cancels else f"`resma show {ID}`") in err
    assert server.count("POST", f"{REPORT}/cancel") == cancels


def test_an_interrupted_download_says_how_to_go_on(
    report: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    report.answer("GET", "/store", Reply(200, CONTENT, cut=10_000))
    monkeypatch.setattr(save, "sleep", interrupt)
    assert main(["download", ID, "--output", "a.csv"]) == 130
    assert f"`resma download {ID}` goes on" in capsys.readouterr().err
    assert part_of(tmp_path).stat().st_size == len(CONTENT) - 10_000


def test_an_api_that_goes_away_while_waiting_says_how_to_go_on(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answer("POST", GENERATE, Reply(202, view("PENDING")))
    server.answer("GET", REPORT, problem(503, "database-unavailable", "the database can't be reached"))
    assert main(["generate", "TRANSACTIONS", "--wait"]) == 3
    said = capsys.readouterr().err
    assert server.count("GET", REPORT) == api.TRIES
    assert f"`resma download {ID}`" in said


def test_a_reader_that_has_enough_is_no_mistake(server: ScriptedServer) -> None:
    server.answer("GET", "/api/v1/reports", Reply(200, {"items": [view()] * 200, "next": None}))
    program = f"{sys.executable} -m infra.cli list --json --limit 200 | head -c 1; exit ${{PIPESTATUS[0]}}"
    # Unbuffered, Python would not notice.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(["bash", "-c", program], cwd=ROOT, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (1, b"")
