"""A TCP proxy between functions and their dependencies that injects faults on demand."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, Self

_CHUNK = 65536
_DRAIN_SECONDS = 5
_MESSAGE = 4096
"""Bytes that are kept of what a connection sent, in which a fault finds both of its strings."""

MAX_WAIT_SECONDS = 300
"""Maximum time that a fault waits for the end of another thread's fault."""

_SERVICE_UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass
class Fault:
    """A fault that the proxy injects during the `with` block of `FaultProxy.failing`.

    It affects a connection that has sent `when` (empty: any connection) and soon after it `then`, and has carried more
    than `after_bytes` since the block began, both directions together. With `everywhere` it then affects all
    connections, old and new.
    """

    kind: Literal["refuse", "stall", "cut", "slow", "error"]
    """refuse: reset the connection before a byte is forwarded. stall: forward nothing until the fault ends.
    cut: forward the data that was read, then reset the caller's side only. slow: forward `bytes_per_second`.
    error: answer an HTTP request with status 503, and forward nothing."""
    when: bytes = b""
    then: bytes = b""
    after_bytes: int = 0
    everywhere: bool = False
    bytes_per_second: int = 0
    connections: int = 0
    """Number of connections that were opened or used during the fault."""
    injected: threading.Event = field(default_factory=threading.Event)
    counting: threading.Lock = field(default_factory=threading.Lock)
    ended: threading.Event = field(default_factory=threading.Event)

    def count_connection(self) -> None:
        """Counts a connection that was opened or used for the first time during the fault."""
        with self.counting:
            self.connections += 1

    def matches(self, sent: bytes) -> bool:
        """Returns whether a caller that sent these bytes is affected."""
        start = sent.find(self.when)
        return start >= 0 and sent.find(self.then, start) >= 0

    def wait_for_fault(self, seconds: float = 180) -> None:
        """Waits until the fault has affected a connection. Raises AssertionError after the given time."""
        assert self.injected.wait(seconds), f"No connection was affected by the fault ({self.kind}) in {seconds} s."


@dataclass(eq=False)
class _Link:
    """A connection of a caller, and the connection to the server behind the proxy."""

    caller: socket.socket
    server: socket.socket
    fault: Fault | None = None
    carried: int = 0
    has_matched: bool = False
    tail: bytes = b""

    def is_affected(self, fault: Fault, chunk: bytes, is_from_caller: bool) -> bool:
        """Counts a chunk; returns whether the fault affects this connection from this chunk on."""
        if self.fault is not fault:
            self.fault, self.carried, self.has_matched, self.tail = fault, 0, not fault.when, b""
            fault.count_connection()
        self.carried += len(chunk)
        if is_from_caller and not self.has_matched:
            sent = self.tail + chunk
            self.has_matched = fault.matches(sent)
            self.tail = sent[-_MESSAGE:]
        if self.has_matched and self.carried > fault.after_bytes:
            fault.injected.set()
            return True
        return fault.everywhere and fault.injected.is_set()

    def answer_error(self) -> None:
        """Answers the caller's HTTP request with status 503, and closes the connection."""
        self.caller.settimeout(_DRAIN_SECONDS)
        with contextlib.suppress(OSError):
            self.caller.sendall(_SERVICE_UNAVAILABLE)
            self.caller.shutdown(socket.SHUT_WR)
            # Closing a socket with unread bytes sends a reset, which would discard the response.
            while self.caller.recv(_CHUNK):
                pass
        self.reset(self.server)

    def reset(self, *ends: socket.socket) -> None:
        """Shuts these sides down at once. `_serve` closes them, so that no descriptor is used after it was closed."""
        for end in ends or (self.caller, self.server):
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


class FaultProxy:
    """Listens on a free port of loopback and forwards everything to the target, except while a fault is injected."""

    def __init__(self, target_port: int, target_host: str = "127.0.0.1") -> None:
        self._target = (target_host, target_port)
        self._fault: Fault | None = None
        self._is_free = threading.Lock()
        self._links: set[_Link] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, name=f"proxy-{self.port}", daemon=True).start()

    @property
    def url(self) -> str:
        """The URL of the proxy, for HTTP."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    @contextlib.contextmanager
    def failing(self, fault: Fault) -> Iterator[Fault]:
        """Injects a fault for the duration of the block. Another thread's fault is first waited for."""
        assert self._is_free.acquire(timeout=MAX_WAIT_SECONDS), "The proxy injects one fault at a time."
        self._fault = fault
        try:
            yield fault
        finally:
            self._fault = None
            fault.ended.set()
            self._is_free.release()

    @contextlib.contextmanager
    def slowed(self, bytes_per_second: int) -> Iterator[None]:
        """Limits each direction of each connection to a rate for the duration of the block."""
        with self.failing(Fault("slow", bytes_per_second=bytes_per_second)):
            yield

    def redirect(self, target_port: int) -> None:
        """Forwards new connections to another port, for a proxy whose URL is needed before its target exists."""
        self._target = (self._target[0], target_port)

    def close(self) -> None:
        """Closes the listener and every connection."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for link in list(self._links):
            link.reset()

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(caller,), name="proxy-link", daemon=True).start()

    def _serve(self, caller: socket.socket) -> None:
        if self._is_refusing():
            caller.close()
            return
        try:
            server = socket.create_connection(self._target, timeout=60)
        except OSError:
            caller.close()
            return
        server.settimeout(None)
        for end in (caller, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = _Link(caller, server)
        self._links.add(link)
        back = threading.Thread(target=self._pump, args=(link, server, caller), name="proxy-back", daemon=True)
        back.start()
        self._pump(link, caller, server)
        back.join()
        caller.close()
        server.close()
        self._links.discard(link)

    def _is_refusing(self) -> bool:
        fault = self._fault
        if fault is None or fault.kind != "refuse":
            return False
        is_refusing = (not fault.when and not fault.after_bytes) or (fault.everywhere and fault.injected.is_set())
        if is_refusing:
            fault.injected.set()
            fault.count_connection()
        return is_refusing

    def _pump(self, link: _Link, source: socket.socket, sink: socket.socket) -> None:
        """Forwards one direction of a connection until its end."""
        with contextlib.suppress(OSError):
            while chunk := source.recv(_CHUNK):
                fault = self._fault
                if fault is not None and link.is_affected(fault, chunk, source is link.caller):
                    if fault.kind == "cut":
                        sink.sendall(chunk)
                        link.reset(link.caller)
                        break
                    if fault.kind == "error" and source is link.caller:
                        link.answer_error()
                        return
                    if fault.kind in {"refuse", "error"}:
                        link.reset()
                        return
                    _delay(fault, len(chunk))
                sink.sendall(chunk)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


def _delay(fault: Fault, size: int) -> None:
    if fault.kind == "stall":
        fault.ended.wait()
    else:
        fault.ended.wait(size / fault.bytes_per_second)
