"""Parsing and validation of webhook URLs. Only this parser and that of resma/network/hosts.py are used, so that no two
parsers can disagree on a host.

URLs are validated here when they are submitted. The IP addresses that a host name resolves to are checked at each
attempt (resma/network/connect.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from resma.network.hosts import PUBLIC_HOSTS, HostNotAllowedError, require_host
from resma.network.receivers import AllowedReceivers
from resma.request_errors import WebhookUrlNotAllowedError

URL_SCHEMA = {"format": "callback-url", "pattern": r"^[!-\[\]-~]+$"}
"""JSON Schema of a webhook URL: ASCII without spaces, control characters and backslashes."""

_PORTS = "443, or one from 1024 on"


@dataclass(frozen=True)
class WebhookUrl:
    """A parsed URL. `host` is a name or an IP address without brackets, `target` is the path with the query."""

    is_https: bool
    host: str
    port: int
    target: str


def parse_webhook_url(url: str, receivers: AllowedReceivers = PUBLIC_HOSTS) -> WebhookUrl:
    """Parses a webhook URL. Raises WebhookUrlNotAllowedError, whose message says how to fix it.

    With `receivers.opens_loopback`, http and loopback addresses are also allowed, for local development.
    """
    opens_loopback = receivers.opens_loopback
    if not url.isascii() or re.search(r"[\x00-\x20\x7f\\]", url):
        raise WebhookUrlNotAllowedError(
            "It must be ASCII without spaces, control characters or backslashes. Write the name as punycode."
        )
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").removesuffix("."), parts.port
    except ValueError as error:
        raise WebhookUrlNotAllowedError("It is not a valid URL. It must have the form https://host/path.") from error
    if parts.scheme not in ({"https", "http"} if opens_loopback else {"https"}):
        raise WebhookUrlNotAllowedError("It must begin with https://.")
    if "@" in parts.netloc:
        raise WebhookUrlNotAllowedError("It must not contain a user name or password: webhooks are signed instead.")
    if parts.fragment or url.endswith("#"):
        raise WebhookUrlNotAllowedError("It must not contain a fragment (#…): it would not be sent.")
    if port is None:
        port = 443 if parts.scheme == "https" else 80
    if not opens_loopback and port != 443 and port < 1024:
        raise WebhookUrlNotAllowedError(f"Its port must be {_PORTS}.")
    try:
        require_host(host, receivers)
    except HostNotAllowedError as error:
        raise WebhookUrlNotAllowedError(str(error)) from error
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return WebhookUrl(parts.scheme == "https", host, port, target)


def hide_query(url: str) -> str:
    """Returns a URL for display, with the query replaced by `?…`, because it may contain a token of the receiver.

    The result is not a valid webhook URL if the query was replaced.
    """
    before_query, has_query, _ = url.partition("?")
    return f"{before_query}?…" if has_query else before_query
