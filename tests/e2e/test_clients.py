"""Runs the programs of docs/integrate.md against the whole stack, as a reader starts them.

Tests of a language that is not installed are skipped, or fail if RESMA_WANTS_LANGUAGES names it.
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
from tests.support.eventually import PATIENCE_SECONDS, eventually
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.http_receivers import ReceivedRequest, receiver, status
from tests.support.local_stack import Faults
from tests.support.optional_tools import find_missing_tools

ALL = {"type": "TRANSACTIONS", "format": "CSV", "filters": {"from": "2024-01-01"}}
OTHER_SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd"
NONE = {"type": "TRANSACTIONS", "format": "CSV", "filters": {"from": "2030-01-01"}}


each_language = pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
each_receiver = pytest.mark.parametrize(
    "language", [each for each in LANGUAGES if each.receiver], ids=lambda language: language.name
)


@pytest.fixture(scope="module")
def key(client: Client) -> str:
    """A key with only the scopes that the programs need."""
    body = {"name": "integrator", "scopes": ["reports:read", "reports:write"]}
    answer = client.http("POST", "/api/v1/api-keys", json=body)
    assert answer.status == 201, answer.data
    return str(answer.json()["key"])


def start(language: Language, request: Mapping[str, object], path: Path, **settings: str) -> subprocess.Popen[str]:
    """Starts a client from the project's folder."""
    return subprocess.Popen(
        [*language.client, json.dumps(request), path],
        cwd=ROOT,
        env=environment(**settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process: subprocess.Popen[str], seconds: float = 180) -> tuple[int, str, str]:
    """Waits for the end of a client; returns its exit code, standard output and standard error."""
    with process:
        output, errors = process.communicate(timeout=seconds)
    return process.returncode, output, errors


@each_language
def test_a_client_downloads_a_complete_report(
    client: Client, faults: Faults, key: str, language: Language, tmp_path: Path
) -> None:
    """The client must not send its key to the object store."""
    language.require()
    path = tmp_path / "my transactions.csv"
    leaked = Fault("refuse", when=key.encode())
    with faults.s3.failing(leaked):
        code, output, errors = end(start(language, ALL, path, RESMA_URL=client.stack.up.api_url, RESMA_KEY=key))
    assert not leaked.injected.is_set()
    assert (code, output) == (0, f"{path}\n"), errors
    assert "PENDING" in errors, "it prints the report's status"
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
        code, output, errors = end(start(language, request, path, RESMA_URL=api, RESMA_KEY=credential))
        assert (code, output) == (1, "")
        assert all(word in errors for word in words), errors
        assert "Traceback" not in errors
    assert list(tmp_path.iterdir()) == []


@each_language
def test_a_lost_response_creates_no_second_report(client: Client, key: str, language: Language, tmp_path: Path) -> None:
    """The API gets the request, but the connection breaks before the response, and the program sends it again."""
    language.require()
    before = client.count_reports()
    path = tmp_path / "none.csv"
    port = urlsplit(client.stack.up.api_url).port
    assert port is not None
    # More bytes than the request has, but fewer than request and response together.
    lost = Fault("refuse", when=b"POST /api/v1/reports/generate", after_bytes=1000)
    with FaultProxy(port) as proxy:
        api = f"http://localhost:{proxy.port}"
        with proxy.failing(lost):
            process = start(language, NONE, path, RESMA_URL=api, RESMA_KEY=key)
            lost.wait_for_fault(120)
        assert client.count_reports() == before + 1, "the API accepted the first request"
        code, _, errors = end(process)
    assert code == 0, errors
    assert path.read_text().startswith("id,booked_at")
    assert client.count_reports() == before + 1


@each_language
def test_a_client_saves_each_of_several_formats(client: Client, key: str, language: Language, tmp_path: Path) -> None:
    language.require()
    several = {"type": "TRANSACTIONS", "formats": ["CSV", "NDJSON"], "filters": {"from": "2030-01-01"}}
    path = tmp_path / "may"
    code, output, errors = end(start(language, several, path, RESMA_URL=client.stack.up.api_url, RESMA_KEY=key))
    assert (code, output) == (0, f"{path}.csv\n{path}.ndjson\n"), errors
    assert (tmp_path / "may.csv").read_text().startswith("id,booked_at")
    assert (tmp_path / "may.ndjson").read_text() == ""
    assert len(list(tmp_path.iterdir())) == 2


@each_language
def test_a_client_that_cannot_run_prints_a_sentence(language: Language, tmp_path: Path) -> None:
    """The program is started without arguments, and with a URL at which nothing listens."""
    language.require()
    valid = [json.dumps(ALL), str(tmp_path / "none.csv")]
    for arguments, words in ([], "the request as JSON, and a file name"), (valid, r"(?i)refused|connect"):
        done = subprocess.run(
            [*language.client, *arguments],
            cwd=ROOT,
            env=environment(RESMA_URL=f"http://127.0.0.1:{free_port()}"),
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )
        assert (done.returncode, done.stdout) == (1, "")
        assert re.search(words, done.stderr), done.stderr
        assert not re.search(r"Traceback|panic|\n +at ", done.stderr), done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_guides_commands_work(client: Client, tmp_path: Path) -> None:
    """Runs the guide's shell blocks one after another, without the programs of languages that are not installed."""
    scopes = ["reports:read", "reports:write", "webhooks:manage"]
    key = client.http("POST", "/api/v1/api-keys", json={"name": "guide", "scopes": scopes}).json()["key"]
    script = "".join(block.text for block in blocks(ROOT / "docs" / "integrate.md") if block.kind == SCRIPT)
    is_installed = {language.name: not find_missing_tools(language.tools) for language in LANGUAGES}
    LANGUAGES[0].require()
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    done = subprocess.run(
        ["bash", "-euo", "pipefail"],
        input="\n".join(line for line in script.splitlines() if is_installed.get(line.split(" ")[0], True)),
        cwd=tmp_path,
        env=environment(RESMA_URL=client.stack.up.api_url, RESMA_KEY=key),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "transactions.csv: OK" in done.stdout
    assert (tmp_path / "transactions.csv").read_text().startswith("id,booked_at")
    assert len(json.loads((tmp_path / "openapi.json").read_text())["paths"]) > 10
    made = {path.stem for path in tmp_path.glob("*.csv")} - {"transactions"}
    assert made == {name for name, installed in is_installed.items() if installed}


# ---------------------------------------------------------------- webhooks


@dataclass(frozen=True)
class RunningReceiver:
    """A running receiver: its port and its log."""

    port: int
    log: Path

    @property
    def url(self) -> str:
        """The URL to which webhooks are sent."""
        return f"http://127.0.0.1:{self.port}/resma"

    def processed(self) -> list[str]:
        """Returns the log line of each webhook that it has processed."""
        return [line for line in self.log.read_text().splitlines()[1:] if line.startswith("evt_")]

    def send(self, client: Client, request: ReceivedRequest, **changed: str | bytes) -> int:
        """Sends a recorded webhook with some headers or its body changed; returns the status of the response."""
        headers = {name: request.headers[name] for name in request.headers if name.startswith("webhook-")}
        body = changed.pop("body", request.body)
        headers |= {f"webhook-{name}": str(value) for name, value in changed.items()}
        return client.http("POST", self.url, body=body, headers=headers).status


@contextlib.contextmanager
def running(language: Language, secret: str, log: Path) -> Iterator[RunningReceiver]:
    """Runs a receiver with a secret until the end of the block."""
    with log.open("w") as output:
        process = subprocess.Popen(
            [*language.receiver, "0"],
            cwd=ROOT,
            env=environment(RESMA_WEBHOOK_SECRET=secret),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # `go run` starts a child process
        )
    try:
        listening = eventually(
            f"{language.name} listens", lambda: re.match(r"listening on port (\d+)\n", log.read_text()), 180
        )
        assert listening is not None
        yield RunningReceiver(int(listening[1]), log)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(120)


@pytest.fixture
def rotated(client: Client) -> Iterator[tuple[str, str, ReceivedRequest]]:
    """An endpoint's old secret, its new one, and a webhook that was sent while both are valid."""
    with receiver(status(204)) as server:
        body = {"url": server.url, "reportTypes": ["DAILY_SUMMARY"]}
        endpoint = client.http("POST", "/api/v1/webhook-endpoints", json=body).json()
        path = f"/api/v1/webhook-endpoints/{endpoint['id']}"
        try:
            new = client.http("POST", f"{path}/rotate-secret", json={"overlapHours": 24}).json()["secret"]
            client.wait_for_status(client.request_report("CSV", {"from": "2030-01-01"}, type="DAILY_SUMMARY"), "READY")
            (request,) = eventually("the webhook has arrived", lambda: server.requests)
            yield endpoint["secret"], new, request
        finally:
            assert client.http("DELETE", path).status == 204


@each_receiver
def test_a_receiver_processes_a_webhook_once(client: Client, language: Language, tmp_path: Path) -> None:
    language.require()
    secret = client.http("GET", "/api/v1/webhook-endpoints/callback/secret").json()["secret"]
    with running(language, secret, tmp_path / "log") as program:
        report_id = client.request_report("CSV", {"from": "2030-01-01"}, callbackUrl=program.url)
        client.wait_for_status(report_id, "READY")
        eventually("it is processed", program.processed)

        def deliveries() -> list[dict[str, object]]:
            listed = client.http("GET", f"/api/v1/reports/{report_id}/deliveries").json()["items"]
            return [each for each in listed if each["status"] == "DELIVERED"]

        (delivery,) = eventually("its delivery is recorded", deliveries)
        event = delivery["eventId"]
        assert client.http("POST", f"/api/v1/webhook-deliveries/{event}/callback/replay").status == 202
        client.invoke_function("WebhookFunction")
        eventually("it is delivered again", lambda: [each for each in deliveries() if len(each["attempts"]) == 2])  # type: ignore[arg-type]
        assert program.processed() == [f"{event} report.ready {report_id} 0"]


@each_receiver
def test_a_receiver_rejects_invalid_webhooks(
    client: Client, rotated: tuple[str, str, ReceivedRequest], language: Language, tmp_path: Path
) -> None:
    language.require()
    old, new, genuine = rotated
    webhook_id = genuine.headers["webhook-id"]

    def signed(secret: str, when: datetime) -> dict[str, str]:
        signature = Webhook(secret).sign(webhook_id, when, genuine.body.decode())
        return {"signature": signature, "timestamp": str(int(when.timestamp()))}

    now = datetime.now(UTC)
    with running(language, new, tmp_path / "log") as program:
        assert program.send(client, genuine, body=genuine.body.replace(b"READY", b"ready")) == 401
        assert program.send(client, genuine, id="evt_another") == 401
        assert program.send(client, genuine, timestamp=str(int(genuine.headers["webhook-timestamp"]) + 1)) == 401
        assert program.send(client, genuine, signature="") == 401
        assert program.send(client, genuine, signature="v1,garbage v1a, é") == 401
        assert program.send(client, genuine, timestamp="now") == 401
        assert program.send(client, genuine, **signed(new, now - timedelta(minutes=6))) == 401
        assert program.send(client, genuine, **signed(new, now + timedelta(minutes=6))) == 401
        assert program.send(client, genuine, **signed(OTHER_SECRET, now)) == 401
        assert client.http("POST", program.url, body=b"x" * (1 << 21)).status == 413
        assert program.processed() == []
        assert program.send(client, genuine) == 204
        assert len(program.processed()) == 1
    with running(language, old, tmp_path / "old") as program:
        assert len(genuine.headers["webhook-signature"].split()) == 2
        assert program.send(client, genuine) == 204, "the old secret is valid until the rotation ends"


@each_receiver
@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_AAAA", OTHER_SECRET[:-1] + "!", OTHER_SECRET.replace("_", "_é")]
)
def test_a_receiver_does_not_start_without_a_valid_secret(language: Language, secret: str) -> None:
    """With an empty secret anybody could sign webhooks."""
    language.require()
    done = subprocess.run(
        [*language.receiver, "0"],
        cwd=ROOT,
        env=environment(RESMA_WEBHOOK_SECRET=secret) if secret else environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "Set RESMA_WEBHOOK_SECRET to the secret of the endpoint" in done.stderr
    assert "Traceback" not in done.stderr


@each_receiver
def test_a_receiver_survives_broken_requests(language: Language, tmp_path: Path) -> None:
    """Callers disconnect early, send an invalid length, or are slow. They can do so without a signature."""
    language.require()
    head = b"POST /resma HTTP/1.1\r\nHost: localhost\r\n"
    with running(language, OTHER_SECRET, tmp_path / "log") as program:
        for part in (b"POST", head, head + b"Content-Length: 100\r\n\r\nabc"):
            with socket.create_connection(("127.0.0.1", program.port), timeout=10) as aborted:
                aborted.sendall(part)
                # With this option, closing the socket sends a reset (socket(7), SO_LINGER).
                aborted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        for length in (b"-1", b"x", b"9" * 5000):
            with socket.create_connection(("127.0.0.1", program.port), timeout=PATIENCE_SECONDS) as invalid:
                invalid.sendall(head + b"Content-Length: " + length + b"\r\n\r\nabc")
                assert re.match(rb"HTTP/1.. 4(00|11|13) ", invalid.recv(100))
        with socket.create_connection(("127.0.0.1", program.port), timeout=PATIENCE_SECONDS) as slow:
            slow.sendall(head + b"Content-Length: 100\r\n\r\nabc")
            assert not slow.recv(100).startswith(b"HTTP/1.1 2"), "the receiver closes the connection without a success"
        with socket.create_connection(("127.0.0.1", program.port), timeout=PATIENCE_SECONDS) as complete:
            complete.sendall(head + b"Connection: close\r\nContent-Length: 3\r\n\r\nabc")
            assert b" 401 " in complete.recv(100)
        assert program.processed() == []
