"""The API over HTTP: time-outs, requests that are made again, and its problems as errors with exit codes."""

from __future__ import annotations

import json
import re
import secrets
import urllib.request
from collections.abc import Mapping
from time import sleep
from typing import Any, NoReturn
from urllib.parse import urlencode, urlsplit

import urllib3
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, SSLError

from resma_cli.amounts import duration
from resma_cli.api_to_commands import say_in_commands
from resma_cli.connection import Place
from resma_cli.exit_codes import CommandFailedError, ExitCode

Json = dict[str, Any]

TRIES = 5
MAX_WAIT_SECONDS = 20
"""The command does not wait longer than this: a quota of rows may only be free again at midnight."""

_EXITS = {
    **dict.fromkeys((301, 302, 307, 308), ExitCode.UNREACHABLE),
    400: ExitCode.USAGE,
    401: ExitCode.REFUSED,
    403: ExitCode.REFUSED,
    404: ExitCode.NOT_FOUND,
    410: ExitCode.NOT_FOUND,
    413: ExitCode.USAGE,
    415: ExitCode.USAGE,
    422: ExitCode.USAGE,
    429: ExitCode.QUOTA,
    502: ExitCode.UNREACHABLE,
    503: ExitCode.UNREACHABLE,
    504: ExitCode.UNREACHABLE,
}


class Api:
    """A caller of the API at a place."""

    def __init__(self, place: Place, *, tries: int = TRIES, read_seconds: float = 60) -> None:
        self.place = place
        self._tries = tries
        self._timeout = urllib3.Timeout(connect=5, read=read_seconds)
        self._http = connect_to(place.url)
        self._headers = {"Accept": "application/json", "User-Agent": "resma-cli"}
        if place.key:
            self._headers["Authorization"] = f"Bearer {place.key}"

    def get(self, path: str, query: Mapping[str, object] | None = None) -> Any:
        """Returns the JSON of an address; what is None in the query is left out."""
        chosen = {name: str(value) for name, value in (query or {}).items() if value is not None}
        return self._json("GET", f"{path}?{urlencode(chosen)}" if chosen else path)

    def post(self, path: str, body: Any = None, *, key: str | None = None, is_repeatable: bool = False) -> Any:
        """Posts JSON, always with an Idempotency-Key; `is_repeatable` where doing it twice is doing it once."""
        headers = {"Idempotency-Key": key or secrets.token_hex(16)}
        return self._json("POST", path, body, headers, is_repeatable=is_repeatable)

    def patch(self, path: str, body: Any) -> Any:
        """Changes what the body names."""
        return self._json("PATCH", path, body, is_repeatable=True)

    def delete(self, path: str) -> Any:
        """Deletes. Returns the JSON of the answer, None for one without a body."""
        answer = self.request("DELETE", path)
        return answer.json() if answer.data else None

    def pages(self, path: str, query: Mapping[str, object], limit: int | None) -> tuple[list[Json], str | None]:
        """Items of as many pages as hold `limit` of them (None: all), and where the next page is."""
        items: list[Json] = []
        page = self.get(path, {**query, "limit": min(limit or 200, 200)})
        while True:
            items += page["items"]
            following = page.get("next")
            if not following or (limit is not None and len(items) >= limit):
                return items[:limit], following
            # The address as the API knows itself may be another than ours, and the key is for ours alone.
            page = self.get("/api/v1/" + following.split("/api/v1/", 1)[-1])

    def download_address(self, report_id: str, format_: str) -> str:
        """Has an address of a file minted; it is its own credential."""
        answer = self.request("GET", f"{path_of('reports', report_id, 'download')}?{urlencode({'format': format_})}")
        address = answer.headers.get("Location")
        if answer.status != 303 or not address:
            raise _stranger(self.place, answer)
        return address

    def _json(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        is_repeatable: bool = False,
    ) -> Any:
        answer = self.request(method, path, body, headers, is_repeatable=is_repeatable)
        try:
            return answer.json()
        except ValueError:
            raise _stranger(self.place, answer) from None

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        is_repeatable: bool = False,
    ) -> BaseHTTPResponse:
        """Makes a request, again where that is safe and may help.

        Raises CommandFailedError unless it is answered 2xx or 303.
        Refused by a quota (429), nothing was done, and any request may be made again.
        """
        is_safe = is_repeatable or method in {"GET", "DELETE"}
        sent = {
            **self._headers,
            **(headers or {}),
            **({"Content-Type": "application/json"} if body is not None else {}),
        }
        data = json.dumps(body).encode() if body is not None else None
        for left in reversed(range(self._tries)):
            pause = 0.25 * 2 ** (self._tries - left)
            try:
                answer = self._http.request(
                    method,
                    self.place.url + path,
                    body=data,
                    headers=sent,
                    redirect=False,
                    retries=False,
                    timeout=self._timeout,
                )
            except HTTPError as error:
                never_sent = isinstance(error, NewConnectionError | ConnectTimeoutError)
                if not left or isinstance(error, SSLError) or not (is_safe or never_sent):
                    _raise_unreachable(self.place, error)
            else:
                passes = answer.status == 429 or (answer.status in {502, 503, 504} and is_safe)
                pause = retry_after(answer) or pause
                if not (passes and left and pause <= MAX_WAIT_SECONDS):
                    return self._require_done(answer)
            sleep(pause)
        raise AssertionError("the last try returns or raises")

    def _require_done(self, answer: BaseHTTPResponse) -> BaseHTTPResponse:
        if 200 <= answer.status < 300 or answer.status == 303:
            return answer
        raise problem_of(self.place, answer)


