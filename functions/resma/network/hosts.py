"""Validation of the names and IP addresses of hosts that callers name.

Only this strict parser is used, so that no two parsers can disagree on a host.
"""

from __future__ import annotations

import re
import socket
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from resma.errors import ResmaError
from resma.network.public_ip import is_loopback, is_private_v4, is_public
from resma.network.receivers import AllowedReceivers

DOCKER_HOST = "host.docker.internal"
"""Name of the host machine inside of a container; it resolves to a private address."""

_LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})+")
# RFC 6761, RFC 6762, RFC 8375, and ICANN's name for private use. Names of Kubernetes and of clouds are inside of these.
_LOOPBACK_NAMES = ("localhost", "localdomain")
_PRIVATE_NAMES = ("local", "internal", "home.arpa", "lan", "intranet", "corp", "home")

PUBLIC_HOSTS = AllowedReceivers()
"""Only hosts on the public internet are allowed."""


class HostNotAllowedError(ResmaError):
    """The name or address of a host is not valid, or it is not public. The message says how to correct it."""

    code = "host-not-allowed"


def may_go_to(host: str, address: IPv4Address | IPv6Address, receivers: AllowedReceivers = PUBLIC_HOSTS) -> bool:
    """Returns whether connections for a host may go to this IP address, which the host is or resolves to."""
    if is_public(address) or receivers.is_allowed(address):
        return True
    return receivers.opens_loopback and (is_loopback(address) or (host == DOCKER_HOST and is_private_v4(address)))


def require_host(host: str, receivers: AllowedReceivers) -> None:
    """Raises HostNotAllowedError unless it is a public IP address, the full name of a host, or allowed.

    The addresses that a name resolves to are checked at each connection (`connect.py`).
    """
    if (literal := _literal(host)) is not None:
        if not may_go_to(host, literal, receivers):
            raise HostNotAllowedError(
                "This IP address is private or reserved. Files and webhooks are sent to public addresses only."
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
        raise HostNotAllowedError(
            "This name is for private networks. Files and webhooks are sent to public addresses only."
        )
    if len(host) > 253 or not _NAME.fullmatch(host):
        raise HostNotAllowedError("It must have the full name of a host, like host.example.com.")


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    """Returns the IP address if the host is one. Raises HostNotAllowedError for other notations of an address."""
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
        raise HostNotAllowedError("An IP address must be four decimal numbers, or IPv6 in brackets without a zone.")
    return None
