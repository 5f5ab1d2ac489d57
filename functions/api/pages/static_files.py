"""Static files of web pages, served with an entity tag and a Content Security Policy."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from aws_lambda_powertools.event_handler import Response

_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True)
class StaticFile:
    """File of a web page."""

    text: str
    media_type: str
    tag: str
    """Entity tag (RFC 9110 §8.8.3)."""


def read_files(folder: Path) -> dict[str, StaticFile]:
    """Reads the files of known types, by their path below the folder. Names in requests never reach the file system."""
    return {
        path.relative_to(folder).as_posix(): static_file(path.read_text(encoding="utf-8"), _MEDIA_TYPES[path.suffix])
        for path in sorted(folder.rglob("*"))
        if path.suffix in _MEDIA_TYPES
    }


def static_file(text: str, media_type: str) -> StaticFile:
    """Returns a file with this content and its entity tag."""
    return StaticFile(text, media_type, f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"')


def answer_file(file: StaticFile, headers: Mapping[str, str], if_none_match: str | None) -> Response[str]:
    """Returns 200 with the file, or 304 if the browser has it. `headers` are those of the page, such as its policy."""
    all_headers: dict[str, str | list[str]] = {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        # The browser revalidates each file, so that a page never runs with modules of another version.
        "Cache-Control": "no-cache",
        **headers,
        "ETag": file.tag,
    }
    if file.tag in (if_none_match or ""):
        return Response(HTTPStatus.NOT_MODIFIED, file.media_type, "", headers=all_headers)
    return Response(HTTPStatus.OK, file.media_type, file.text, headers=all_headers)
