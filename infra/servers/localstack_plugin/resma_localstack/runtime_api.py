"""The Lambda Runtime API, served to one function process.

Source: AWS Lambda Developer Guide, "Using the Lambda runtime API" (version 2018-06-01).
"""

from __future__ import annotations

import json
import queue
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

VERSION = "/2018-06-01/runtime"
MAX_RESPONSE_BYTES = 6 * 1024 * 1024
"""Lambda's maximum size of a synchronous response."""


@dataclass
class Call:
    """One invocation. The process answers it, or the executor if the process fails."""

    request_id: str
    arn: str
    payload: bytes
    trace_id: str
    timeout_seconds: float
    answer: bytes = b""
    is_error: bool = False
    answered: threading.Event = field(default_factory=threading.Event)
    started: float = 0.0

    def end(self, answer: bytes, *, is_error: bool) -> None:
        """Sets the answer. Later answers are ignored."""
        if not self.answered.is_set():
            self.answer, self.is_error = answer, is_error
            self.answered.set()


class RuntimeApi:
    """Serves `next`, `response` and `error` to one process, on a port of the loopback interface."""

    def __init__(self) -> None:
        self._calls: queue.Queue[Call | None] = queue.Queue()
        self.current: Call | None = None
        self.is_initialized = threading.Event()
        self.init_error: bytes | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), name="runtime-api", daemon=True).start()

    @property
    def address(self) -> str:
        """Host and port, for AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def submit(self, call: Call) -> None:
        """Queues an invocation for the process."""
        self._calls.put(call)

    def next_call(self) -> Call | None:
        """Waits for the next invocation, and starts its timeout. Returns None if the API is closed."""
        self.is_initialized.set()
        self.current = call = self._calls.get()
        if call is not None:
            call.started = time.monotonic()
        return call

    def close(self) -> None:
        """Ends the server. Safe to call twice."""
        self._calls.put(None)
        self._server.shutdown()
        self._server.server_close()


def _end_within_limit(call: Call, body: bytes) -> None:
    if len(body) <= MAX_RESPONSE_BYTES:
        call.end(body, is_error=False)
        return
    message = f"Response payload size ({len(body)} bytes) exceeded maximum allowed payload size (6291556 bytes)."
    error = {"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message}
    call.end(json.dumps(error).encode(), is_error=True)


def _handler_for(api: RuntimeApi) -> type[BaseHTTPRequestHandler]:
    class RuntimeRequestHandler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Headers and body are two writes. With Nagle's algorithm, delayed acknowledgements would add 40 ms.
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            if self.path != f"{VERSION}/invocation/next":
                self._answer(404)
                return
            call = api.next_call()
            if call is None:
                self.close_connection = True
                return
            deadline = int((time.time() + call.timeout_seconds) * 1000)
            self._answer(
                200,
                call.payload,
                {
                    "Lambda-Runtime-Aws-Request-Id": call.request_id,
                    "Lambda-Runtime-Deadline-Ms": str(deadline),
                    "Lambda-Runtime-Invoked-Function-Arn": call.arn,
                    "Lambda-Runtime-Trace-Id": call.trace_id,
                },
            )

        def do_POST(self) -> None:
            body = self._body()
            call = api.current
            if self.path == f"{VERSION}/init/error":
                api.init_error = body
                api.is_initialized.set()
            elif call is not None and self.path.endswith(f"/{call.request_id}/response"):
                _end_within_limit(call, body)
            elif call is not None and self.path.endswith(f"/{call.request_id}/error"):
                call.end(body, is_error=True)
            else:
                self._answer(404)
                return
            self._answer(202, b'{"status":"OK"}')

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            chunks = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)

        def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Logs nothing, because the executor logs invocations."""

    return RuntimeRequestHandler
