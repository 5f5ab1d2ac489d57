"""`make demo`: requests a report as a client would, and checks every response and the file."""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import urllib3
from standardwebhooks import Webhook, WebhookVerificationError

from infra.admin.tenants import make_key
from infra.errors import StackError
from infra.local.count_rows import count_rows
from infra.local.progress import Progress

POLL_SECONDS = 0.2
PATIENCE_SECONDS = 3600
WEBHOOK_SECONDS = 300
KEY_HOURS = 2
"""Validity of the demo's key. It is longer than any wait of the demo."""


class DemoFailedError(StackError):
    """The demo failed. The message says what failed and where to look."""

    code = "demo-failed"


@dataclass(frozen=True)
class Demo:
    """What a client of the stack is configured with: API URL and key, webhook secret, and the folder for files."""

    api_url: str
    api_key: str
    webhook_secret: str
    folder: Path
    format: str
    rows: int


@dataclass(frozen=True)
class DemoSummary:
    """Result of the demo: the report, the file, and the measurements of the worker."""

    report_id: str
    status: str
    format: str
    rows: int
    bytes: int
    sha256: str
    path: str
    seconds_total: float
    """Time from the request until the report is READY."""
    seconds_generate: float
    peak_rss_mb: float
    webhook_verified: bool


def make_demo_key(database_url: str) -> str:
    """Creates a key for the demo, with the scopes that it needs and a short validity. Returns the key."""
    scopes = ("reports:read", "reports:write", "personal:read")
    return make_key(database_url, "demo", "make demo", scopes, timedelta(hours=KEY_HOURS))


def run_demo(demo: Demo, progress: Progress) -> DemoSummary:
    """Requests the report, follows it, receives the webhook, downloads the file and checks it. Returns the summary.

    Raises DemoFailedError.
    """
    http = urllib3.PoolManager(
        retries=False, timeout=urllib3.Timeout(connect=5, read=60), headers={"Authorization": f"Bearer {demo.api_key}"}
    )
    _require_type(http, demo)
    with _receiver(demo.webhook_secret) as inbox:
        started = time.monotonic()
        report_id = _request(http, demo, inbox.address)
        progress.say(f"POST /api/v1/reports/generate answered 202: report {report_id}")
        report = _follow(http, demo, report_id, progress)
        seconds_total = time.monotonic() - started
        if report["status"] != "READY":
            raise DemoFailedError(f"report {report_id} is {report['status']}: {report['error']}; see `make logs`")
        webhook = inbox.wait(report_id)
    path = _download(http, report, webhook["data"]["downloadUrl"], demo.folder, progress)
    _check_content(path, report, demo)
    _tell(report, webhook, path, seconds_total, progress)
    return DemoSummary(
        report_id=report_id,
        status=report["status"],
        format=report["format"],
        rows=report["rows"],
        bytes=report["bytes"],
        sha256=report["sha256"],
        path=str(path),
        seconds_total=round(seconds_total, 3),
        seconds_generate=report["metrics"]["seconds"]["generate"],
        peak_rss_mb=report["metrics"]["peakRssMb"],
        webhook_verified=True,
    )


def _require_type(http: urllib3.PoolManager, demo: Demo) -> None:
    """Checks that the report type exists, as a client would before its first request."""
    answer = http.request("GET", f"{demo.api_url}/api/v1/report-types")
    if answer.status != 200 or all(item["type"] != "TRANSACTIONS" for item in answer.json()["items"]):
        raise DemoFailedError(
            f"GET /api/v1/report-types answered {answer.status}: {answer.data[:500]!r}; see `make logs`"
        )


def _request(http: urllib3.PoolManager, demo: Demo, callback_url: str) -> str:
    body = {
        "type": "TRANSACTIONS",
        "format": demo.format,
        "filters": {"from": "2024-01-01"},
        "callbackUrl": callback_url,
    }
    headers = {**http.headers, "Idempotency-Key": secrets.token_hex(16)}
    answer = http.request("POST", f"{demo.api_url}/api/v1/reports/generate", json=body, headers=headers)
    if answer.status != 202:
        raise DemoFailedError(f"the API answered {answer.status}: {answer.data.decode(errors='replace')[:500]}")
    return str(answer.json()["id"])


