"""A real HTTP server on loopback that answers as it is told, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What is answered: JSON, or bytes as they are; `cut` sends so many bytes less than promised and hangs up."""

    status: int = 200
    content: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int = 0

    @property
    def body(self) -> bytes:
        """As it goes over the wire."""
        if isinstance(self.content, bytes):
            return self.content
        return b"" if self.content is None else json.dumps(self.content).encode()


def problem(status: int, code: str, detail: str, **more: Any) -> Reply:
    """An error as the API says it."""
    content = {"type": f"urn:resma:problem:{code}", "title": code, "status": status, "detail": detail, **more}
    return Reply(status, content, {"Content-Type": "application/problem+json"})


class ScriptedServer:
    """Answers each method and path with what was given for it, in order; the last answer stays. 404 for all else."""

    def __init__(self) -> None:
        self._replies: dict[tuple[str, str], deque[Reply]] = defaultdict(deque)
        self.asked: list[Asked] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, method: str, path: str, *replies: Reply) -> None:
        """Says what is answered there from now on."""
        self._replies[method, path] = deque(replies)

    def take(self, asked: Asked) -> Reply:
        """Returns the answer to a request, and remembers it."""
        self.asked.append(asked)
        replies = self._replies[asked.method, asked.path.partition("?")[0]]
        if not replies:
            return problem(404, "not-found", "there is nothing at this address")
        return replies.popleft() if len(replies) > 1 else replies[0]

    def count(self, method: str, path: str) -> int:
        """How often it was asked for."""
        return sum(one.method == method and one.path.partition("?")[0] == path for one in self.asked)


def _handler_for(server: ScriptedServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = server.take(Asked(self.command, self.path, headers, body))
            content = reply.body
            begin = headers.get("range")
            is_part = begin is not None and reply.status == 206
            if is_part:
                offset = int((begin or "").removeprefix("bytes=").removesuffix("-"))
                total, content = len(content), content[offset:]
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if is_part:
                self.send_header("Content-Range", f"bytes {offset}-{total - 1}/{total}")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(content[: len(content) - reply.cut])
            self.close_connection = True

        do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815  # names that the base class looks for

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            """Quiet."""

    return Handler
