"""What a request's body must be before anything looks inside: JSON, in UTF-8, of a size that any request has."""

from __future__ import annotations

import base64
import json
from typing import Any

from resma.errors import RequestMalformed, RequestMediaTypeUnsupported, RequestTooLarge

BODY_BYTES_MAX = 256 * 1024
"""More than any request needs; what is larger is refused unread."""

MEDIA_TYPE = "application/json"


def check_body(event: dict[str, Any]) -> None:
    """Passes requests without a body, and those whose body can be read.

    Raises RequestTooLarge, RequestMediaTypeUnsupported or RequestMalformed. Powertools would answer some of these too,
    but turns the rest into an error of ours.
    """
    body = event.get("body") or ""
    if not body:
        _set_media_type(event, None)
        return
    if len(body.encode()) > BODY_BYTES_MAX:
        raise RequestTooLarge(f"the body has more than {BODY_BYTES_MAX} bytes: no request needs that many")
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    media_type = (headers.get("content-type") or MEDIA_TYPE).partition(";")[0].strip().lower()
    if media_type != MEDIA_TYPE:
        raise RequestMediaTypeUnsupported(f"the body came as {media_type[:100]}: send Content-Type: {MEDIA_TYPE}")
    _set_media_type(event, MEDIA_TYPE)
    if not _is_json(body, is_base64=bool(event.get("isBase64Encoded"))):
        raise RequestMalformed("the body is not JSON in UTF-8, or has a number of thousands of digits: mend it")


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


def _is_json(body: str, *, is_base64: bool) -> bool:
    try:
        json.loads(base64.b64decode(body).decode() if is_base64 else body)
    except (ValueError, RecursionError):  # also no UTF-8, a number of thousands of digits, a thousand brackets
        return False
    return True
