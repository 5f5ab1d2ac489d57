"""Invalid requests are answered with a problem (RFC 9457) that says what to do, and create no row."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
import urllib3

from tests.support.client import GENERATE, Client
from tests.support.problems import require_problem

GOOD = {"type": "TRANSACTIONS", "format": "CSV", "filters": {"from": "2030-01-01", "to": "2030-01-31"}}
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class InvalidRequest:
    """An invalid request and the expected response."""

    name: str
    status: int
    code: str
    pointer: str | None = None
    """JSON pointer of the validation error, if it is in one part of the body."""
    body: Any = field(default_factory=lambda: GOOD)
    """Sent as JSON, or unchanged if it is bytes; None for a GET request."""
    path: str = GENERATE
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, client: Client) -> urllib3.BaseHTTPResponse:
        """Sends the request."""
        if self.body is None:
            return client.http("GET", self.path)
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        return client.http("POST", self.path, body=body, headers={**JSON, **self.headers})


def _filters(**filters: Any) -> dict[str, Any]:
    return {**GOOD, "filters": filters}


INVALID = (422, "request-invalid")
MALFORMED = (400, "request-malformed")
UNKNOWN = (404, "report-not-found")

REQUESTS = [
    InvalidRequest("unknown type", *INVALID, "/type", {**GOOD, "type": "PAYSLIPS"}),
    InvalidRequest("no type", *INVALID, "/type", {"format": "CSV"}),
    InvalidRequest("unknown format", *INVALID, "/format", {**GOOD, "format": "DOCX"}),
    InvalidRequest("format in lower case", *INVALID, "/format", {**GOOD, "format": "csv"}),
    InvalidRequest("unknown field", *INVALID, "/color", {**GOOD, "color": "red"}),
    InvalidRequest("unknown filter", *INVALID, "/filters/branch", _filters(branch="0001")),
    InvalidRequest("bad date", *INVALID, "/filters/from", _filters(**{"from": "2024-02-30"})),
    InvalidRequest("date that is not a string", *INVALID, "/filters/from", _filters(**{"from": {"year": 2024}})),
    InvalidRequest(
        "dates in the wrong order", *INVALID, "/filters/to", _filters(**{"from": "2024-02-01", "to": "2024-01-01"})
    ),
    InvalidRequest("unknown choice", *INVALID, None, _filters(status=["LOST"])),
    InvalidRequest("SQL in a choice", *INVALID, None, _filters(currency=["BRL' OR '1'='1"])),
    InvalidRequest("NUL in a string", *INVALID, "/filters/account", _filters(account="BR\x00")),
    InvalidRequest("filters that are a list", *INVALID, "/filters", {**GOOD, "filters": []}),
    InvalidRequest("ftp callback", *INVALID, "/callbackUrl", {**GOOD, "callbackUrl": "ftp://example.com/in"}),
    InvalidRequest(
        "callback with a password", *INVALID, "/callbackUrl", {**GOOD, "callbackUrl": "https://a:b@example.com/"}
    ),
    InvalidRequest(
        "callback with a line break", *INVALID, "/callbackUrl", {**GOOD, "callbackUrl": "https://a.example/\r\nX: y"}
    ),
    InvalidRequest("malformed JSON", *MALFORMED, None, b'{"type": "TRANSACTIONS", '),
    InvalidRequest("invalid UTF-8", *MALFORMED, None, b'{"type": "\xff\xfe"}'),
    InvalidRequest("half a surrogate pair", 0, "", None, _filters(account="\ud800")),
    InvalidRequest("JSON nested too deeply", *MALFORMED, None, b"[" * 200_000),
    InvalidRequest("number with too many digits", *MALFORMED, None, b'{"type": ' + b"9" * 5000 + b"}"),
    InvalidRequest("JSON that is not an object", 0, "", None, [1, 2, 3]),
    InvalidRequest("JSON that is a string", 0, "", None, "TRANSACTIONS"),
    InvalidRequest("no body", 0, "", None, b""),
    InvalidRequest("body over 256 KB", 413, "request-too-large", None, {**GOOD, "filters": {"account": "x" * 300_000}}),
    InvalidRequest("empty Idempotency-Key", 422, "request-invalid", headers={"Idempotency-Key": '""'}),
    InvalidRequest("Idempotency-Key that is too long", 422, "request-invalid", headers={"Idempotency-Key": "k" * 256}),
    InvalidRequest("unknown id", *UNKNOWN, body=None, path=f"/api/v1/reports/{uuid4()}"),
    InvalidRequest("id that is not a UUID", *UNKNOWN, body=None, path="/api/v1/reports/17"),
    InvalidRequest("download of an unknown id", *UNKNOWN, body=None, path=f"/api/v1/reports/{uuid4()}/download"),
    InvalidRequest("unknown path", 404, "not-found", body=None, path="/api/v2/reports"),
    InvalidRequest("invalid cursor", *INVALID, "/cursor", body=None, path="/api/v1/reports?cursor=abc"),
    InvalidRequest("limit out of bounds", *INVALID, "/limit", body=None, path="/api/v1/reports?limit=100000"),
]


@pytest.mark.parametrize("bad", [pytest.param(bad, id=bad.name) for bad in REQUESTS])
def test_an_invalid_request_returns_a_problem_and_creates_no_row(client: Client, bad: InvalidRequest) -> None:
    before = client.count_reports()
    answer = bad.send(client)
    problem = require_problem(answer)
    if bad.status:
        assert (answer.status, problem["type"]) == (bad.status, f"urn:resma:problem:{bad.code}"), problem
    assert 400 <= answer.status < 500, problem
    if bad.pointer is not None:
        assert bad.pointer in [field_error["pointer"] for field_error in problem["errors"]], problem
    assert client.count_reports() == before


def test_an_idempotency_key_with_the_same_request_makes_one_report(client: Client) -> None:
    headers = {"Idempotency-Key": secrets.token_hex(8)}
    first, second = (client.http("POST", GENERATE, json=GOOD, headers=headers) for _ in range(2))
    assert (first.status, second.status) == (202, 202)
    assert first.json()["id"] == second.json()["id"]
    # Quotes around the key and the order of fields in the body make no difference.
    reordered = json.dumps(dict(reversed(GOOD.items()))).encode()
    quoted = f'"{headers["Idempotency-Key"]}"'
    third = client.http("POST", GENERATE, body=reordered, headers={**JSON, "Idempotency-Key": quoted})
    assert third.json()["id"] == first.json()["id"]
    client.wait_for_status(first.json()["id"], "READY")


def test_an_idempotency_key_with_another_request_is_refused(client: Client) -> None:
    headers = {"Idempotency-Key": secrets.token_hex(8)}
    first = client.http("POST", GENERATE, json=GOOD, headers=headers)
    before = client.count_reports()
    second = client.http("POST", GENERATE, json={**GOOD, "format": "PDF"}, headers=headers)
    assert second.status == 422
    assert require_problem(second)["type"] == "urn:resma:problem:idempotency-key-reused"
    assert client.count_reports() == before
    client.wait_for_status(first.json()["id"], "READY")
