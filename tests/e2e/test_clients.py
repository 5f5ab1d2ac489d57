"""The programs of docs/integrate.md against the whole stack: each in its language, as a reader would start it.

A language that is not on this machine is skipped by name, or fails where RESMA_WANTS_LANGUAGES names it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import struct
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from standardwebhooks import Webhook

from infra.paths import ROOT
from infra.servers.ports import free_port
from tests.support.client import Client, require_one_whole_file
from tests.support.client_programs import LANGUAGES, Language, environment
from tests.support.docs_pages import SCRIPT, blocks
from tests.support.eventually import eventually
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.http_receivers import Request, receiver, status
from tests.support.local_stack import Faults
from tests.support.optional_tools import find_missing_tools

ALL = {"type": "TRANSACTIONS", "format": "CSV", "filters": {"from": "2024-01-01"}}
OTHER_SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd"
NONE = {"type": "TRANSACTIONS", "format": "CSV", "filters": {"from": "2030-01-01"}}


each_language = pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
each_receiver = pytest.mark.parametrize(
    "language", [each for each in LANGUAGES if each.receive], ids=lambda language: language.name
)


@pytest.fixture(scope="module")
def key(client: Client) -> str:
    """A key as an integrator has one, with no scope that the programs don't need."""
    body = {"name": "integrator", "scopes": ["reports:read", "reports:write"]}
    answer = client.http("POST", "/api/v1/api-keys", json=body)
    assert answer.status == 201, answer.data
    return str(answer.json()["key"])


