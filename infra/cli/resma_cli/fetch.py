"""Opens the presigned URL of a report's file, at an offset."""

from __future__ import annotations

import urllib3
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from resma_cli.api_client import connect_to, describe_cause

CHUNK_BYTES = 1 << 20
TRIES_WITHOUT_PROGRESS = 5

_TIMEOUT = urllib3.Timeout(connect=10, read=30)


class LinkBrokenError(Exception):
    """The connection broke, or the URL has expired. A download may resume with another URL."""


class ContentWrongError(Exception):
    """The received file is not the one that the API describes."""


def require_progress(before: int, after: int) -> None:
    """Raises LinkBrokenError if an answer has no bytes, so that it counts as a failed attempt."""
    if after == before:
        raise LinkBrokenError("the store sent nothing")


def open_file(url: str, offset: int, http: urllib3.PoolManager | None = None) -> BaseHTTPResponse:
    """Opens a presigned URL, with a connection of a pool or with a new one. The API key is not sent to it.

    Raises LinkBrokenError.
    """
    headers = {"Range": f"bytes={offset}-"} if offset else {}
    try:
        answer = (http or connect_to(url)).request(
            "GET", url, headers=headers, preload_content=False, redirect=False, retries=False, timeout=_TIMEOUT
        )
    except HTTPError as error:
        raise LinkBrokenError(describe_cause(error)) from error
    is_continuation = answer.headers.get("Content-Range", "").startswith(f"bytes {offset}-")
    if answer.status != 200 and not (answer.status == 206 and is_continuation):
        answer.close()
        raise LinkBrokenError(f"the store answered {answer.status}")
    return answer
