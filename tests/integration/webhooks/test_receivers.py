"""A receiver can only make an attempt fail, within the limits of time and size."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from standardwebhooks import Webhook, WebhookVerificationError

import resma.network.connect
from resma.network.connect import Network
from resma.network.receivers import AllowedReceivers
from tests.support.http_receivers import Answer, HttpReceiver, receiver, status
from webhook import connect_checked, post_signed
from webhook.post_signed import MAX_RESPONSE_BYTES, AttemptResult

OLD, NEW = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd"
BODY = '{"name": "Conceição"}'
LOOPBACK = Network(AllowedReceivers(opens_loopback=True))


def post(url: str, network: Network = LOOPBACK) -> AttemptResult:
    """Makes one attempt."""
    return post_signed.post_signed(url, "evt_1", BODY, [NEW, OLD], network)


# ---------------------------------------------------------------- requests


def test_either_secret_verifies_while_both_are_valid() -> None:
    with receiver(status(204)) as server:
        outcome = post(f"{server.url}?a=b")
    assert (outcome.status_code, outcome.error, outcome.is_delivered) == (204, None, True)
    (request,) = server.requests
    assert request.line == "POST /hook?a=b HTTP/1.1"
    assert request.headers["host"] == f"127.0.0.1:{server.port}"
    assert request.headers["webhook-id"] == "evt_1"
    assert request.headers["webhook-signature"].count("v1,") == 2
    for secret in (OLD, NEW):
        assert Webhook(secret).verify(request.body, request.headers) == {"name": "Conceição"}
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "A" * 32).verify(request.body, request.headers)


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver(status(200)) as server, receiver(status(200)) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert post(server.url).is_delivered
    assert len(server.requests) == 1
    assert proxy.requests == []


# ---------------------------------------------------------------- responses


@pytest.mark.parametrize("code", [200, 201, 204, 299])
def test_any_2xx_is_a_delivery(code: int) -> None:
    with receiver(status(code)) as server:
        assert post(server.url).is_delivered


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(code: int) -> None:
    with receiver(status(200)) as inside, receiver(status(code, f"Location: {inside.url}")) as server:
        outcome = post(server.url)
    assert (outcome.status_code, outcome.is_delivered) == (code, False)
    assert inside.requests == []


@pytest.mark.parametrize("code", [400, 401, 404, 410, 429, 500, 503])
def test_refusals_are_recorded(code: int) -> None:
    with receiver(status(code)) as server:
        outcome = post(server.url)
    assert (outcome.status_code, outcome.error, outcome.is_delivered) == (code, None, False)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", "not valid HTTP"),
        (b"\x00\xff\x16\x03\x01 garbage \r\n\r\n", "not valid HTTP"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "not valid HTTP"),
        (b"HTTP/1.1 2xx OK\r\n\r\n", "not valid HTTP"),
        (b"HTTP/1.1 99999999999999999999 OK\r\n\r\n", "not valid HTTP"),
        (b"HTTP/1.1 200 " + b"a" * 70_000 + b"\r\n\r\n", "not valid HTTP|more than"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n", "not valid HTTP"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 5000, "more than"),
    ],
)
def test_an_invalid_response_is_an_error_message(answer: bytes, error: str) -> None:
    with receiver(lambda connection: connection.sendall(answer)) as server:
        outcome = post(server.url)
    assert outcome.status_code is None
    assert outcome.error is not None
    assert any(each in outcome.error for each in error.split("|"))


# ---------------------------------------------------------------- time and size


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shortens the timeouts for tests."""
    monkeypatch.setattr(post_signed, "TOTAL_SECONDS", 0.5)
    monkeypatch.setattr(post_signed, "DRAIN_SECONDS", 0.2)


def _drip(data: bytes, gone: threading.Event) -> Answer:
    """Sends single bytes, each before a timeout between two bytes would end; all of them take a minute."""

    def answer(connection: socket.socket) -> None:
        connection.settimeout(None)
        with contextlib.suppress(OSError):
            for place in range(600):
                connection.sendall(data[place % len(data)].to_bytes())
                if gone.wait(0.1):
                    return
        gone.set()

    return answer


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize("data", [b"HTTP/1.1 200 OK ", b"a"])
def test_a_receiver_that_drips_its_headers_is_cut_off(data: bytes) -> None:
    gone = threading.Event()
    with receiver(_drip(data, gone)) as server:
        outcome = post(server.url)
        assert outcome.error is not None
        assert "did not respond within" in outcome.error
        assert gone.wait(120), "the connection is closed"


@pytest.mark.usefixtures("hurry")
def test_a_receiver_that_never_responds_is_cut_off() -> None:
    done = threading.Event()

    def answer(_connection: socket.socket) -> None:
        done.wait(60)

    with receiver(answer) as server:
        outcome = post(server.url)
        done.set()
    assert (outcome.status_code, outcome.error) == (None, "The receiver did not respond within 0 s.")


@pytest.mark.usefixtures("hurry")
def test_a_receiver_that_never_reads_the_request_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    with listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        outcome = post_signed.post_signed(url, "evt_1", "x" * 50_000_000, [OLD], LOOPBACK)
    assert outcome.error == "The receiver did not respond within 0 s."


