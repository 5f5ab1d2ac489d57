"""What a request's body must be before anything looks inside: JSON, in UTF-8, of a size that any request has."""

from __future__ import annotations

import base64
import json
from typing import Any

from resma.errors import RequestMalformedError, RequestTooLargeError, UnsupportedMediaTypeError

MAX_BODY_BYTES = 256 * 1024
"""More than any request needs; what is larger is refused unread."""

MEDIA_TYPE = "application/json"


def check_body(event: dict[str, Any]) -> None:
    """Passes requests without a body, and those whose body can be read.

    Raises RequestTooLargeError, UnsupportedMediaTypeError or RequestMalformedError. Powertools would answer some of
    these too, but turns the rest into an error of ours.
    """
    body = event.get("body") or ""
    if not body:
        _set_media_type(event, None)
        return
    if len(body.encode()) > MAX_BODY_BYTES:
        raise RequestTooLargeError(f"The body has more than {MAX_BODY_BYTES} bytes. No request needs that many.")
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    media_type = (headers.get("content-type") or MEDIA_TYPE).partition(";")[0].strip().lower()
    if media_type != MEDIA_TYPE:
        raise UnsupportedMediaTypeError(
            f"The body was sent as {media_type[:100]}. Send JSON with `Content-Type: {MEDIA_TYPE}`."
        )
    _set_media_type(event, MEDIA_TYPE)
    _require_json(body, is_base64=bool(event.get("isBase64Encoded")))


def _set_media_type(event: dict[str, Any], media_type: str | None) -> None:
    """As powertools knows it: it would look for a form in a body that is not there, and wants small letters, though
    a media type's may be of any case (RFC 9110 §8.3.1).
    """
    for name, value in (("headers", media_type), ("multiValueHeaders", media_type and [media_type])):
        headers = event.get(name)
        if headers is None:
            continue
        for found in [found for found in headers if found.lower() == "content-type"]:
            del headers[found]
        if value:
            headers["Content-Type"] = value


def _require_json(body: str, *, is_base64: bool) -> None:
    """Raises RequestMalformedError, with the place where there is one."""
    try:
        json.loads(base64.b64decode(body).decode() if is_base64 else body, object_pairs_hook=_refuse_duplicates)
    except json.JSONDecodeError as error:
        raise RequestMalformedError(
            f"The body is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    except (
        ValueError,
        RecursionError,
    ):  # not UTF-8, thousands of digits, a thousand brackets
        raise RequestMalformedError(
            "The body must be JSON in UTF-8, without numbers of thousands of digits or deeply nested values."
        ) from None


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Receivers disagree about which value of a repeated name counts (RFC 8259, section 4)."""
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        name = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise RequestMalformedError(
            f"The body has the property `{name[:100]}` twice in one object. Remove one of them."
        )
    return members
