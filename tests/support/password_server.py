"""An SSH server of paramiko that allows one password, and no sessions."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import paramiko
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL


class _Rules(paramiko.ServerInterface):
    def __init__(self, user: str, password: str) -> None:
        self._login = (user, password)

    def get_allowed_auths(self, username: str) -> str:
        return "password"

    def check_auth_password(self, username: str, password: str) -> int:
        return AUTH_SUCCESSFUL if (username, password) == self._login else AUTH_FAILED


@contextlib.contextmanager
def password_server(host_key: Path, user: str, password: str) -> Iterator[int]:
    """Runs the server during the block, and yields its port."""
    key = paramiko.Ed25519Key.from_private_key_file(str(host_key))
    transports: list[paramiko.Transport] = []

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                caller, _ = listener.accept()
                transport = paramiko.Transport(caller)
                transports.append(transport)
                transport.add_server_key(key)
                transport.start_server(event=threading.Event(), server=_Rules(user, password))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, name="password-server", daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for transport in transports:
                transport.close()
