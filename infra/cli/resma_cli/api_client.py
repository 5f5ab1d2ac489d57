"""HTTP client of the API: timeouts, retries, and errors with exit codes."""

from __future__ import annotations

import json
import re
import secrets
import urllib.request
from collections.abc import Iterator, Mapping
from time import sleep
from typing import Any, NoReturn
from urllib.parse import urlencode, urlsplit

import urllib3
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, SSLError

from resma_cli.amounts import duration
from resma_cli.api_to_commands import replace_requests_by_commands
from resma_cli.connection import ApiConfig
from resma_cli.exit_codes import CommandFailedError, ExitCode

Json = dict[str, Any]

TRIES = 5
MAX_WAIT_SECONDS = 20
"""Maximum wait before a retry. A quota of rows may be exceeded until midnight, which is too long to wait."""

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
    """A client of the API."""

    def __init__(
        self, config: ApiConfig, *, tries: int = TRIES, read_seconds: float = 60, connections: int = 1
    ) -> None:
        self.config = config
        self._tries = tries
        self._timeout = urllib3.Timeout(connect=5, read=read_seconds)
        self._http = connect_to(config.url, connections)
        self._headers = {"Accept": "application/json", "User-Agent": "resma-cli"}
        if config.key:
            self._headers["Authorization"] = f"Bearer {config.key}"

    def get(self, path: str, query: Mapping[str, object] | None = None) -> Any:
        """Returns the JSON body of a GET request. Query parameters that are None are omitted."""
        return self._json("GET", _with_query(path, query or {}))

    def post(self, path: str, body: Any = None, *, key: str | None = None, is_repeatable: bool = False) -> Any:
        """Posts JSON with an Idempotency-Key. `is_repeatable` allows retries: two requests have the effect of one."""
        headers = {"Idempotency-Key": key or secrets.token_hex(16)}
        return self._json("POST", path, body, headers, is_repeatable=is_repeatable)

    def patch(self, path: str, body: Any) -> Any:
        """Changes the fields in the body. Returns the JSON of the answer."""
        return self._json("PATCH", path, body, is_repeatable=True)

    def put(self, path: str, body: Any) -> Any:
        """Replaces a resource. Returns the JSON of the answer."""
        return self._json("PUT", path, body, is_repeatable=True)

    def delete(self, path: str, query: Mapping[str, object] | None = None) -> Any:
        """Deletes a resource. Returns the JSON of the answer, or None if it has no body."""
        answer = self.request("DELETE", _with_query(path, query or {}))
        return answer.json() if answer.data else None

    def pages(self, path: str, query: Mapping[str, object], limit: int | None) -> tuple[list[Json], str | None]:
        """Returns the first `limit` items (None: all) of a paginated list, and the URL of the next page, if any."""
        items: list[Json] = []
        for page in self.each_page(path, {**query, "limit": min(limit or 200, 200)}):
            items += page["items"]
            following = page.get("next")
            if limit is not None and len(items) >= limit:
                break
        return items[:limit], following

    def each_page(self, path: str, query: Mapping[str, object]) -> Iterator[Json]:
        """Yields the pages of a paginated list, each when it is needed."""
        page = self.get(path, query)
        yield page
        while following := page.get("next"):
            # The API's own URL may differ from the one in use, and the key must be sent only to the latter.
            page = self.get("/api/v1/" + following.split("/api/v1/", 1)[-1])
            yield page

    def create_download_url(self, report_id: str, format_: str) -> str:
        """Returns a new presigned URL of a file, which needs no other credentials."""
        return self.create_url(path_of("reports", report_id, "download"), {"format": format_})

    def create_url(self, path: str, query: Mapping[str, str]) -> str:
        """Returns the presigned URL to which a path of the API redirects."""
        answer = self.request("GET", _with_query(path, query))
        url = answer.headers.get("Location")
        if answer.status != 303 or not url:
            raise _foreign_answer_error(self.config, answer)
        return url

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
            raise _foreign_answer_error(self.config, answer) from None

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        is_repeatable: bool = False,
    ) -> BaseHTTPResponse:
        """Sends a request, and retries it if that is safe.

        A request that exceeds a quota (429) has had no effect, so it is always retried.
        Raises CommandFailedError unless the status is 2xx or 303.
        """
        is_safe = is_repeatable or method in {"GET", "DELETE"}
        sent = {
            **self._headers,
            **(headers or {}),
            **({"Content-Type": "application/json"} if body is not None else {}),
        }
        data = json.dumps(body).encode() if body is not None else None
        for retries_left in reversed(range(self._tries)):
            pause = 0.25 * 2 ** (self._tries - retries_left)
            try:
                answer = self._http.request(
                    method,
                    self.config.url + path,
                    body=data,
                    headers=sent,
                    redirect=False,
                    retries=False,
                    timeout=self._timeout,
                )
            except HTTPError as error:
                never_sent = isinstance(error, NewConnectionError | ConnectTimeoutError)
                if not retries_left or isinstance(error, SSLError) or not (is_safe or never_sent):
                    _raise_unreachable(self.config, error)
            else:
                is_temporary = answer.status == 429 or (answer.status in {502, 503, 504} and is_safe)
                pause = retry_after(answer) or pause
                if not (is_temporary and retries_left and pause <= MAX_WAIT_SECONDS):
                    return self._require_success(answer)
            sleep(pause)
        raise AssertionError("The last attempt returns or raises.")

    def _require_success(self, answer: BaseHTTPResponse) -> BaseHTTPResponse:
        if 200 <= answer.status < 300 or answer.status == 303:
            return answer
        raise error_from_answer(self.config, answer)


