"""The console's files: a page for people, open to anybody. What it shows, it asks of the API, with a key."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.context import base_url
from resma.errors import FileNotFound

router = APIGatewayRouter()  # type: ignore[no-untyped-call]

CONSOLE = "/console"
FOLDER = Path(__file__).parents[1] / "console"
PAGE = "index.html"

_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
"""Content Security Policy, Level 3: nothing from elsewhere, nothing inline, in nobody's frame."""

_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Asked again each time, and answered 304: a page must not run with the modules of the version before it.
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True)
class _File:
    text: str
    media_type: str
    tag: str
    """Its entity tag (RFC 9110 §8.8.3)."""


def is_open(event: dict[str, Any]) -> bool:
    """Whether a request needs no key as it is for the console's files, or for where they are."""
    path = str(event.get("path", ""))
    return event.get("httpMethod") == "GET" and (path in {"/", CONSOLE} or path.startswith(f"{CONSOLE}/"))


@router.get("/", include_in_schema=False)
def handle_get_root() -> Response[str]:
    """GET: whoever comes by the front door is shown the console."""
    return _redirect()


@router.get(CONSOLE, include_in_schema=False)
def handle_get_console() -> Response[str]:
    """GET: the page. Its addresses are relative, as on AWS it lives below a stage's path: so no slash at the end."""
    return _redirect() if router.current_event.path.endswith("/") else _answer(PAGE)


@router.get(f"{CONSOLE}/<name>", include_in_schema=False)
def handle_get_console_file(name: str) -> Response[str]:
    """GET: one of its files; 304 for a browser that has it. Raises FileNotFound."""
    return _answer(name)


def _answer(name: str) -> Response[str]:
    file = _files().get(name)
    if file is None:
        raise FileNotFound("the console has no such file: GET /console is its page")
    headers: dict[str, str | list[str]] = {**_HEADERS, "ETag": file.tag}
    if file.tag in (router.current_event.headers.get("If-None-Match") or ""):
        return Response(HTTPStatus.NOT_MODIFIED, file.media_type, "", headers=headers)
    return Response(HTTPStatus.OK, file.media_type, file.text, headers=headers)


def _redirect() -> Response[str]:
    return Response(HTTPStatus.SEE_OTHER, "text/plain", "", headers={"Location": f"{base_url(router)}{CONSOLE}"})


@lru_cache
def _files() -> dict[str, _File]:
    """All there is, by name, read once: no name of a caller's ever reaches the file system."""
    return {
        path.name: _File(text, _MEDIA_TYPES[path.suffix], f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"')
        for path in sorted(FOLDER.iterdir())
        if path.suffix in _MEDIA_TYPES
        for text in (path.read_text(encoding="utf-8"),)
    }
