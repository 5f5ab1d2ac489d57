"""The fault proxy: the behavior that a client sees in each mode, and normal behavior afterwards."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import urllib3

from tests.support.fault_proxy import Fault, FaultProxy

BODY = b"x" * 8_000_000


class Server:
    """Answers every PUT with status 200, and counts those that arrived whole."""

    def __init__(self) -> None:
        self.puts = 0
        counted = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_PUT(self) -> None:
                length = int(self.headers["Content-Length"])
                if len(self.rfile.read(length)) < length:  # the proxy has closed the connection after the headers
                    self.close_connection = True
                    return
                counted.puts += 1
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
                """Logs nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture
def proxy(server: Server) -> Iterator[FaultProxy]:
    with FaultProxy(server.http.server_address[1]) as proxy:
        yield proxy


@pytest.fixture
def http() -> Iterator[urllib3.PoolManager]:
    with urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=5, read=2)) as http:
        yield http


def test_an_error_is_answered_for_any_size_of_the_body_and_nothing_is_forwarded(
    server: Server, proxy: FaultProxy, http: urllib3.PoolManager
) -> None:
    assert http.request("PUT", proxy.url, body=b"kept").status == 200  # so that one of the connections is reused
    with proxy.failing(Fault("error")) as fault:
        assert [http.request("PUT", proxy.url, body=BODY).status for _ in range(3)] == [503, 503, 503]
    assert (server.puts, fault.connections) == (1, 3)
    assert http.request("PUT", proxy.url, body=BODY).status == 200


def test_refused_connections_are_counted_and_open_ones_end_too(
    server: Server, proxy: FaultProxy, http: urllib3.PoolManager
) -> None:
    assert http.request("PUT", proxy.url, body=b"kept").status == 200
    with proxy.failing(Fault("refuse")) as fault:
        for _ in range(3):
            with pytest.raises(urllib3.exceptions.ProtocolError):
                http.request("PUT", proxy.url, body=b"x")
    assert (server.puts, fault.connections) == (1, 3)
    assert http.request("PUT", proxy.url, body=b"x").status == 200


def test_stalled_connections_are_accepted_and_not_answered_until_the_fault_is_over(
    server: Server, proxy: FaultProxy, http: urllib3.PoolManager
) -> None:
    with proxy.failing(Fault("stall")) as fault:
        with pytest.raises(urllib3.exceptions.ReadTimeoutError):
            http.request("PUT", proxy.url, body=b"x")
        assert (server.puts, fault.connections) == (0, 1)
    assert http.request("PUT", proxy.url, body=b"x").status == 200


def test_a_fault_waits_for_both_of_its_strings_in_this_order(server: Server, proxy: FaultProxy) -> None:
    fault = Fault("error", when=b"first", then=b"second")
    assert not fault.matches(b"second first")
    assert not fault.matches(b"first")
    assert fault.matches(b"first ... second")
    with urllib3.PoolManager(retries=False) as http, proxy.failing(fault):
        assert http.request("PUT", proxy.url, body=b"second first").status == 200
        assert http.request("PUT", proxy.url, body=b" first second").status == 503
    assert server.puts == 1
