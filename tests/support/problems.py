"""Checks of problem details (RFC 9457)."""

from __future__ import annotations

import re
from typing import Any

import urllib3


def require_problem(answer: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    """Asserts that a response is a problem with a readable detail and without internal information; returns it."""
    assert answer.headers["Content-Type"] == "application/problem+json", (answer.status, answer.data)
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == answer.status
    assert problem["type"].startswith("urn:resma:problem:")
    assert problem["title"]
    assert problem["instance"].startswith("/")
    assert len(problem["detail"].split()) > 4, problem
    for field_error in problem.get("errors", []):
        # RFC 6901, section 3: the empty pointer is the whole body.
        assert re.fullmatch(r"(/.*)?", field_error["pointer"], re.DOTALL), problem
        assert field_error["detail"]
    content = answer.data.decode().lower()
    assert not any(word in content for word in ("traceback", "psycopg", "pydantic", ".py", "select "))
    return problem
