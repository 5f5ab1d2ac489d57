"""API documentation: Swagger UI, as it comes with powertools, with the OpenAPI document."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from aws_lambda_powertools.event_handler import Response, openapi
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.pages.static_files import StaticFile, answer_file, read_files
from resma.request_errors import ReportFileNotFoundError

router = APIGatewayRouter()  # type: ignore[no-untyped-call]

DOCUMENT = "/openapi.json"
DOCS = "/docs"
FOLDERS = (Path(__file__).parents[1] / "docs", Path(openapi.__file__).parent / "swagger_ui")
PAGE = "index.html"

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        # Swagger UI writes style attributes.
        "style-src 'self' 'unsafe-inline'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""Content Security Policy (Level 3)."""


def is_open(event: dict[str, Any]) -> bool:
    """Whether a request needs no credentials because it is for a file of the page."""
    path = str(event.get("path", ""))
    return event.get("httpMethod") == "GET" and (path == DOCS or path.startswith(f"{DOCS}/"))


def is_open_without_key(event: dict[str, Any]) -> bool:
    """Whether credentials are optional for a request. With them, the OpenAPI document has the report types."""
    return event.get("httpMethod") == "GET" and event.get("path") == DOCUMENT


@router.get(DOCS, include_in_schema=False)
def handle_get_docs() -> Response[str]:
    """Handles GET: returns the page. Its URLs are relative, because on AWS it is below the path of a stage."""
    return _answer(PAGE)


@router.get(f"{DOCS}/<name>", include_in_schema=False)
def handle_get_docs_file(name: str) -> Response[str]:
    """Handles GET: returns a file of the page. Raises ReportFileNotFoundError."""
    return _answer(name)


def _answer(name: str) -> Response[str]:
    file = _files().get(name)
    if file is None:
        raise ReportFileNotFoundError("The documentation does not have this file. Its page is at /docs.")
    headers = {"Content-Security-Policy": _POLICY}
    return answer_file(file, headers, router.current_event.headers.get("If-None-Match"))


@lru_cache
def _files() -> dict[str, StaticFile]:
    return {name: file for folder in FOLDERS for name, file in read_files(folder).items()}
