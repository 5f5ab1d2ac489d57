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

from resma.errors import WebhookAddressRefused
from resma.public_address import is_loopback, is_private_v4, is_public

DOCKER_HOST = "host.docker.internal"
"""A container's name for its machine's loopback; it resolves to a private address."""

_LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})+")
# RFC 6761, RFC 6762, RFC 8375, and ICANN's name for private use; Kubernetes' and clouds' own names lie in them.
_PRIVATE_NAMES = ("localhost", "localdomain", "local", "internal", "home.arpa", "lan", "intranet", "corp", "home")
_PORTS = "443, or one from 1024 on"


@dataclass(frozen=True)
class WebhookAddress:
    """An address in parts. `host` is a name or an IP address, without brackets; `target` is path and query."""

    is_https: bool
    host: str
    port: int
    target: str


def parse_webhook_address(url: str, *, opens_loopback: bool = False) -> WebhookAddress:
    """Reads the address of a webhook. Raises WebhookAddressRefused, which says what to give instead.

    With `opens_loopback`, for local development, http and loopback are good too.
    """
    if not url.isascii() or re.search(r"[\x00-\x20\x7f\\]", url):
        raise WebhookAddressRefused("use ASCII without spaces, control characters or backslashes: a name as punycode")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").removesuffix("."), parts.port
    except ValueError as error:
        raise WebhookAddressRefused("host or port can't be read: give https://host/path") from error
    if parts.scheme not in ({"https", "http"} if opens_loopback else {"https"}):
        raise WebhookAddressRefused("give an address that begins with https://")
    if "@" in parts.netloc:
        raise WebhookAddressRefused("leave out user name and password: the signature says who sends")
    if parts.fragment or url.endswith("#"):
        raise WebhookAddressRefused("leave out the fragment, from # on: it is never sent")
    if port is None:
        port = 443 if parts.scheme == "https" else 80
    if not opens_loopback and port != 443 and port < 1024:
        raise WebhookAddressRefused(f"use port {_PORTS}")
    _require_host(host, opens_loopback=opens_loopback)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return WebhookAddress(parts.scheme == "https", host, port, target)


def hide_query(url: str) -> str:
    """For whoever may see where a webhook goes: receivers that know their callers by a token have it there.

    What comes out with `?…` is no address that may be given.
    """
    address, has_query, _ = url.partition("?")
    return f"{address}?…" if has_query else address


def may_go_to(host: str, address: IPv4Address | IPv6Address, *, opens_loopback: bool) -> bool:
    """Whether webhooks for a host may be sent to this address, which it has or resolves to."""
    if is_public(address):
        return True
    return opens_loopback and (is_loopback(address) or (host == DOCKER_HOST and is_private_v4(address)))


def _require_host(host: str, *, opens_loopback: bool) -> None:
    if (literal := _literal(host)) is not None:
        if not may_go_to(host, literal, opens_loopback=opens_loopback):
            raise WebhookAddressRefused("this IP address is private or reserved: webhooks go to public ones only")
        return
    if opens_loopback and host in {"localhost", DOCKER_HOST}:
        return
    if host.rpartition(".")[2] in _PRIVATE_NAMES or host.endswith(".home.arpa"):
        raise WebhookAddressRefused("this name is for private networks: webhooks go to public addresses only")
    if len(host) > 253 or not _NAME.fullmatch(host):
        raise WebhookAddressRefused("give the whole name of a host, like hooks.example.com")


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    """The IP address that a host is, if it is one. Raises WebhookAddressRefused where it is one in disguise."""
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
        raise WebhookAddressRefused("write an IP address as four decimal numbers, or as IPv6 in brackets without zone")
    return None
