"""Ports of loopback: chosen free, or asked for by name."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

from infra.errors import StackError

_PORTS = range(20_000, 32_000)
"""Below those that the kernel gives to connections (ip_local_port_range begins at 32768)."""


def free_port() -> int:
    """Returns a port that nothing listens on, and that no other call on this machine was given lately.

    A server takes seconds until it listens; meanwhile neither a connection nor another stack may take its port.
    """
    path = Path(tempfile.gettempdir()) / f"resma-ports-{os.getuid()}"
    with path.open("a+", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        text = file.read()
        last = int(text) if text.isdecimal() else _PORTS.start
        port = next((port for port in _after(last) if _is_free(port)), None)
        if port is None:
            raise StackError(f"no port from {_PORTS.start} to {_PORTS.stop - 1} is free: end other programs")
        file.truncate(0)
        file.write(str(port))
    return port


def _after(last: int) -> Iterator[int]:
    """Every port once, beginning with the one after `last`."""
    return (_PORTS[(last + 1 + number - _PORTS.start) % len(_PORTS)] for number in range(len(_PORTS)))


def _is_free(port: int) -> bool:
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        return True
    return False


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
