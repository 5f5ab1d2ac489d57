"""An object store that accepts multipart uploads as S3 does and discards the data, for uploads of any size."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

_XML = '<?xml version="1.0" encoding="UTF-8"?><{name} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{body}</{name}>'


class _Store(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:  # CreateMultipartUpload and CompleteMultipartUpload
        self._discard_body()
        if "uploads" in parse_qs(urlsplit(self.path).query, keep_blank_values=True):
            self._answer(_XML.format(name="InitiateMultipartUploadResult", body="<UploadId>1</UploadId>"))
        else:
            self._answer(_XML.format(name="CompleteMultipartUploadResult", body='<ETag>"1"</ETag>'))

    def do_PUT(self) -> None:  # UploadPart and PutObject
        self._discard_body()
        self._answer("")

    def do_DELETE(self) -> None:
        self._answer("")

    def do_HEAD(self) -> None:  # no object exists, because none is kept
        self._answer("", 404)

    def _discard_body(self) -> None:
        if self.headers.get("Expect") == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                self._discard(size + 2)
            while self.rfile.readline().strip():
                pass
            return
        self._discard(int(self.headers.get("Content-Length", 0)))

    def _discard(self, size: int) -> None:
        while size > 0:
            size -= len(self.rfile.read(min(size, 65536)))

    def _answer(self, body: str, status: int = 200) -> None:
        data = body.encode()
        self.send_response(status)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Suppresses the log line of each request."""


@contextlib.contextmanager
def discarding_store() -> Iterator[str]:
    """Runs the store on a free port of loopback, and yields its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Store)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
