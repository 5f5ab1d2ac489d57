"""`resma certificate`: what it sends, and what it prints."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from resma_cli.main import main
from tests.support.scripted_server import Reply, ScriptedServer

ID = "crt_0f9e2d4c3b2a19087f6e5d4c3b2a1908"
ARMORED = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEZ\n-----END PGP PUBLIC KEY BLOCK-----\n"
VIEW: dict[str, Any] = {
    "id": ID,
    "name": "Bank",
    "fingerprint": "747062685C66DF1C8E20FF877742A7751462D135",
    "userIds": ["bank@example.com"],
    "algorithm": "ECDH",
    "expiresAt": None,
    "status": "VALID",
    "createdAt": "2026-11-24T10:00:00Z",
    "createdBy": "loopback",
}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScriptedServer]:
    """A server whose URL and key are in the environment, with one certificate."""
    with ScriptedServer() as server:
        monkeypatch.setenv("RESMA_URL", server.url)
        monkeypatch.setenv("RESMA_KEY", "rsm_test_key")
        monkeypatch.setenv("RESMA_CONFIG", str(tmp_path_factory.mktemp("config") / "config.ini"))
        server.answer("GET", "/api/v1/certificates", Reply(200, {"items": [VIEW]}))
        server.answer("POST", "/api/v1/certificates", Reply(201, VIEW))
        server.answer("DELETE", f"/api/v1/certificates/{ID}", Reply(204))
        yield server


@pytest.mark.parametrize(
    ("content", "sent"), [(ARMORED.encode(), ARMORED), (b"\x98\x33\x04", b64encode(b"\x98\x33\x04").decode())]
)
def test_a_certificate_is_added_with_armor_or_in_binary_form(
    server: ScriptedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, sent: str
) -> None:
    file = tmp_path / "bank.asc"
    file.write_bytes(content)
    assert main(["certificate", "add", "Bank", str(file)]) == 0
    assert json.loads(server.requests[-1].body) == {"name": "Bank", "certificate": sent}
    assert VIEW["fingerprint"] in capsys.readouterr().out


def test_a_file_that_does_not_exist_is_an_error(server: ScriptedServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["certificate", "add", "Bank", "/does/not/exist"]) == 2
    assert "cannot be read" in capsys.readouterr().err
    assert not server.requests


def test_certificates_are_listed_and_deleted(server: ScriptedServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["certificate", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["items"] == [VIEW]
    assert main(["certificate", "list"]) == 0
    assert "never" in capsys.readouterr().out
    assert main(["certificate", "delete", "0f9e2d4c", "--yes"]) == 0
    assert (server.requests[-1].method, server.requests[-1].path) == ("DELETE", f"/api/v1/certificates/{ID}")
