"""Files of the console: the API serves only these, without a key and with a strict content security policy."""

from __future__ import annotations

import pytest

from api.pages.console import FOLDER
from tests.support.system import System

ELSEWHERE = "203.0.113.9"
PAGE = (FOLDER / "index.html").read_text(encoding="utf-8")
NAMES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.*"))


@pytest.mark.parametrize("path", ["/console", *(f"/console/{name}" for name in NAMES)])
def test_console_files_need_no_key(system: System, path: str) -> None:
    status, headers, text = system.call_api("GET", path, address=ELSEWHERE)
    assert status == 200
    assert text == (FOLDER / (path.removeprefix("/console").lstrip("/") or "index.html")).read_text(encoding="utf-8")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-cache"
    assert set(headers["Content-Security-Policy"].split("; ")) == {
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    }


def test_the_page_contains_the_idle_timeout_of_the_deployment(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSOLE_IDLE_MINUTES", "30")
    page = system.call_api("GET", "/console", address=ELSEWHERE)[2]
    assert page == PAGE.replace('"idle-minutes" content="15"', '"idle-minutes" content="30"') != PAGE


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("index.html", "text/html; charset=utf-8"),
        ("app.js", "text/javascript; charset=utf-8"),
        ("style.css", "text/css; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ],
)
def test_files_have_their_media_type(system: System, name: str, media_type: str) -> None:
    assert system.call_api("GET", f"/console/{name}", address=ELSEWHERE)[1]["Content-Type"] == media_type


def test_a_cached_file_is_answered_with_304(system: System) -> None:
    tag = system.call_api("GET", "/console/app.js", address=ELSEWHERE)[1]["ETag"]
    for known in (tag, f'W/{tag}, "other"'):
        status, headers, text = system.call_api("GET", "/console/app.js", headers={"If-None-Match": known})
        assert (status, text, headers["ETag"]) == (304, "", tag)
    assert system.call_api("GET", "/console/app.js", headers={"If-None-Match": '"other"'})[0] == 200
    assert system.call_api("GET", "/console/lib/api.js")[1]["ETag"] != tag


@pytest.mark.parametrize(
    "name",
    [
        "nope.js",
        "..",
        "../app.py",
        "..%2fapp.py",
        "%2e%2e%2fapp.py",
        "....//app.py",
        "app.py",
        "APP.JS",
        "app.js%00",
        ".",
    ],
)
def test_unknown_files_are_not_found(system: System, name: str) -> None:
    status, headers, body = system.call_api("GET", f"/console/{name}", address=ELSEWHERE)
    assert status == 404
    assert headers["Content-Type"] == "application/problem+json"
    assert "def " not in str(body)


@pytest.mark.parametrize("path", ["/consolation", "/console.js", "/api/v1/me/console/app.js"])
def test_similar_paths_need_a_key(system: System, path: str) -> None:
    assert system.call_api("GET", path, address=ELSEWHERE)[0] == 401


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
@pytest.mark.parametrize("path", ["/", "/console", "/console/app.js"])
def test_other_methods_are_rejected(system: System, method: str, path: str) -> None:
    assert system.call_api(method, path, address=ELSEWHERE)[0] == 401
    status, headers, _ = system.call_api(method, path)
    assert (status, headers["Allow"]) == (405, "GET, HEAD")


def test_the_favicon_is_served(system: System) -> None:
    status, headers, body = system.call_api("GET", "/favicon.ico", address=ELSEWHERE)
    assert (status, headers["Content-Type"]) == (200, "image/svg+xml")
    assert body == system.call_api("GET", "/console/icon.svg", address=ELSEWHERE)[2]


@pytest.mark.parametrize("path", ["/", "/console/"])
def test_the_root_redirects_to_the_console(system: System, path: str) -> None:
    status, headers, _ = system.call_api("GET", path, address=ELSEWHERE)
    assert (status, headers["Location"]) == (303, "https://reports.example/console")


def test_the_openapi_document_does_not_list_the_console(system: System) -> None:
    document = system.call_api("GET", "/openapi.json")[2]
    assert [path for path in document["paths"] if "console" in path] == []
