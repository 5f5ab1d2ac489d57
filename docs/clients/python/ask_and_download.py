"""Asks for a report, waits for it, and saves it once its SHA-256 is right. Python 3.9 or newer, and nothing besides.

RESMA_URL=https://reports.example.com RESMA_KEY=rsm_… \
python3 ask_and_download.py '{"type": "TRANSACTIONS", "format": "CSV"}' transactions.csv
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
KEY = os.environ.get("RESMA_KEY")  # `make up` takes requests of its own machine without one
TRIES = 5
LONGEST_PAUSE_SECONDS = 60


class Refused(Exception):
    """The API will not do it, or the report has failed; the message says why."""


class _StayHere(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: urllib would take the key along, and an object store refuses two credentials."""

    def redirect_request(self, *_arguments: Any) -> None:
        return None


_API = urllib.request.build_opener(_StayHere)


def call(address: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[Message, Any]:
    """Calls the API, again where that may help; returns the answer's headers and its JSON."""
    request = urllib.request.Request(address, body, headers or {})
    if KEY:
        request.add_header("Authorization", f"Bearer {KEY}")
    for tries_left in reversed(range(TRIES)):
        pause = 2
        try:
            with _API.open(request, timeout=60) as answer:
                return answer.headers, json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == 303:
                return error.headers, None
            may_pass = error.code == 429 or error.code >= 500 or "Retry-After" in error.headers
            pause = int(error.headers.get("Retry-After", pause))
            if not may_pass or not tries_left or pause > LONGEST_PAUSE_SECONDS:
                raise Refused(explain(error.code, error.read())) from None
        except (OSError, HTTPException):  # no connection, or it broke
            if not tries_left:
                raise
        time.sleep(pause)
    raise AssertionError  # the last try has returned or raised


def explain(status: int, body: bytes) -> str:
    """Puts a problem (RFC 9457) into words; a gateway's answer may be none."""
    try:
        problem = json.loads(body)
        parts = [f"\n  {part['pointer']}: {part['detail']}" for part in problem.get("errors", [])]
        return f"{status} {problem['title']}: {problem['detail']}{''.join(parts)}"
    except (ValueError, KeyError):
        return f"{status}"


def ask(wanted: str) -> tuple[Message, Any]:
    """Asks for a report. Sent again with the same Idempotency-Key, a request is still one report."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
    return call(f"{URL}/api/v1/reports/generate", wanted.encode(), headers)


def wait(headers: Message, report: Any) -> Any:
    """Waits until the report is READY, and returns it."""
    while report["status"] in {"PENDING", "GENERATING"}:
        progress = report["progress"]
        print(report["status"], progress["rowsDone"], "of", progress["rowsExpected"] or "?", "rows", file=sys.stderr)
        time.sleep(int(headers.get("Retry-After", 2)))
        headers, report = call(report["links"]["self"])
    if report["status"] != "READY":
        raise Refused(f"the report is {report['status']}: {(report['error'] or {}).get('detail', '')}")
    return report


def save(report: Any, path: str) -> list[str]:
    """Saves the report's file under `path`; of several, each with its format at its name's end. Returns their names."""
    saved = []
    for file in report["files"]:
        saved.append(f"{path}.{file['format'].lower()}" if len(report["files"]) > 1 else path)
        download(file, Path(saved[-1]))
    return saved


def download(described: Any, path: Path) -> None:
    """Saves a file under `path`, where it only appears if it is whole."""
    headers, _ = call(described["download"])
    part = Path(f"{path}.part")
    sha256 = hashlib.sha256()
    # The address is its own credential, good for an hour.
    with urllib.request.urlopen(headers["Location"], timeout=60) as answer, part.open("wb") as file:
        while chunk := answer.read(1 << 20):
            sha256.update(chunk)
            file.write(chunk)
    if sha256.hexdigest() != described["sha256"]:
        raise Refused(f"{part} is not the file that the report describes: its SHA-256 differs")
    part.replace(path)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("give a request in JSON, and a name for the file")
    try:
        print(*save(wait(*ask(sys.argv[1])), sys.argv[2]), sep="\n")
    except Refused as refused:
        sys.exit(str(refused))
    except (OSError, HTTPException, ValueError) as error:  # of the network, of the disk, or an answer that is no JSON
        sys.exit(f"it can't be done: {getattr(error, 'reason', error)}")