def path_of(*parts: str) -> str:
    """Returns a path below /api/v1. Raises CommandFailedError for a part that is not an id."""
    for part in parts:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,200}", part):
            raise CommandFailedError(
                ExitCode.NOT_FOUND, f"{part!r} is not an id. `resma list` shows the ids of reports."
            )
    return "/api/v1/" + "/".join(parts)


def connect_to(url: str) -> urllib3.PoolManager:
    """A pool of connections that checks certificates; through the proxy of HTTPS_PROXY, but to hosts of NO_PROXY."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy and host not in {"localhost", "127.0.0.1", "::1"} and not urllib.request.proxy_bypass(host):
        return urllib3.ProxyManager(proxy)
    return urllib3.PoolManager()


def retry_after(answer: BaseHTTPResponse) -> float | None:
    """Seconds that an answer asks to wait, where it says so in seconds."""
    said = answer.headers.get("Retry-After", "")
    return float(said) if re.fullmatch(r"[0-9]{1,9}", said) else None


def problem_of(place: Place, answer: BaseHTTPResponse) -> CommandFailedError:
    """An answer that is no success, as the error that it is."""
    exit_code = _EXITS.get(answer.status, ExitCode.FAILED)
    try:
        problem = answer.json()
        detail, kind = str(problem["detail"]), str(problem.get("type", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return _stranger(place, answer, exit_code)
    if (seconds := retry_after(answer)) and exit_code is ExitCode.QUOTA:
        detail = f"{detail.rstrip('.')} (in {duration(seconds)})."
    detail = say_in_commands(detail)
    if answer.status == 401 and not place.key:
        detail = (
            "This needs an API key. Run `resma login`, set RESMA_KEY, or use `--key-file` with a file that holds one."
        )
    elif answer.status == 401 and place.is_embedded:
        detail += f" The stack at {place.url} has other keys than AWS: unset RESMA_KEY to call it without one."
    field_errors = [(str(item.get("pointer", "")), str(item.get("detail", ""))) for item in problem.get("errors") or ()]
    return CommandFailedError(
        exit_code, detail, code=kind.rpartition(":")[2], field_errors=field_errors, more={"problem": problem}
    )


def _stranger(place: Place, answer: BaseHTTPResponse, exit_code: ExitCode = ExitCode.UNREACHABLE) -> CommandFailedError:
    """An answer that is not the API's own: a gateway's, a proxy's, another program's."""
    detail = f"{place.url} answered {answer.status}, but not as Resma does. Check the URL and any proxy in front of it."
    if answer.status == 429:
        detail = f"{place.url} answered 429: too many requests. Try again in a minute."
    return CommandFailedError(exit_code, detail)


def say_cause(error: Exception) -> str:
    """The end of a chain of errors' text, on one line: `Connection refused`."""
    said = " ".join(str(getattr(error, "reason", None) or error).split())
    return said.rpartition("] ")[2] or said


def _raise_unreachable(place: Place, error: HTTPError) -> NoReturn:
    cause = say_cause(error)
    if isinstance(error, SSLError):
        detail = (
            f"{place.url} has no certificate that this machine trusts ({cause}). Have it fixed, or set SSL_CERT_FILE "
            "to the file of its certificate authority."
        )
    elif place.is_embedded:
        detail = f"The stack at {place.url} does not answer. Run `resma down`, then `resma up`."
    elif place.is_loopback:
        detail = f"Nothing answers at {place.url} ({cause}). No stack is up there; `resma up` starts one."
    else:
        detail = f"{place.url} can't be reached ({cause}). Check the URL and the network, then try again."
    raise CommandFailedError(ExitCode.UNREACHABLE, detail) from error
