"""Headers of every response."""

from __future__ import annotations

from typing import Any

STRICT_TRANSPORT_SECURITY = "max-age=31536000"
"""A year. Without `includeSubDomains`: the other hosts of the operator's domain are not ours to decide on."""


def add_security_headers(answer: dict[str, Any], event: dict[str, Any]) -> None:
    """Adds to a proxy answer what its route has not set itself.

    `nosniff` keeps browsers from taking JSON for something else (Fetch Standard, section 3.6). HSTS is for requests
    that came by https alone (RFC 6797, section 7.2), as API Gateway says in X-Forwarded-Proto.
    """
    headers = answer["multiValueHeaders"]
    headers.setdefault("X-Content-Type-Options", ["nosniff"])
    # With X-Api-Key a cache on the way would not know that an answer is one caller's (RFC 9111 §3.5).
    headers.setdefault("Cache-Control", ["no-store"])
    said = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    if said.get("x-forwarded-proto") == "https":
        headers.setdefault("Strict-Transport-Security", [STRICT_TRANSPORT_SECURITY])
