"""Ports of the loopback interface: chooses free ports, and checks requested ones."""

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
"""Range of chosen ports, below the kernel's ephemeral ports (ip_local_port_range starts at 32768)."""


def free_port() -> int:
    """Returns a port that nothing listens on, and that no other call on this machine has returned recently.

    A server takes seconds until it listens; meanwhile neither a connection nor another stack may use its port.
    """
    path = Path(tempfile.gettempdir()) / f"resma-ports-{os.getuid()}"
    with path.open("a+", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        text = file.read()
        last = int(text) if text.isdecimal() else _PORTS.start
        port = next((port for port in _after(last) if _is_free(port)), None)
        if port is None:
            raise StackError(f"No port from {_PORTS.start} to {_PORTS.stop - 1} is free. End other programs.")
        file.truncate(0)
        file.write(str(port))
    return port


def _after(last: int) -> Iterator[int]:
    """Yields every port once, starting with the one after `last`."""
    return (_PORTS[(last + 1 + number - _PORTS.start) % len(_PORTS)] for number in range(len(_PORTS)))


def _is_free(port: int) -> bool:
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        return True
    return False


def require_free(port: int, variable: str) -> int:
    """Returns the port. Raises StackError, which names the variable that sets another port, if it is in use."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise StackError(
                f"Port {port} is used by another program. End it, or choose another port with {variable}=<port>."
            ) from error
    return port


def is_listening(port: int) -> bool:
    """Returns whether something accepts connections on the port."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.5):
        return True
    return False
