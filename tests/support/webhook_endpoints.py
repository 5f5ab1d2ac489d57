"""Sends requests about webhook endpoints to the API."""

from __future__ import annotations

from typing import Any

from tests.support.system import System

HOOK = "https://hooks.example.com/resma"


ENDPOINTS = "/api/v1/webhook-endpoints"


def register(system: System, **request: Any) -> Any:
    """Registers an endpoint and returns the response body."""
    status, headers, body = system.call_api("POST", ENDPOINTS, {"url": HOOK, **request})
    assert status == 201, body
    assert headers["Location"].endswith(f"{ENDPOINTS}/{body['id']}")
    assert headers["Cache-Control"] == "no-store"
    return body


def call(system: System, method: str, path: str, body: Any = None, **query: str) -> Any:
    """Sends a request that must succeed, and returns the response body."""
    status, _, answer = system.call_api(method, path, body, query=query or None)
    assert status < 300, answer
    return answer


def refused(system: System, method: str, path: str, body: Any = None) -> tuple[int, str, list[str]]:
    """Sends a request that must be refused; returns the status, the problem's code, and its pointers."""
    status, headers, answer = system.call_api(method, path, body)
    assert headers["Content-Type"] == "application/problem+json"
    assert ("Retry-After" in headers) == (answer["type"].endswith("-in-progress"))
    assert answer["detail"]
    code = answer["type"].removeprefix("urn:resma:problem:")
    return status, code, [error["pointer"] for error in answer.get("errors", [])]