def _with_query(path: str, query: Mapping[str, object]) -> str:
    chosen = {name: str(value) for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(chosen)}" if chosen else path


def path_of(*parts: str) -> str:
    """Returns a path below /api/v1. Raises CommandFailedError for a part that is not an id."""
    for part in parts:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,200}", part):
            raise CommandFailedError(
                ExitCode.NOT_FOUND, f"{part!r} is not an id. `resma list` shows the ids of reports."
            )
    return "/api/v1/" + "/".join(parts)


def connect_to(url: str, connections: int = 1) -> urllib3.PoolManager:
    """Returns a pool of up to `connections` connections to each host, which several threads may use.

    It verifies certificates, and uses HTTPS_PROXY except for hosts of NO_PROXY.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy and host not in {"localhost", "127.0.0.1", "::1"} and not urllib.request.proxy_bypass(host):
        return urllib3.ProxyManager(proxy, maxsize=connections)
    return urllib3.PoolManager(maxsize=connections)


def retry_after(answer: BaseHTTPResponse) -> float | None:
    """Returns the seconds of the Retry-After header; None if it is missing or a date."""
    value = answer.headers.get("Retry-After", "")
    return float(value) if re.fullmatch(r"[0-9]{1,9}", value) else None


def error_from_answer(config: ApiConfig, answer: BaseHTTPResponse) -> CommandFailedError:
    """Returns the error of an answer whose status is not a success."""
    exit_code = _EXITS.get(answer.status, ExitCode.FAILED)
    try:
        problem = answer.json()
        detail, kind = str(problem["detail"]), str(problem.get("type", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return _foreign_answer_error(config, answer, exit_code)
    if (seconds := retry_after(answer)) and exit_code is ExitCode.QUOTA:
        detail = f"{detail.rstrip('.')} (in {duration(seconds)})."
    detail = replace_requests_by_commands(detail)
    if answer.status == 401 and not config.key:
        detail = "This request needs an API key. Run `resma login`, set RESMA_KEY, or use `--key-file`."
    elif answer.status == 401 and config.is_embedded:
        detail += f" The stack at {config.url} has other keys than AWS: unset RESMA_KEY to call it without one."
    field_errors = [(str(item.get("pointer", "")), str(item.get("detail", ""))) for item in problem.get("errors") or ()]
    return CommandFailedError(
        exit_code, detail, code=kind.rpartition(":")[2], field_errors=field_errors, more={"problem": problem}
    )


def _foreign_answer_error(
    config: ApiConfig, answer: BaseHTTPResponse, exit_code: ExitCode = ExitCode.UNREACHABLE
) -> CommandFailedError:
    """Returns the error of an answer that is not the API's, but that of a gateway, a proxy or another program."""
    detail = (
        f"{config.url} answered {answer.status}, but not as Resma does. Check the URL and any proxy in front of it."
    )
    if answer.status == 429:
        detail = f"{config.url} answered 429, too many requests. Try again in a minute."
    return CommandFailedError(exit_code, detail)


def describe_cause(error: Exception) -> str:
    """Returns the message of the root cause in one line: `Connection refused`."""
    message = " ".join(str(getattr(error, "reason", None) or error).split())
    return message.rpartition("] ")[2] or message


def _raise_unreachable(config: ApiConfig, error: HTTPError) -> NoReturn:
    cause = describe_cause(error)
    if isinstance(error, SSLError):
        detail = (
            f"{config.url} has no certificate that this machine trusts ({cause}). Replace the certificate, or set "
            "SSL_CERT_FILE to the file of its certificate authority."
        )
    elif config.is_embedded:
        detail = f"The stack at {config.url} does not answer. Run `resma down`, then `resma up`."
    elif config.is_loopback:
        detail = f"Nothing answers at {config.url} ({cause}). Start a stack with `resma up`."
    else:
        detail = f"{config.url} can't be reached ({cause}). Check the URL and the network, then try again."
    raise CommandFailedError(ExitCode.UNREACHABLE, detail) from error
