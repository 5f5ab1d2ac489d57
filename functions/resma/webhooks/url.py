"""Parsing and validation of webhook URLs. Only this strict parser is used, so that no two parsers can disagree on a
host.

URLs are validated here when they are submitted. The IP addresses that a host name resolves to are checked at each
attempt (webhook/connect_checked.py).
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import urlsplit

from resma.request_errors import WebhookUrlNotAllowedError
from resma.webhooks.public_ip import is_loopback, is_private_v4, is_public
from resma.webhooks.receivers import AllowedReceivers

URL_SCHEMA = {"format": "callback-url", "pattern": r"^[!-\[\]-~]+$"}
"""JSON Schema of a webhook URL: ASCII without spaces, control characters and backslashes."""

DOCKER_HOST = "host.docker.internal"
"""Name of the host machine inside of a container; it resolves to a private address."""

_LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})+")
# RFC 6761, RFC 6762, RFC 8375, and ICANN's name for private use. Names of Kubernetes and of clouds are inside of these.
_LOOPBACK_NAMES = ("localhost", "localdomain")
_PRIVATE_NAMES = ("local", "internal", "home.arpa", "lan", "intranet", "corp", "home")
_PORTS = "443, or one from 1024 on"

PUBLIC_RECEIVERS = AllowedReceivers()
"""Only public https receivers are allowed."""


@dataclass(frozen=True)
class WebhookUrl:
    """A parsed URL. `host` is a name or an IP address without brackets, `target` is the path with the query."""

    is_https: bool
    host: str
    port: int
    target: str


def parse_webhook_url(url: str, receivers: AllowedReceivers = PUBLIC_RECEIVERS) -> WebhookUrl:
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
    _require_host(host, receivers)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return WebhookUrl(parts.scheme == "https", host, port, target)


def hide_query(url: str) -> str:
    """Returns a URL for display, with the query replaced by `?…`, because it may contain a token of the receiver.

    The result is not a valid webhook URL if the query was replaced.
    """
    before_query, has_query, _ = url.partition("?")
    return f"{before_query}?…" if has_query else before_query


def may_go_to(host: str, address: IPv4Address | IPv6Address, receivers: AllowedReceivers = PUBLIC_RECEIVERS) -> bool:
    """Returns whether webhooks for a host may be sent to this IP address, which the host is or resolves to."""
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
    # The addresses that an allowed private name resolves to are checked at each attempt.
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
    """Returns the IP address if the host is one. Raises WebhookUrlNotAllowedError for other notations of an address."""
    try:
        return IPv6Address(host) if ":" in host else IPv4Address(host)
    except AddressValueError:
        pass
    # Notations that the system's resolver accepts as IPv4 addresses (inet_aton): 127.1, 2130706433, 0x7f.1, 0177.0.0.1.
    looks_numeric = re.fullmatch(r"[0-9]+|0x[0-9a-f]*", host.rpartition(".")[2])
    try:
        socket.inet_aton(host)
    except OSError:
        is_accepted = False
    else:
        is_accepted = True
    if ":" in host or looks_numeric or is_accepted:
        raise WebhookUrlNotAllowedError(
            "An IP address must be four decimal numbers, or IPv6 in brackets without a zone."
        )
    return None
