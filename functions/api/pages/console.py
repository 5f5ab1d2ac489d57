"""The console's files: a page for people, open to anybody. What it shows, it asks of the API, with a key."""

from __future__ import annotations

import re
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.context import base_url, settings
from api.pages import console_sign_in
from api.pages.static_files import StaticFile, answer_file, read_files, static_file
from resma.errors import ReportFileNotFoundError

router = APIGatewayRouter()  # type: ignore[no-untyped-call]

CONSOLE = "/console"
FAVICON = "/favicon.ico"
FOLDER = Path(__file__).parents[1] / "console"
PAGE = "index.html"

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

_HEADERS = {"Content-Security-Policy": _POLICY}


def is_open(event: dict[str, Any]) -> bool:
    """Whether a request needs no key as it is for the console's files, for where they are, or for signing in."""
    path = str(event.get("path", ""))
    if console_sign_in.is_open(str(event.get("httpMethod")), path):
        return True
    return event.get("httpMethod") == "GET" and (path in {"/", CONSOLE, FAVICON} or path.startswith(f"{CONSOLE}/"))


@router.get("/", include_in_schema=False)
def handle_get_root() -> Response[str]:
    """GET: whoever comes by the front door is shown the console."""
    return _redirect()


@router.get(CONSOLE, include_in_schema=False)
def handle_get_console() -> Response[str]:
    """GET: the page. Its addresses are relative, as on AWS it lives below a stage's path: so no slash at the end."""
    return _redirect() if router.current_event.path.endswith("/") else _answer(PAGE)


@router.get(FAVICON, include_in_schema=False)
def handle_get_favicon() -> Response[str]:
    """GET: the icon that browsers look for beside any page. The page itself names it, as it may live below a stage."""
    return _answer("icon.svg")


@router.get(f"{CONSOLE}/<name>", include_in_schema=False)
def handle_get_console_file(name: str) -> Response[str]:
    """GET: one of its files; 304 for a browser that has it. Raises ReportFileNotFoundError."""
    return _answer(name)


@router.get(f"{CONSOLE}/<folder>/<name>", include_in_schema=False)
def handle_get_console_file_in_folder(folder: str, name: str) -> Response[str]:
    """GET: the same for a file in a folder. Raises ReportFileNotFoundError."""
    return _answer(f"{folder}/{name}")


def _answer(name: str) -> Response[str]:
    file = _files().get(name)
    if file is None:
        raise ReportFileNotFoundError("the console has no such file: GET /console is its page")
    return answer_file(file, _HEADERS, router.current_event.headers.get("If-None-Match"))


def _redirect() -> Response[str]:
    return Response(HTTPStatus.SEE_OTHER, "text/plain", "", headers={"Location": f"{base_url(router)}{CONSOLE}"})


@lru_cache
def _files() -> dict[str, StaticFile]:
    files = read_files(FOLDER)
    setting = f'<meta name="idle-minutes" content="{settings().console_idle_minutes}">'
    page = re.sub('<meta name="idle-minutes" content="[0-9]+">', setting, files[PAGE].text)
    return {**files, PAGE: static_file(page, files[PAGE].media_type)}
