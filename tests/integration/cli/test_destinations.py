"""`resma destination`: the certificates that it sends and prints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest

from resma_cli.main import main
from tests.support.scripted_server import Reply, ScriptedServer

CERTIFICATES = ["crt_0f9e2d4c3b2a19087f6e5d4c3b2a1908", "crt_1f9e2d4c3b2a19087f6e5d4c3b2a1908"]
ID = "dst_0f9e2d4c3b2a19087f6e5d4c3b2a1908"
VIEW: dict[str, Any] = {
    "id": ID,
    "name": "Bank",
    "kind": "S3",
    "url": "s3://bank",
    "externalId": ID,
    "encryptFor": CERTIFICATES,
    "enabled": True,
    "failing": False,
    "lastAttempt": None,
}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScriptedServer]:
    """A server whose URL and key are in the environment, with two certificates and one destination."""
    with ScriptedServer() as server:
        monkeypatch.setenv("RESMA_URL", server.url)
        monkeypatch.setenv("RESMA_KEY", "rsm_test_key")
        monkeypatch.setenv("RESMA_CONFIG", str(tmp_path_factory.mktemp("config") / "config.ini"))
        server.answer("GET", "/api/v1/certificates", Reply(200, {"items": [{"id": each} for each in CERTIFICATES]}))
        server.answer("GET", "/api/v1/destinations", Reply(200, {"items": [VIEW]}))
        server.answer("POST", "/api/v1/destinations", Reply(201, VIEW))
        server.answer("PATCH", f"/api/v1/destinations/{ID}", Reply(200, VIEW))
        yield server


def test_a_destination_is_created_with_certificates(server: ScriptedServer) -> None:
    options = ("--encrypt-for", "0f9e2d4c", "--encrypt-for", CERTIFICATES[1])
    assert main(["destination", "create", "Bank", "--setting", "bucket=bank", *options]) == 0
    body = {"name": "Bank", "kind": "S3", "settings": {"bucket": "bank"}}
    assert json.loads(server.requests[-1].body) == {**body, "encryptFor": CERTIFICATES}
    assert main(["destination", "create", "Bank", "--setting", "bucket=bank"]) == 0
    assert json.loads(server.requests[-1].body) == body


@pytest.mark.parametrize(("given", "sent"), [("crt_1f9e2d4c", [CERTIFICATES[1]]), ("none", None)])
def test_the_certificates_of_a_destination_are_replaced(
    server: ScriptedServer, given: str, sent: list[str] | None
) -> None:
    assert main(["destination", "update", "0f9e2d4c", "--encrypt-for", given]) == 0
    assert json.loads(server.requests[-1].body) == {"encryptFor": sent}


def test_an_unknown_certificate_is_an_error(server: ScriptedServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["destination", "update", ID, "--encrypt-for", "2f9e2d4c"]) == 5
    assert "certificate" in capsys.readouterr().err
    assert all(request.method == "GET" for request in server.requests)


def test_an_address_is_sent_as_a_parameter(server: ScriptedServer) -> None:
    """Not as part of the path, in which `path_of` permits only ids."""
    address = "a/b+c#d?e%20'{}@example.com"
    server.answer("DELETE", "/api/v1/suppressed-addresses", Reply(204))
    assert main(["destination", "unsuppress", address]) == 0
    path, _, query = server.requests[-1].path.partition("?")
    assert (path, parse_qs(query)) == ("/api/v1/suppressed-addresses", {"address": [address]})


def test_the_list_shows_certificates(server: ScriptedServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["destination", "list"]) == 0
    assert ", ".join(CERTIFICATES) in capsys.readouterr().out
