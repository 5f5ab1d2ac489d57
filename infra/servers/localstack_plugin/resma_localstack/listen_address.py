"""LocalStack listens where GATEWAY_LISTEN says: on this machine alone.

4.13 takes the port from it and, of IPv4 addresses, nothing else: it would listen on all of the machine's, and whoever
reaches one of them may read every secret and run functions.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import endpoints


def apply() -> None:
    """Patches what the gateway's server is made with; it is made after this."""

    class LoopbackEndpoint(endpoints.TCP4ServerEndpoint):
        def __init__(self, reactor: Any, port: int, backlog: int = 50, interface: str = "127.0.0.1") -> None:
            super().__init__(reactor, port, backlog, interface)

    endpoints.TCP4ServerEndpoint = LoopbackEndpoint
