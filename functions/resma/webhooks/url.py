"""Addresses of webhooks: read once, strictly, and by this alone, so that no two parsers can differ about a host.

What can be seen in an address is refused here, when it is given. What a name resolves to is only known when an attempt
is made, and is checked then (webhook/connect_checked.py).
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import urlsplit

from resma.errors import WebhookUrlNotAllowedError
from resma.webhooks.public_ip import is_loopback, is_private_v4, is_public
from resma.webhooks.receivers import AllowedReceivers

URL_SCHEMA = {"format": "callback-address", "pattern": r"^[!-\[\]-~]+$"}
"""What JSON Schema says of such a URL: ASCII without spaces, control characters and backslashes."""

DOCKER_HOST = "host.docker.internal"
"""A container's name for its machine's loopback; it resolves to a private address."""

_LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})+")
# RFC 6761, RFC 6762, RFC 8375, and ICANN's name for private use; Kubernetes' and clouds' own names lie in them.
_LOOPBACK_NAMES = ("localhost", "localdomain")
_PRIVATE_NAMES = ("local", "internal", "home.arpa", "lan", "intranet", "corp", "home")
_PORTS = "443, or one from 1024 on"

PUBLIC_RECEIVERS = AllowedReceivers()
"""Public https receivers and no others."""


@dataclass(frozen=True)
class WebhookUrl:
    """An address in parts. `host` is a name or an IP address, without brackets; `target` is path and query."""

    is_https: bool
    host: str
    port: int
    target: str


def parse_webhook_url(url: str, receivers: AllowedReceivers = PUBLIC_RECEIVERS) -> WebhookUrl:
    """Reads the URL of a webhook. Raises WebhookUrlNotAllowedError, which says what to give instead.

    With `opens_loopback`, for local development, http and loopback are allowed too.
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
    _require_host(host, receivers)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return WebhookUrl(parts.scheme == "https", host, port, target)


def hide_query(url: str) -> str:
    """For whoever may see where a webhook goes: receivers that know their callers by a token have it there.

    What comes out with `?…` is no address that may be given.
    """
    address, has_query, _ = url.partition("?")
    return f"{address}?…" if has_query else address


def may_go_to(host: str, address: IPv4Address | IPv6Address, receivers: AllowedReceivers = PUBLIC_RECEIVERS) -> bool:
    """Whether webhooks for a host may be sent to this address, which it has or resolves to."""
    if is_public(address) or receivers.is_allowed(address):
        return True
    return receivers.opens_loopback and (is_loopback(address) or (host == DOCKER_HOST and is_private_v4(address)))


def _require_host(host: str, receivers: AllowedReceivers) -> None:
    if (literal := _literal(host)) is not None:
        if not may_go_to(host, literal, receivers):
            raise WebhookUrlNotAllowedError(
                "This IP address is private or reserved. Webhooks are sent to public addresses only."
            )
        return
    if receivers.opens_loopback and host in {"localhost", DOCKER_HOST}:
        return
    top = host.rpartition(".")[2]
    # What a private name resolves to is checked with each attempt.
    is_refused = top in _LOOPBACK_NAMES or (
        not receivers.allowed_networks and (top in _PRIVATE_NAMES or host.endswith(".home.arpa"))
    )
    if is_refused:
        raise WebhookUrlNotAllowedError(
            "This name is for private networks. Webhooks are sent to public addresses only."
        )
    if len(host) > 253 or not _NAME.fullmatch(host):
        raise WebhookUrlNotAllowedError("It must have the full name of a host, like hooks.example.com.")


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    """The IP address that a host is, if it is one. Raises WebhookUrlNotAllowedError where it is one in disguise."""
    try:
        return IPv6Address(host) if ":" in host else IPv4Address(host)
    except AddressValueError:
        pass
    # What the system's resolver takes for an IPv4 address (inet_aton): 127.1, 2130706433, 0x7f.1, 0177.0.0.1.
    looks_numeric = re.fullmatch(r"[0-9]+|0x[0-9a-f]*", host.rpartition(".")[2])
    try:
        socket.inet_aton(host)
    except OSError:
        is_taken = False
    else:
        is_taken = True
    if ":" in host or looks_numeric or is_taken:
        raise WebhookUrlNotAllowedError(
            "An IP address must be four decimal numbers, or IPv6 in brackets without a zone."
        )
    return None
