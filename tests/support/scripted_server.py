"""A real HTTP server on loopback that sends the responses that a test sets, and records the requests."""

from __future__ import annotations

import json
import sys
import threading
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True)
class RecordedRequest:
    """A received request; the names of its headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """A response. `content` is sent as JSON, or unchanged if it is bytes.

    The last `cut` bytes are not sent, although Content-Length counts them.
    """

    status: int = 200
    content: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int = 0

    @property
    def body(self) -> bytes:
        """The content as bytes."""
        if isinstance(self.content, bytes):
            return self.content
        return b"" if self.content is None else json.dumps(self.content).encode()


def problem(status: int, code: str, detail: str, **more: Any) -> Reply:
    """Returns problem details as the API sends them."""
    content = {"type": f"urn:resma:problem:{code}", "title": code, "status": status, "detail": detail, **more}
    return Reply(status, content, {"Content-Type": "application/problem+json"})


class ScriptedServer:
    """Sends the responses set for each method and path in order, and repeats the last one. Others get status 404."""

    def __init__(self) -> None:
        self._replies: dict[tuple[str, str], deque[Reply]] = defaultdict(deque)
        self.requests: list[RecordedRequest] = []
        self._server = _Server(("127.0.0.1", 0), _handler_for(self))
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
        """Sets the responses to requests with this method and path."""
        self._replies[method, path] = deque(replies)

    def respond(self, request: RecordedRequest) -> Reply:
        """Records a request and returns the response to it."""
        self.requests.append(request)
        replies = self._replies[request.method, request.path.partition("?")[0]]
        if not replies:
            return problem(404, "not-found", "This path does not exist.")
        return replies.popleft() if len(replies) > 1 else replies[0]

    def count(self, method: str, path: str) -> int:
        """Returns the number of requests with this method and path."""
        return sum(one.method == method and one.path.partition("?")[0] == path for one in self.requests)


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignores clients that disconnect: the traceback could become part of the output that a later test captures."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _handler_for(server: ScriptedServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = server.respond(RecordedRequest(self.command, self.path, headers, body))
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
            """Suppresses the log line of each request."""

    return Handler