def start(language: Language, request: Mapping[str, object], path: Path, **settings: str) -> subprocess.Popen[str]:
    """Starts a client from the project's folder."""
    return subprocess.Popen(
        [*language.ask, json.dumps(request), path],
        cwd=ROOT,
        env=environment(**settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process: subprocess.Popen[str], seconds: float = 180) -> tuple[int, str, str]:
    """Waits for a client's end; returns its exit code and what it has said."""
    with process:
        said, complained = process.communicate(timeout=seconds)
    return process.returncode, said, complained


@each_language
def test_a_client_downloads_a_complete_report(
    client: Client, faults: Faults, key: str, language: Language, tmp_path: Path
) -> None:
    """And does not send its key to the object store."""
    language.require()
    path = tmp_path / "my transactions.csv"
    leaked = Fault("refuse", when=key.encode())
    with faults.s3.failing(leaked):
        code, said, complained = end(start(language, ALL, path, RESMA_URL=client.stack.up.api_url, RESMA_KEY=key))
    assert not leaked.injected.is_set()
    assert (code, said) == (0, f"{path}\n"), complained
    assert "PENDING" in complained, "it tells how far the report is"
    (report,) = client.http("GET", "/api/v1/reports?limit=1").json()["items"]
    assert path.read_bytes() == require_one_whole_file(client, report).content
    assert list(tmp_path.iterdir()) == [path]
    assert client.row(report["id"])["attempt"] == 1


@each_language
def test_a_client_prints_the_error(client: Client, key: str, language: Language, tmp_path: Path) -> None:
    language.require()
    wrong = {**ALL, "filters": {"from": "yesterday"}}
    api = client.stack.up.api_url
    for request, credential, words in [
        (wrong, key, ("422", "/filters/from")),
        (ALL, "rsm_0_0", ("401", "Credentials invalid")),
    ]:
        path = tmp_path / "none.csv"
        code, said, complained = end(start(language, request, path, RESMA_URL=api, RESMA_KEY=credential))
        assert (code, said) == (1, "")
        assert all(word in complained for word in words), complained
        assert "Traceback" not in complained
    assert list(tmp_path.iterdir()) == []


@each_language
def test_a_lost_response_creates_no_second_report(client: Client, key: str, language: Language, tmp_path: Path) -> None:
    """The request comes through, the connection breaks under its answer, and the program asks again."""
    language.require()
    before = client.count_reports()
    path = tmp_path / "none.csv"
    port = urlsplit(client.stack.up.api_url).port
    assert port is not None
    # More than the request has, less than both together.
    lost = Fault("refuse", when=b"POST /api/v1/reports/generate", after_bytes=1000)
    with FaultProxy(port) as proxy:
        api = f"http://localhost:{proxy.port}"
        with proxy.failing(lost):
            process = start(language, NONE, path, RESMA_URL=api, RESMA_KEY=key)
            lost.wait_for_fault(120)
        assert client.count_reports() == before + 1, "the first request was taken"
        code, _, complained = end(process)
    assert code == 0, complained
    assert path.read_text().startswith("id,booked_at")
    assert client.count_reports() == before + 1


@each_language
def test_a_client_saves_each_of_several_formats(client: Client, key: str, language: Language, tmp_path: Path) -> None:
    language.require()
    several = {"type": "TRANSACTIONS", "formats": ["CSV", "NDJSON"], "filters": {"from": "2030-01-01"}}
    path = tmp_path / "may"
    code, said, complained = end(start(language, several, path, RESMA_URL=client.stack.up.api_url, RESMA_KEY=key))
    assert (code, said) == (0, f"{path}.csv\n{path}.ndjson\n"), complained
    assert (tmp_path / "may.csv").read_text().startswith("id,booked_at")
    assert (tmp_path / "may.ndjson").read_text() == ""
    assert len(list(tmp_path.iterdir())) == 2


@each_language
def test_a_client_that_cannot_run_prints_a_sentence(language: Language, tmp_path: Path) -> None:
    """Without arguments, and where nothing answers."""
    language.require()
    asked = [json.dumps(ALL), str(tmp_path / "none.csv")]
    for arguments, words in ([], "give a request in JSON, and a name"), (asked, r"(?i)refused|connect"):
        done = subprocess.run(
            [*language.ask, *arguments],
            cwd=ROOT,
            env=environment(RESMA_URL=f"http://127.0.0.1:{free_port()}"),
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        assert (done.returncode, done.stdout) == (1, "")
        assert re.search(words, done.stderr), done.stderr
        assert not re.search(r"Traceback|panic|\n +at ", done.stderr), done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_guides_commands_work(client: Client, tmp_path: Path) -> None:
    """Its blocks of shell, one after another in one shell; programs of languages that are not here are left out."""
    scopes = ["reports:read", "reports:write", "webhooks:manage"]
    key = client.http("POST", "/api/v1/api-keys", json={"name": "guide", "scopes": scopes}).json()["key"]
    script = "".join(block.text for block in blocks(ROOT / "docs" / "integrate.md") if block.kind == SCRIPT)
    here = {language.name: not find_missing_tools(language.tools) for language in LANGUAGES}
    LANGUAGES[0].require()
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    done = subprocess.run(
        ["bash", "-euo", "pipefail"],
        input="\n".join(line for line in script.splitlines() if here.get(line.split(" ")[0], True)),
        cwd=tmp_path,
        env=environment(RESMA_URL=client.stack.up.api_url, RESMA_KEY=key),
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "transactions.csv: OK" in done.stdout
    assert (tmp_path / "transactions.csv").read_text().startswith("id,booked_at")
    assert len(json.loads((tmp_path / "openapi.json").read_text())["paths"]) > 10
    made = {path.stem for path in tmp_path.glob("*.csv")} - {"transactions"}
    assert made == {name for name, is_here in here.items() if is_here}


# ---------------------------------------------------------------- webhooks


@dataclass(frozen=True)
class Program:
    """A receiver that runs: where it listens, and what it has said."""

    port: int
    log: Path

    @property
    def address(self) -> str:
        """Where it takes webhooks."""
        return f"http://127.0.0.1:{self.port}/resma"

    def taken(self) -> list[str]:
        """What it has taken, a line each."""
        return [line for line in self.log.read_text().splitlines()[1:] if line.startswith("evt_")]

    def answer(self, client: Client, request: Request, **changed: str | bytes) -> int:
        """Sends it a webhook as it was recorded, but for what is named."""
        headers = {name: request.headers[name] for name in request.headers if name.startswith("webhook-")}
        body = changed.pop("body", request.body)
        headers |= {f"webhook-{name}": str(value) for name, value in changed.items()}
        return client.http("POST", self.address, body=body, headers=headers).status


@contextlib.contextmanager
def running(language: Language, secret: str, log: Path) -> Iterator[Program]:
    """Runs a receiver with a secret, until the block's end."""
    with log.open("w") as output:
        process = subprocess.Popen(
            [*language.receive, "0"],
            cwd=ROOT,
            env=environment(RESMA_WEBHOOK_SECRET=secret),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # `go run` has a child
        )
    try:
        found = eventually(
            f"{language.name} listens", lambda: re.match(r"listening on port (\d+)\n", log.read_text()), 180
        )
        assert found is not None
        yield Program(int(found[1]), log)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(120)


@pytest.fixture
def rotated(client: Client) -> Iterator[tuple[str, str, Request]]:
    """An endpoint's old secret, its new one, and a webhook that was sent while both are good."""
    with receiver(status(204)) as server:
        body = {"url": server.url, "reportTypes": ["DAILY_SUMMARY"]}
        endpoint = client.http("POST", "/api/v1/webhook-endpoints", json=body).json()
        address = f"/api/v1/webhook-endpoints/{endpoint['id']}"
        try:
            new = client.http("POST", f"{address}/rotate-secret", json={"overlapHours": 24}).json()["secret"]
            client.wait_for_status(client.request_report("CSV", {"from": "2030-01-01"}, type="DAILY_SUMMARY"), "READY")
            (request,) = eventually("the webhook has come", lambda: server.requests)
            yield endpoint["secret"], new, request
        finally:
            assert client.http("DELETE", address).status == 204


@each_receiver
def test_a_receiver_processes_a_webhook_once(client: Client, language: Language, tmp_path: Path) -> None:
    language.require()
    secret = client.http("GET", "/api/v1/webhook-endpoints/callback/secret").json()["secret"]
    with running(language, secret, tmp_path / "log") as program:
        report_id = client.request_report("CSV", {"from": "2030-01-01"}, callbackUrl=program.address)
        client.wait_for_status(report_id, "READY")
        eventually("it is taken", program.taken)

        def deliveries() -> list[dict[str, object]]:
            listed = client.http("GET", f"/api/v1/reports/{report_id}/deliveries").json()["items"]
            return [each for each in listed if each["status"] == "DELIVERED"]

        (delivery,) = eventually("it is on record", deliveries)
        event = delivery["eventId"]
        assert client.http("POST", f"/api/v1/webhook-deliveries/{event}/callback/replay").status == 202
        client.invoke_function("WebhookFunction")
        eventually("it is delivered again", lambda: [each for each in deliveries() if len(each["attempts"]) == 2])  # type: ignore[arg-type]
        assert program.taken() == [f"{event} report.ready {report_id} 0"]


@each_receiver
def test_a_receiver_rejects_invalid_webhooks(
    client: Client, rotated: tuple[str, str, Request], language: Language, tmp_path: Path
) -> None:
    language.require()
    old, new, genuine = rotated
    webhook_id = genuine.headers["webhook-id"]

    def signed(secret: str, when: datetime) -> dict[str, str]:
        signature = Webhook(secret).sign(webhook_id, when, genuine.body.decode())
        return {"signature": signature, "timestamp": str(int(when.timestamp()))}

    now = datetime.now(UTC)
    with running(language, new, tmp_path / "log") as program:
        assert program.answer(client, genuine, body=genuine.body.replace(b"READY", b"ready")) == 401
        assert program.answer(client, genuine, id="evt_another") == 401
        assert program.answer(client, genuine, timestamp=str(int(genuine.headers["webhook-timestamp"]) + 1)) == 401
        assert program.answer(client, genuine, signature="") == 401
        assert program.answer(client, genuine, signature="v1,garbage v1a, é") == 401
        assert program.answer(client, genuine, timestamp="now") == 401
        assert program.answer(client, genuine, **signed(new, now - timedelta(minutes=6))) == 401
        assert program.answer(client, genuine, **signed(new, now + timedelta(minutes=6))) == 401
        assert program.answer(client, genuine, **signed(OTHER_SECRET, now)) == 401
        assert client.http("POST", program.address, body=b"x" * (1 << 21)).status == 413
        assert program.taken() == []
        assert program.answer(client, genuine) == 204
        assert len(program.taken()) == 1
    with running(language, old, tmp_path / "old") as program:
        assert len(genuine.headers["webhook-signature"].split()) == 2
        assert program.answer(client, genuine) == 204, "until the rotation's end the old secret does as well"


@each_receiver
@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_AAAA", OTHER_SECRET[:-1] + "!", OTHER_SECRET.replace("_", "_é")]
)
def test_a_receiver_does_not_start_without_a_valid_secret(language: Language, secret: str) -> None:
    """With an empty key anybody could sign."""
    language.require()
    done = subprocess.run(
        [*language.receive, "0"],
        cwd=ROOT,
        env=environment(RESMA_WEBHOOK_SECRET=secret) if secret else environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "set RESMA_WEBHOOK_SECRET to the endpoint's secret" in done.stderr
    assert "Traceback" not in done.stderr


@each_receiver
def test_a_receiver_survives_broken_requests(language: Language, tmp_path: Path) -> None:
    """Who hangs up half-way, sends no length that is one, or is slow; none of them needs a signature."""
    language.require()
    head = b"POST /resma HTTP/1.1\r\nHost: localhost\r\n"
    with running(language, OTHER_SECRET, tmp_path / "log") as program:
        for part in (b"POST", head, head + b"Content-Length: 100\r\n\r\nabc"):
            with socket.create_connection(("127.0.0.1", program.port), timeout=10) as aborted:
                aborted.sendall(part)
                # Closed like this it is a reset (socket(7), SO_LINGER).
                aborted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        for length in (b"-1", b"x", b"9" * 5000):
            with socket.create_connection(("127.0.0.1", program.port), timeout=30) as stranger:
                stranger.sendall(head + b"Content-Length: " + length + b"\r\n\r\nabc")
                assert re.match(rb"HTTP/1.. 4(00|11|13) ", stranger.recv(100))
        with socket.create_connection(("127.0.0.1", program.port), timeout=60) as slow:
            slow.sendall(head + b"Content-Length: 100\r\n\r\nabc")
            assert not slow.recv(100).startswith(b"HTTP/1.1 2"), "it is cut off, and not waited for"
        with socket.create_connection(("127.0.0.1", program.port), timeout=30) as well:
            well.sendall(head + b"Connection: close\r\nContent-Length: 3\r\n\r\nabc")
            assert b" 401 " in well.recv(100)
        assert program.taken() == []
