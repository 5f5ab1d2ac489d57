"""A connection to a webhook's receiver, and to nobody else.

The name is resolved once, every address that it has must be public or in a network that the operator allows, and the
connection is made to one of these very addresses: a name that resolves otherwise a moment later (DNS rebinding) changes
nothing. TLS is with the name.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address

from resma.errors import WebhookUrlNotAllowedError
from resma.webhooks.receivers import AllowedReceivers
from resma.webhooks.url import PUBLIC_RECEIVERS, WebhookUrl, may_go_to

RESOLVE_SECONDS = 5.0
CONNECT_SECONDS = 5.0
"""For each address; a receiver may have several, of which one is down."""

_NOT_PUBLIC = "not sent: the host has an address that is not public"


class StepTimeoutError(TimeoutError):
    """One step of connecting took longer than it may. The message names the step and its limit."""


@dataclass(frozen=True)
class Deadline:
    """A moment by which all must be done."""

    at: float
    """As time.monotonic() counts."""

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """So long from now."""
        return cls(time.monotonic() + seconds)

    def left(self, at_most: float = float("inf")) -> float:
        """Seconds until then, or `at_most`. Raises TimeoutError where there are none."""
        if (seconds := min(at_most, self.at - time.monotonic())) <= 0:
            raise TimeoutError
        return seconds


def resolve_host(host: str, port: int) -> list[str]:
    """Returns the IP addresses of a host, as the system's resolver gives them. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


@dataclass(frozen=True)
class Network:
    """How receivers are found, and which are allowed besides public ones."""

    receivers: AllowedReceivers = PUBLIC_RECEIVERS
    resolve: Callable[[str, int], Sequence[str]] = resolve_host


def connect_checked(address: WebhookUrl, network: Network, deadline: Deadline) -> socket.socket:
    """Returns a connected socket, with TLS for https.

    Raises WebhookUrlNotAllowedError, StepTimeoutError for a name that is not resolved or a host that does not take the
    connection in time, TimeoutError or OSError.
    """
    found = _resolve(network, address, deadline)
    if not found:
        raise OSError("the name has no address")
    for ip in found:
        _require_allowed(address.host, ip, network)
    connection = _connect_to_one(found, address.port, deadline)
    try:
        # Where the connection has led is looked at too, not only where it was sent.
        _require_allowed(address.host, connection.getpeername()[0], network)
        if address.is_https:
            connection.settimeout(deadline.left())
            connection = _tls().wrap_socket(connection, server_hostname=address.host)
    except BaseException:
        connection.close()
        raise
    return connection


def _resolve(network: Network, address: WebhookUrl, deadline: Deadline) -> Sequence[str]:
    """In a thread that may be left behind: getaddrinfo has no time limit."""
    answer: Future[Sequence[str]] = Future()

    def ask() -> None:
        try:
            answer.set_result(network.resolve(address.host, address.port))
        except Exception as error:  # noqa: BLE001  # raised again where it is waited for
            answer.set_exception(error)

    threading.Thread(target=ask, name="resolver", daemon=True).start()
    seconds = deadline.left(RESOLVE_SECONDS)
    try:
        return answer.result(seconds)
    except FutureTimeoutError:
        raise StepTimeoutError(f"the host's name was not resolved within {seconds:.0f} s") from None


def _require_allowed(host: str, ip: str, network: Network) -> None:
    if not may_go_to(host, ip_address(ip), network.receivers):
        # Which address it is would tell a tenant what names mean in here.
        raise WebhookUrlNotAllowedError(_NOT_PUBLIC)


def _connect_to_one(ips: Sequence[str], port: int, deadline: Deadline) -> socket.socket:
    for ip in ips[:-1]:
        with contextlib.suppress(OSError):
            return _connect(ip, port, deadline)
    return _connect(ips[-1], port, deadline)


def _connect(ip: str, port: int, deadline: Deadline) -> socket.socket:
    connection = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_STREAM)
    try:
        seconds = deadline.left(CONNECT_SECONDS)
        connection.settimeout(seconds)
        try:
            connection.connect((ip, port))
        except TimeoutError:
            raise StepTimeoutError(f"no connection within {seconds:.0f} s") from None
    except BaseException:
        connection.close()
        raise
    return connection


@lru_cache
def _tls() -> ssl.SSLContext:
    """Certificates are checked against the system's authorities, and names against certificates."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
