"""Customers' servers on real sockets, that answer by a script of their own: well, badly, or never."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Request:
    """What has come: the first line, the headers in lower case, the body."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Its address, and what has come so far."""

    port: int
    requests: list[Request] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it takes webhooks."""
        return f"http://127.0.0.1:{self.port}/hook"


Answer = Callable[[socket.socket], None]
"""Given a connection on which a request has come, answers it, or does not. The connection is closed after it."""


def status(code: int, *headers: str) -> Answer:
    """Answers well, without a body."""
    head = "\r\n".join([f"HTTP/1.1 {code} Something", "Content-Length: 0", *headers])
    return lambda connection: connection.sendall(f"{head}\r\n\r\n".encode())


@contextlib.contextmanager
def receiver(
    answer: Answer, wrap: Callable[[socket.socket], socket.socket] = lambda plain: plain
) -> Iterator[Receiver]:
    """A server on loopback, a thread a connection. `wrap` makes TLS of a connection."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=64)
    server = Receiver(listening.getsockname()[1])

    def serve(plain: socket.socket) -> None:
        # A client that goes away, or does not trust us, is what some tests are about.
        with contextlib.suppress(OSError, ValueError), plain, wrap(plain) as connection:
            server.requests.append(_read(connection))
            answer(connection)

    def listen() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def _read(connection: socket.socket) -> Request:
    with connection.makefile("rb") as stream:
        line = stream.readline().decode().strip()
        headers = {}
        while text := stream.readline().decode().strip():
            name, _, value = text.partition(":")
            headers[name.lower()] = value.strip()
        return Request(line, headers, stream.read(int(headers.get("content-length", 0))))
