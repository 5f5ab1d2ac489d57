"""Connections to hosts that callers name, protected against server-side request forgery (SSRF).

The host name is resolved once. All its IP addresses must be public or in a network that the operator allows, and the
connection is opened to one of exactly these addresses. So DNS rebinding, a name that resolves to another address later,
has no effect.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from ipaddress import ip_address

from resma.network.hosts import PUBLIC_HOSTS, HostNotAllowedError, may_go_to
from resma.network.receivers import AllowedReceivers

RESOLVE_SECONDS = 5.0
"""Timeout for resolving the host name."""
CONNECT_SECONDS = 5.0
"""Timeout for connecting to each IP address. A host may have several addresses, some of which are down."""

_NOT_PUBLIC = "The host has an IP address that is not public."


class StepTimeoutError(TimeoutError):
    """A step of connecting exceeded its timeout. The message names the step and the timeout."""


@dataclass(frozen=True)
class Deadline:
    """The time by which an operation must be finished."""

    at: float
    """Time of the clock `time.monotonic`."""

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Returns the deadline `seconds` from now."""
        return cls(time.monotonic() + seconds)

    def left(self, at_most: float = float("inf")) -> float:
        """Returns the seconds until the deadline, or `at_most` if that is less. Raises TimeoutError after it."""
        if (seconds := min(at_most, self.at - time.monotonic())) <= 0:
            raise TimeoutError
        return seconds


def resolve_host(host: str, port: int) -> list[str]:
    """Returns the IP addresses of a host from the system's resolver. Raises OSError."""
    infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in infos))


@dataclass(frozen=True)
class Network:
    """The resolver of host names, and the hosts that are allowed in addition to public ones."""

    receivers: AllowedReceivers = PUBLIC_HOSTS
    resolve: Callable[[str, int], Sequence[str]] = resolve_host


def connect_to(host: str, port: int, network: Network, deadline: Deadline) -> socket.socket:
    """Returns a socket that is connected to one of the IP addresses of a host, all of which are allowed.

    Raises HostNotAllowedError; StepTimeoutError if the name is not resolved or the host does not accept the connection
    in time; TimeoutError or OSError.
    """
    ips = _resolve(network, host, port, deadline)
    if not ips:
        raise OSError("The host name has no IP address.")
    for ip in ips:
        _require_allowed(host, ip, network)
    connection = _connect_to_one(ips, port, deadline)
    try:
        # The address of the connected peer is checked too, not only the address that was used to connect.
        _require_allowed(host, connection.getpeername()[0], network)
    except BaseException:
        connection.close()
        raise
    return connection


def _resolve(network: Network, host: str, port: int, deadline: Deadline) -> Sequence[str]:
    """Resolves the host name in a daemon thread, because getaddrinfo has no timeout."""
    ips: Future[Sequence[str]] = Future()

    def resolve() -> None:
        try:
            ips.set_result(network.resolve(host, port))
        except Exception as error:  # noqa: BLE001  # `ips.result` raises it
            ips.set_exception(error)

    threading.Thread(target=resolve, name="resolver", daemon=True).start()
    seconds = deadline.left(RESOLVE_SECONDS)
    try:
        return ips.result(seconds)
    except FutureTimeoutError:
        raise StepTimeoutError(f"The host name was not resolved within {seconds:.0f} s.") from None


def _require_allowed(host: str, ip: str, network: Network) -> None:
    if not may_go_to(host, ip_address(ip), network.receivers):
        # The message does not contain the address, because tenants must not learn how names resolve in this network.
        raise HostNotAllowedError(_NOT_PUBLIC)


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
            raise StepTimeoutError(f"The host did not accept the connection within {seconds:.0f} s.") from None
    except BaseException:
        connection.close()
        raise
    return connection
