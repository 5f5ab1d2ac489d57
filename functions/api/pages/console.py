"""Files of the console. They need no credentials, because the page gets all data from the API with a key."""

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
from api.pages.brand import STYLE, brand_style, branded_page
from api.pages.static_files import StaticFile, answer_file, read_files, static_file
from resma.request_errors import ReportFileNotFoundError

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
"""Content Security Policy (Level 3): no content from other origins, no inline code, and no frames."""

_HEADERS = {"Content-Security-Policy": _POLICY}


def is_open(event: dict[str, Any]) -> bool:
    """Whether a request needs no credentials because it is for a file of the console or for signing in."""
    path = str(event.get("path", ""))
    if console_sign_in.is_open(str(event.get("httpMethod")), path):
        return True
    return event.get("httpMethod") == "GET" and (path in {"/", CONSOLE, FAVICON} or path.startswith(f"{CONSOLE}/"))


@router.get("/", include_in_schema=False)
def handle_get_root() -> Response[str]:
    """Handles GET: redirects to the console."""
    return _redirect()


@router.get(CONSOLE, include_in_schema=False)
def handle_get_console() -> Response[str]:
    """Handles GET: returns the page. Its URLs are relative, because on AWS it is below the path of a stage, so that its
    own URL must not end with a slash.
    """
    return _redirect() if router.current_event.path.endswith("/") else _answer(PAGE)


@router.get(FAVICON, include_in_schema=False)
def handle_get_favicon() -> Response[str]:
    """Handles GET: returns the icon that browsers request at this URL for any page."""
    return _answer("icon.svg")


@router.get(f"{CONSOLE}/<name>", include_in_schema=False)
def handle_get_console_file(name: str) -> Response[str]:
    """Handles GET: returns a file, or 304 if the browser has it. Raises ReportFileNotFoundError."""
    return _answer(name)


@router.get(f"{CONSOLE}/<folder>/<name>", include_in_schema=False)
def handle_get_console_file_in_folder(folder: str, name: str) -> Response[str]:
    """Handles GET: returns a file in a folder, or 304 if the browser has it. Raises ReportFileNotFoundError."""
    return _answer(f"{folder}/{name}")


def _answer(name: str) -> Response[str]:
    file = _files().get(name)
    if name == PAGE and file is not None:
        file = static_file(branded_page(file.text), file.media_type)
    elif name == STYLE and (style := brand_style()):
        file = static_file(style, "text/css; charset=utf-8")
    if file is None:
        raise ReportFileNotFoundError("The console does not have this file. Its page is at /console.")
    return answer_file(file, _HEADERS, router.current_event.headers.get("If-None-Match"))


def _redirect() -> Response[str]:
    return Response(HTTPStatus.SEE_OTHER, "text/plain", "", headers={"Location": f"{base_url(router)}{CONSOLE}"})


@lru_cache
def _files() -> dict[str, StaticFile]:
    files = read_files(FOLDER)
    setting = f'<meta name="idle-minutes" content="{settings().console_idle_minutes}">'
    page = re.sub('<meta name="idle-minutes" content="[0-9]+">', setting, files[PAGE].text)
    return {**files, PAGE: static_file(page, files[PAGE].media_type)}
