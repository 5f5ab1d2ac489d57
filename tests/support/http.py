"""Sends single HTTP requests whose timeouts are long enough for a busy machine."""

from __future__ import annotations

from typing import Any

import urllib3

PATIENT = urllib3.Timeout(connect=10, read=120)
"""Timeout of requests in tests; only a server that hangs reaches it. The default of `urllib3.request` is three
seconds, less than the first request to a new stack may take."""


def send(method: str, url: str, **arguments: Any) -> urllib3.BaseHTTPResponse:
    """Sends a request once, without retries, and returns the response. The arguments are those of urllib3."""
    return urllib3.request(method, url, **{"timeout": PATIENT, "retries": False, **arguments})
