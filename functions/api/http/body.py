"""Checks of a request body before it is parsed: media type, size, and valid JSON in UTF-8."""

from __future__ import annotations

import base64
import json
from typing import Any

from resma.request_errors import RequestMalformedError, RequestTooLargeError, UnsupportedMediaTypeError

MAX_BODY_BYTES = 256 * 1024
"""Maximum size of a request body. Larger bodies are rejected without being parsed."""

MEDIA_TYPE = "application/json"


def check_body(event: dict[str, Any]) -> None:
    """Checks that a request has no body, or one that can be parsed.

    Raises RequestTooLargeError, UnsupportedMediaTypeError or RequestMalformedError. Powertools detects only some of
    these errors, and reports the others as internal errors.
    """
    body = event.get("body") or ""
    if not body:
        _set_media_type(event, None)
        return
    if len(body.encode()) > MAX_BODY_BYTES:
        raise RequestTooLargeError(f"The body must have at most {MAX_BODY_BYTES} bytes. Send a smaller request.")
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    media_type = (headers.get("content-type") or MEDIA_TYPE).partition(";")[0].strip().lower()
    if media_type != MEDIA_TYPE:
        raise UnsupportedMediaTypeError(
            f"The media type of the body is {media_type[:100]}. Send JSON with `Content-Type: {MEDIA_TYPE}`."
        )
    _set_media_type(event, MEDIA_TYPE)
    _require_json(body, is_base64=bool(event.get("isBase64Encoded")))


def _set_media_type(event: dict[str, Any], media_type: str | None) -> None:
    """Replaces the header `Content-Type` of an event by the form that powertools understands; None removes it.

    Powertools would parse an empty body as a form, and expects lower case, although media types are case-insensitive
    (RFC 9110 §8.3.1).
    """
    for name, value in (("headers", media_type), ("multiValueHeaders", media_type and [media_type])):
        headers = event.get(name)
        if headers is None:
            continue
        for header in [header for header in headers if header.lower() == "content-type"]:
            del headers[header]
        if value:
            headers["Content-Type"] = value


def _require_json(body: str, *, is_base64: bool) -> None:
    """Raises RequestMalformedError if the body is not valid JSON, with line and column if they are known."""
    try:
        json.loads(base64.b64decode(body).decode() if is_base64 else body, object_pairs_hook=_refuse_duplicates)
    except json.JSONDecodeError as error:
        raise RequestMalformedError(
            f"The body is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    except (ValueError, RecursionError):  # not UTF-8, thousands of digits, deeply nested
        raise RequestMalformedError(
            "The body must be JSON in UTF-8, without numbers of thousands of digits or deeply nested values."
        ) from None


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Rejects repeated names, because parsers disagree about which value is used (RFC 8259, section 4)."""
    properties = dict(pairs)
    if len(properties) < len(pairs):
        seen: set[str] = set()
        name = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise RequestMalformedError(
            f"The body has the property `{name[:100]}` twice in one object. Remove one of them."
        )
    return properties
