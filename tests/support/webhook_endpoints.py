"""Requests to the API about webhook endpoints."""

from __future__ import annotations

from typing import Any

from tests.support.system import System

HOOK = "https://hooks.example.com/resma"


ENDPOINTS = "/api/v1/webhook-endpoints"


def register(system: System, **request: Any) -> Any:
    """Registers an endpoint and returns its view."""
    status, headers, body = system.call_api("POST", ENDPOINTS, {"url": HOOK, **request})
    assert status == 201, body
    assert headers["Location"].endswith(f"{ENDPOINTS}/{body['id']}")
    assert headers["Cache-Control"] == "no-store"
    return body


def call(system: System, method: str, path: str, body: Any = None, **query: str) -> Any:
    """Makes a request that is taken, and returns its answer."""
    status, _, answer = system.call_api(method, path, body, query=query or None)
    assert status < 300, answer
    return answer


def refused(system: System, method: str, path: str, body: Any = None) -> tuple[int, str, list[str]]:
    """Makes a request that is not; returns the status, the problem's type, and its pointers."""
    status, headers, answer = system.call_api(method, path, body)
    assert headers["Content-Type"] == "application/problem+json"
    assert ("Retry-After" in headers) == (answer["type"].endswith("-under-way"))
    assert answer["detail"]
    code = answer["type"].removeprefix("urn:resma:problem:")
    return status, code, [error["pointer"] for error in answer.get("errors", [])]
