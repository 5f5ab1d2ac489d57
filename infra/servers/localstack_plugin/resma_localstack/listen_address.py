"""Makes LocalStack listen only on the loopback interface, as GATEWAY_LISTEN requires.

LocalStack 4.13 uses only the port of an IPv4 address in GATEWAY_LISTEN, and would listen on all interfaces. Everybody
on the network could then read all secrets and run functions.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import endpoints


def apply() -> None:
    """Patches the class of the gateway's endpoint, which is created later."""

    class LoopbackEndpoint(endpoints.TCP4ServerEndpoint):
        def __init__(self, reactor: Any, port: int, backlog: int = 50, interface: str = "127.0.0.1") -> None:
            super().__init__(reactor, port, backlog, interface)

    endpoints.TCP4ServerEndpoint = LoopbackEndpoint
