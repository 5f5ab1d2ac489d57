"""What a caller gets wrong is answered with a problem (RFC 9457) that says what to do, and leaves no row behind."""

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
class Bad:
    """A request that can't be served, and what must come back."""

    name: str
    status: int
    code: str
    pointer: str | None = None
    """Where the fault lies, when it is in one part of the body."""
    body: Any = field(default_factory=lambda: GOOD)
    """As JSON, or bytes as they are; None for a GET."""
    path: str = GENERATE
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, client: Client) -> urllib3.BaseHTTPResponse:
        """Makes the request."""
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
    Bad("unknown type", *INVALID, "/type", {**GOOD, "type": "PAYSLIPS"}),
    Bad("no type", *INVALID, "/type", {"format": "CSV"}),
    Bad("unknown format", *INVALID, "/format", {**GOOD, "format": "DOCX"}),
    Bad("format in lower case", *INVALID, "/format", {**GOOD, "format": "csv"}),
    Bad("unknown field", *INVALID, "/color", {**GOOD, "color": "red"}),
    Bad("unknown filter", *INVALID, "/filters/branch", _filters(branch="0001")),
    Bad("bad date", *INVALID, "/filters/from", _filters(**{"from": "2024-02-30"})),
    Bad("date that is no text", *INVALID, "/filters/from", _filters(**{"from": {"year": 2024}})),
    Bad("dates in the wrong order", *INVALID, "/filters/to", _filters(**{"from": "2024-02-01", "to": "2024-01-01"})),
    Bad("unknown choice", *INVALID, None, _filters(status=["LOST"])),
    Bad("SQL in a choice", *INVALID, None, _filters(currency=["BRL' OR '1'='1"])),
    Bad("NUL in a text", *INVALID, "/filters/account", _filters(account="BR\x00")),
    Bad("filters that are a list", *INVALID, "/filters", {**GOOD, "filters": []}),
    Bad("ftp callback", *INVALID, "/callbackUrl", {**GOOD, "callbackUrl": "ftp://example.com/in"}),
    Bad("callback with a password", *INVALID, "/callbackUrl", {**GOOD, "callbackUrl": "https://a:b@example.com/"}),
    Bad("callback with a line break", *INVALID, "/callbackUrl", {**GOOD, "callbackUrl": "https://a.example/\r\nX: y"}),
    Bad("malformed JSON", *MALFORMED, None, b'{"type": "TRANSACTIONS", '),
    Bad("no UTF-8", *MALFORMED, None, b'{"type": "\xff\xfe"}'),
    Bad("half a surrogate pair", 0, "", None, _filters(account="\ud800")),
    Bad("JSON nested too deep", *MALFORMED, None, b"[" * 200_000),
    Bad("number of too many digits", *MALFORMED, None, b'{"type": ' + b"9" * 5000 + b"}"),
    Bad("JSON that is no object", 0, "", None, [1, 2, 3]),
    Bad("JSON that is text", 0, "", None, "TRANSACTIONS"),
    Bad("no body", 0, "", None, b""),
    Bad("body over 256 KB", 413, "request-too-large", None, {**GOOD, "filters": {"account": "x" * 300_000}}),
    Bad("empty Idempotency-Key", 422, "request-invalid", headers={"Idempotency-Key": '""'}),
    Bad("endless Idempotency-Key", 422, "request-invalid", headers={"Idempotency-Key": "k" * 256}),
    Bad("unknown id", *UNKNOWN, body=None, path=f"/api/v1/reports/{uuid4()}"),
    Bad("id that is no UUID", *UNKNOWN, body=None, path="/api/v1/reports/17"),
    Bad("download of an unknown id", *UNKNOWN, body=None, path=f"/api/v1/reports/{uuid4()}/download"),
    Bad("unknown address", 404, "not-found", body=None, path="/api/v2/reports"),
    Bad("cursor of someone else's", *INVALID, "/cursor", body=None, path="/api/v1/reports?cursor=abc"),
    Bad("limit out of bounds", *INVALID, "/limit", body=None, path="/api/v1/reports?limit=100000"),
]


@pytest.mark.parametrize("bad", [pytest.param(bad, id=bad.name) for bad in REQUESTS])
def test_an_invalid_request_returns_a_problem_and_creates_no_row(client: Client, bad: Bad) -> None:
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
    # A quoted key is the same key, and so is the order of members in the body.
    turned = json.dumps(dict(reversed(GOOD.items()))).encode()
    quoted = f'"{headers["Idempotency-Key"]}"'
    third = client.http("POST", GENERATE, body=turned, headers={**JSON, "Idempotency-Key": quoted})
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
