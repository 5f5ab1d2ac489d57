"""Requests a report, waits for it, and saves it if its SHA-256 matches. Requires Python 3.9 or newer and no packages.

RESMA_URL=https://reports.example.com RESMA_KEY=rsm_… \
python3 generate_and_download.py '{"type": "TRANSACTIONS", "format": "CSV"}' transactions.csv
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from email.message import Message
from http.client import HTTPException
from pathlib import Path
from typing import Any

URL = os.environ.get("RESMA_URL", "http://localhost:3008")
KEY = os.environ.get("RESMA_KEY")  # A stack of `make up` needs no key.
MAX_TRIES = 5
MAX_PAUSE_SECONDS = 60


class ReportError(Exception):
    """Raised if the API rejects the request or the report fails; the message says why."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: urllib would send the key along, and an object store rejects a second credential."""

    def redirect_request(self, *_arguments: Any) -> None:
        return None


_API = urllib.request.build_opener(_NoRedirect)


def call(url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[Message, Any]:
    """Calls the API, with retries after temporary errors. Returns the headers and the JSON of the response."""
    request = urllib.request.Request(url, body, headers or {})
    if KEY:
        request.add_header("Authorization", f"Bearer {KEY}")
    for tries_left in reversed(range(MAX_TRIES)):
        pause = 2
        try:
            with _API.open(request, timeout=60) as response:
                return response.headers, json.load(response)
        except urllib.error.HTTPError as error:
            if error.code == 303:
                return error.headers, None
            is_temporary = error.code == 429 or error.code >= 500 or "Retry-After" in error.headers
            pause = int(error.headers.get("Retry-After", pause))
            if not is_temporary or not tries_left or pause > MAX_PAUSE_SECONDS:
                raise ReportError(explain(error.code, error.read())) from None
        except (OSError, HTTPException):  # There is no connection, or it was interrupted.
            if not tries_left:
                raise
        time.sleep(pause)
    raise AssertionError  # The last try has returned or raised.


def explain(status: int, body: bytes) -> str:
    """Formats a problem document (RFC 9457). The response of a gateway may not be one."""
    try:
        problem = json.loads(body)
        parts = [f"\n  {part['pointer']}: {part['detail']}" for part in problem.get("errors", [])]
        return f"{status} {problem['title']}: {problem['detail']}{''.join(parts)}"
    except (ValueError, KeyError):
        return f"{status}"


def generate(request: str) -> tuple[Message, Any]:
    """Requests a report. A retry with the same Idempotency-Key does not create a second report."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
    return call(f"{URL}/api/v1/reports/generate", request.encode(), headers)


def wait(headers: Message, report: Any) -> Any:
    """Waits until the report is READY, and returns it."""
    while report["status"] in {"PENDING", "GENERATING"}:
        progress = report["progress"]
        rows = f"{progress['rowsDone']} of {progress['rowsExpected'] or '?'} rows"
        print(f"{report['status']}: {rows}", file=sys.stderr)
        time.sleep(int(headers.get("Retry-After", 2)))
        headers, report = call(report["links"]["self"])
    if report["status"] != "READY":
        raise ReportError(f"The report is {report['status']}: {(report['error'] or {}).get('detail', '')}")
    return report


def save(report: Any, path: str) -> list[str]:
    """Saves the file of the report as `path`, or each of several files as `path.format`. Returns the file names."""
    saved = []
    for file in report["files"]:
        saved.append(f"{path}.{file['format'].lower()}" if len(report["files"]) > 1 else path)
        download(file, Path(saved[-1]))
    return saved


def download(described: Any, path: Path) -> None:
    """Saves a file as `path`, which exists only once the file is complete."""
    headers, _ = call(described["download"])
    part = Path(f"{path}.part")
    sha256 = hashlib.sha256()
    # The presigned URL needs no key and is valid for one hour.
    with urllib.request.urlopen(headers["Location"], timeout=60) as response, part.open("wb") as file:
        while chunk := response.read(1 << 20):
            sha256.update(chunk)
            file.write(chunk)
    if sha256.hexdigest() != described["sha256"]:
        raise ReportError(f"The SHA-256 of {part} does not match the report. Download the file again.")
    part.replace(path)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("Two arguments are required: the request as JSON, and a file name.")
    try:
        print(*save(wait(*generate(sys.argv[1])), sys.argv[2]), sep="\n")
    except ReportError as error:
        sys.exit(str(error))
    except (OSError, HTTPException, ValueError) as error:  # Network, disk, or a response that is not JSON.
        sys.exit(f"The report could not be saved: {getattr(error, 'reason', error)}")
