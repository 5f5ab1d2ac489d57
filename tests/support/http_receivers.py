"""Webhook receivers on real sockets, whose responses a test chooses: valid, invalid, or none."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ReceivedRequest:
    """A received request: its first line, its headers with names in lower case, and its body."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class HttpReceiver:
    """A running receiver, and the requests that it has received."""

    port: int
    requests: list[ReceivedRequest] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The URL to which webhooks are sent."""
        return f"http://127.0.0.1:{self.port}/hook"


Answer = Callable[[socket.socket], None]
"""Sends a response, or none, on a connection that has received a request. The connection is closed afterwards."""


def status(code: int, *headers: str) -> Answer:
    """Returns a function that answers with a valid response without a body."""
    head = "\r\n".join([f"HTTP/1.1 {code} Something", "Content-Length: 0", *headers])
    return lambda connection: connection.sendall(f"{head}\r\n\r\n".encode())


@contextlib.contextmanager
def receiver(
    answer: Answer, wrap: Callable[[socket.socket], socket.socket] = lambda plain: plain
) -> Iterator[HttpReceiver]:
    """Runs a receiver on loopback, with one thread per connection. `wrap` can wrap a connection in TLS."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=64)
    server = HttpReceiver(listening.getsockname()[1])

    def serve(plain: socket.socket) -> None:
        # Some tests use clients that disconnect or do not trust the certificate.
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


def _read(connection: socket.socket) -> ReceivedRequest:
    with connection.makefile("rb") as stream:
        line = stream.readline().decode().strip()
        headers = {}
        while text := stream.readline().decode().strip():
            name, _, value = text.partition(":")
            headers[name.lower()] = value.strip()
        return ReceivedRequest(line, headers, stream.read(int(headers.get("content-length", 0))))
