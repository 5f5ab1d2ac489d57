"""Opens the presigned URL of a report's file, from an offset on."""

from __future__ import annotations

import urllib3
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from resma_cli.api_client import connect_to, say_cause

CHUNK_BYTES = 1 << 20
TRIES_WITHOUT_PROGRESS = 5

_TIMEOUT = urllib3.Timeout(connect=10, read=30)


class LinkBrokenError(Exception):
    """The connection broke, or the URL has expired. A download may resume with another URL."""


class ContentWrongError(Exception):
    """The received file is not the one that the API describes."""


def require_progress(before: int, after: int) -> None:
    """Raises LinkBrokenError where an answer has ended without a byte, so that it counts as a failed try."""
    if after == before:
        raise LinkBrokenError("the store sent nothing")


def open_file(address: str, offset: int) -> BaseHTTPResponse:
    """Opens a presigned URL, which is its own credential: no key is sent. Raises LinkBrokenError."""
    headers = {"Range": f"bytes={offset}-"} if offset else {}
    try:
        answer = connect_to(address).request(
            "GET", address, headers=headers, preload_content=False, redirect=False, retries=False, timeout=_TIMEOUT
        )
    except HTTPError as error:
        raise LinkBrokenError(say_cause(error)) from error
    goes_on = answer.headers.get("Content-Range", "").startswith(f"bytes {offset}-")
    if answer.status != 200 and not (answer.status == 206 and goes_on):
        answer.close()
        raise LinkBrokenError(f"the store answered {answer.status}")
    return answer