@pytest.mark.usefixtures("hurry")
def test_a_resolver_that_hangs_is_cut_off() -> None:
    done = threading.Event()
    network = Network(AllowedReceivers(opens_loopback=True), resolve=lambda *_: ["127.0.0.1"] if done.wait(60) else [])
    outcome = post("http://hooks.example.com/", network)
    done.set()
    assert outcome.error == "The host name was not resolved within 0 s."


def test_a_host_that_does_not_accept_the_connection_has_its_own_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its queue of pending connections is full, so it accepts no further one."""
    monkeypatch.setattr(resma.network.connect, "CONNECT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as waiting:
        port = full.getsockname()[1]
        for _ in range(2):
            before = waiting.enter_context(socket.socket())
            before.setblocking(False)
            before.connect_ex(("127.0.0.1", port))
        outcome = post(f"http://127.0.0.1:{port}/")
    assert outcome.error == "The host did not accept the connection within 0 s."


def test_a_body_that_drips_does_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post_signed, "DRAIN_SECONDS", 0.2)
    gone = threading.Event()
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"

    def answer(connection: socket.socket) -> None:
        connection.sendall(head)
        _drip(b"a", gone)(connection)

    with receiver(answer) as server:
        assert post(server.url).is_delivered
        assert gone.wait(120), "the connection is closed"


def test_a_huge_body_is_not_read() -> None:
    sent = 0
    ended = threading.Event()

    def answer(connection: socket.socket) -> None:
        nonlocal sent
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        with contextlib.suppress(OSError):
            for _ in range(4096):
                sent += connection.send(bytes(1 << 18))
        ended.set()

    with receiver(answer) as server:
        assert post(server.url).is_delivered
        assert ended.wait(120)
    # Only what fits into the buffers of two sockets, not the whole gigabyte.
    assert MAX_RESPONSE_BYTES < sent < 64 << 20


def test_a_closed_port_and_an_unknown_name_are_errors() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    assert post(f"http://127.0.0.1:{port}/").error == "The receiver cannot be reached (ConnectionRefusedError)."

    def unknown(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    assert (
        post("https://nobody.example/", Network(resolve=unknown)).error == "The receiver cannot be reached (gaierror)."
    )


def test_other_addresses_of_the_host_are_tried() -> None:
    with receiver(status(200)) as server:
        network = Network(AllowedReceivers(opens_loopback=True), resolve=lambda *_: ["::1", "127.0.0.1"])
        assert post(f"http://hooks.example.com:{server.port}/", network).is_delivered
    assert server.requests[0].headers["host"] == f"hooks.example.com:{server.port}"


# ---------------------------------------------------------------- TLS


@pytest.fixture
def certified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], contextlib.AbstractContextManager[HttpReceiver]]]:
    """Starts receivers with a certificate for hooks.example.com, from an authority that this process trusts."""
    names: list[x509.GeneralName] = [x509.DNSName("hooks.example.com")]
    key, certificate = _certificate(names)
    bundle = tmp_path / "server.pem"
    bundle.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(bundle)
    asked = []
    context.sni_callback = lambda _connection, name, _context: asked.append(name)
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    connect_checked._tls.cache_clear()
    yield lambda: receiver(status(200), lambda plain: context.wrap_socket(plain, server_side=True))
    connect_checked._tls.cache_clear()
    assert set(asked) <= {"hooks.example.com", "other.example.com", None}


def _certificate(names: list[x509.GeneralName]) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hooks.example.com")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return key, certificate


ToReceiver = Callable[[], contextlib.AbstractContextManager[HttpReceiver]]
NAMED = Network(AllowedReceivers(opens_loopback=True), resolve=lambda *_: ["127.0.0.1"])


def test_tls_verifies_the_host_name(certified: ToReceiver) -> None:
    with certified() as server:
        outcome = post(f"https://hooks.example.com:{server.port}/", NAMED)
    assert (outcome.status_code, outcome.error) == (200, None)
    assert server.requests[0].headers["host"] == f"hooks.example.com:{server.port}"


@pytest.mark.parametrize("host", ["other.example.com", "127.0.0.1"])
def test_a_certificate_for_another_name_is_refused(certified: ToReceiver, host: str) -> None:
    with certified() as server:
        outcome = post(f"https://{host}:{server.port}/", NAMED)
    assert outcome.error is not None
    assert "certificate of the receiver cannot be verified" in outcome.error
    assert server.requests == []


def test_an_unknown_certificate_authority_is_refused(certified: ToReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/dev/null")
    connect_checked._tls.cache_clear()
    with certified() as server:
        outcome = post(f"https://hooks.example.com:{server.port}/", NAMED)
    assert outcome.error is not None
    assert "certificate of the receiver cannot be verified" in outcome.error
    assert server.requests == []


@pytest.mark.usefixtures("hurry")
def test_a_handshake_that_hangs_is_cut_off() -> None:
    """The receiver accepts the connection and the first message, and sends nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        outcome = post(f"https://hooks.example.com:{listening.getsockname()[1]}/", NAMED)
    assert outcome.error == "The receiver did not respond within 0 s."