def _follow(http: urllib3.PoolManager, demo: Demo, report_id: str, progress: Progress) -> dict[str, Any]:
    """Shows the progress until the report has ended. Returns the ended report."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    with progress.follow_report() as show:
        while time.monotonic() < deadline:
            answer = http.request("GET", f"{demo.api_url}/api/v1/reports/{report_id}")
            if answer.status != 200:
                raise DemoFailedError(f"the API answered {answer.status}: {answer.data.decode(errors='replace')[:500]}")
            report: dict[str, Any] = answer.json()
            show(report)
            if report["status"] in {"READY", "FAILED", "CANCELLED", "EXPIRED", "SKIPPED"}:
                return report
            time.sleep(POLL_SECONDS)
    raise DemoFailedError(f"report {report_id} did not end within {PATIENCE_SECONDS} s; see `make logs`")


class _Inbox:
    """Stores received webhooks whose signature is valid."""

    def __init__(self, secret: str) -> None:
        self._webhook = Webhook(secret)
        self._arrived = threading.Condition()
        self._messages: dict[str, dict[str, Any]] = {}
        self._refused: list[str] = []
        self.address = ""

    def take(self, body: bytes, headers: dict[str, str]) -> bool:
        """Stores a message. Returns whether its signature is valid."""
        try:
            message: dict[str, Any] = self._webhook.verify(body, headers)
        except WebhookVerificationError as error:
            self._refused.append(str(error))
            return False
        with self._arrived:
            self._messages[message["data"]["reportId"]] = message
            self._arrived.notify_all()
        return True

    def wait(self, report_id: str) -> dict[str, Any]:
        """Returns the message of a report. Raises DemoFailedError if it does not arrive in time."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: report_id in self._messages, WEBHOOK_SECONDS):
                refused = f"; refused: {self._refused}" if self._refused else ""
                raise DemoFailedError(
                    f"no signed webhook for {report_id} within {WEBHOOK_SECONDS} s{refused}; see `make logs`"
                )
            return self._messages[report_id]


@contextmanager
def _receiver(secret: str) -> Iterator[_Inbox]:
    inbox = _Inbox(secret)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            is_valid = inbox.take(body, {name.lower(): value for name, value in self.headers.items()})
            self.send_response(204 if is_valid else 401)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            """Does nothing: the demo prints its own lines."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    inbox.address = f"http://127.0.0.1:{server.server_address[1]}/resma"
    thread = threading.Thread(target=server.serve_forever, name="webhook-receiver", daemon=True)
    thread.start()
    try:
        yield inbox
    finally:
        server.shutdown()
        server.server_close()


def _download(
    http: urllib3.PoolManager, report: dict[str, Any], presigned: str, folder: Path, progress: Progress
) -> Path:
    """Checks that the stable link redirects, and downloads the file from the URL of the webhook."""
    redirect = http.request("GET", report["links"]["download"], redirect=False)
    if redirect.status != 303:
        raise DemoFailedError(f"the download link answered {redirect.status} instead of 303")
    folder.mkdir(parents=True, exist_ok=True)
    answer = http.request("GET", presigned, preload_content=False, headers={})  # a presigned URL needs no key
    if answer.status != 200:
        raise DemoFailedError(f"the presigned URL answered {answer.status}: {answer.read(500)!r}")
    named = re.search(r'filename="([\w.-]+)"', answer.headers.get("Content-Disposition", ""))
    path = folder / (named[1] if named else f"{report['id']}.{report['format'].lower()}")
    sha256 = hashlib.sha256()
    with path.open("wb") as file:
        for chunk in answer.stream(1 << 20):
            sha256.update(chunk)
            file.write(chunk)
    if path.stat().st_size != report["bytes"] or sha256.hexdigest() != report["sha256"]:
        raise DemoFailedError(f"{path} is not the file that the status describes: size or SHA-256 differ")
    progress.say(f"downloaded {path.stat().st_size:,} bytes, the SHA-256 matches")
    return path


def _check_content(path: Path, report: dict[str, Any], demo: Demo) -> None:
    if report["rows"] != demo.rows:
        raise DemoFailedError(f"the report has {report['rows']:,} rows, the demo bank {demo.rows:,}")
    try:
        counted = count_rows(path, demo.format)
    except ValueError as error:
        raise DemoFailedError(str(error)) from error
    if counted != demo.rows:
        raise DemoFailedError(f"{path} holds {counted:,} rows, the demo bank {demo.rows:,}")


def _tell(report: dict[str, Any], webhook: dict[str, Any], path: Path, seconds: float, progress: Progress) -> None:
    metrics = report["metrics"]
    stages = ", ".join(f"{name} {value:.2f} s" for name, value in metrics["seconds"].items())
    progress.say(f"webhook {webhook['id']} came, its signature is right")
    progress.say(f"worker: {stages}; {metrics['rowsPerSecond']:,} rows/s, peak memory {metrics['peakRssMb']:.0f} MB")
    cost = metrics["costUsd"]
    progress.say(f"cost on AWS, by the list prices of {cost['prices']}: {cost['total']} USD")
    totals = "; ".join(f"{t['currency']} {t['amounts']['amount']} in {t['rows']:,} rows" for t in report["totals"])
    progress.say(f"totals: {totals}")
    progress.say(f"READY {seconds:.2f} s after the request: {path}")
