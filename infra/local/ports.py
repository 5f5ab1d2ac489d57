"""Ports of loopback: chosen free, or asked for by name."""

from __future__ import annotations

import contextlib
import socket

from infra.local.errors import StackError


def free_port() -> int:
    """Returns a port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def require_free(port: int, variable: str) -> int:
    """Returns the port. Raises StackError when something listens on it, naming the variable that sets another."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise StackError(
                f"port {port} is taken by another program: free it, or choose another with {variable}=<port>"
            ) from error
    return port


def is_listening(port: int) -> bool:
    """Whether something accepts connections on the port."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.5):
        return True
    return False
