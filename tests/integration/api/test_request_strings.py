"""Every string of a request has the same limits in the OpenAPI document and in the API.

A generator of requests, a form or a gateway that goes by the document sends nothing that the API then refuses.
"""

from __future__ import annotations

import copy
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import jsonschema_rs
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from infra.admin.tenants import set_email_attachments, set_email_domains
from infra.paths import ROOT
from resma.catalog import DEMO_CATALOG
from tests.support.certificates import CERTIFICATE_ID, insert_sample_certificate, sample_certificate
from tests.support.request_strings import Json, leaves, parameters, request_bodies, strings
from tests.support.stated_rules import with_stated_rules
from tests.support.system import System

SAMPLES = ROOT / "tests" / "support" / "report_types"
GENERATE = "/api/v1/reports/generate"
ENDPOINTS = "/api/v1/webhook-endpoints"
SCHEDULES = "/api/v1/schedules"
KEYS = "/api/v1/api-keys"
DEAD_LETTERS = "/api/v1/dead-letters"
URL = "https://hooks.example.com/resma?a=b"
STORE = "https://store.example.com"
DESTINATION = f"dst_{0:032x}"

_DAYS = {"from": "2024-01-01", "to": "2024-01-31"}
_MORE = {"locale": "pt-BR", "timeZone": "America/Sao_Paulo", "title": "March", "callbackUrl": URL}
_TRANSACTIONS = {
    "type": "TRANSACTIONS",
    "format": "CSV",
    "columns": ["id", "amount"],
    "options": {
        "csv": {
            "profile": "excel",
            "compression": "gzip",
            "delimiter": ";",
            "quote": '"',
            "decimalMark": ",",
            "lineEnd": "crlf",
        }
    },
    "filters": {**_DAYS, "account": "12345-6", "type": ["PIX"], "status": ["BOOKED"], "currency": ["BRL"]},
    **_MORE,
}
_AUDIT_TRAIL = {
    "type": "AUDIT_TRAIL",
    "formats": ["PDF", "NDJSON"],
    "options": {
        "pdf": {"orientation": "portrait", "paper": "A4", "password": "correct horse"},
        "ndjson": {"compression": "zstd", "numbers": "string"},
    },
    "filters": {
        **_DAYS, "actor": "ana", "object_id": "7", "action": ["LOGIN"], "object_type": ["CARD"], "outcome": ["DENIED"],
    },
}  # fmt: skip
_STATEMENT = {"type": "ACCOUNT_STATEMENT", "format": "PDF", "filters": {**_DAYS, "account": "12345-6"}}
_SUMMARY = {
    "type": "DAILY_SUMMARY",
    "format": "XLSX",
    "filters": {**_DAYS, "status": ["BOOKED"], "type": ["PIX"], "currency": ["BRL"]},
}
_FEES = {"type": "FEES", "format": "CSV", "filters": {**_DAYS, "account": "1", "currency": ["BRL"], "over": "12.50"}}
_SPLIT: Json = {
    "type": "ACCOUNT_STATEMENT",
    "format": "PDF",
    "filters": _DAYS,
    "splitBy": ["account"],
    "zip": True,
    "onlyIf": {
        "rows": {"min": 1},
        "totals": [{"amount": "amount", "currency": "BRL", "min": "-1.50", "max": "1000"}],
        "changed": True,
    },
    "deliverTo": [DESTINATION],
    "encryptFor": [CERTIFICATE_ID],
}
_REPORTS: list[Json] = [_TRANSACTIONS, _AUDIT_TRAIL, _STATEMENT, _SUMMARY, _FEES, _SPLIT]
_WORD = {"name": "Monthly", "when": "first-business-day", "at": "06:30", "calendar": "BR", "timeZone": "Europe/Lisbon"}
_CRON = {
    "name": "Weekly",
    "when": "30 6 * * 1",
    "weekStartsOn": "monday",
    "endsAt": "2100-01-01T00:00:00Z",
    "misfirePolicy": "skip",
}
_PERIOD = {"request": {"type": "TRANSACTIONS", "format": "CSV"}, "period": "last-month"}

_BUCKETS: list[Json] = [
    {
        "bucket": "partner-reports",
        "path": "{type}/{file}",
        "region": "sa-east-1",
        "roleArn": "arn:aws:iam::111122223333:role/resma-delivery",
        "kmsKeyArn": "arn:aws:kms:sa-east-1:111122223333:alias/reports",
        "bucketOwner": "111122223333",
    },
    {"bucket": "partner-reports", "endpointUrl": STORE, "secretName": "partner"},
]

_SERVERS: list[Json] = [
    {
        "host": "sftp.example.com",
        "user": "north-bank",
        "secretName": "partner-sftp",
        "hostKeys": ["SHA256:uNiVztksCsDhcc0u9e8BrW8hHdG6Q4pS7vEfXb2yPaU"],
        "directory": "/incoming",
        "path": "{type}/{date}/{file}",
    }
]

_RECIPIENTS: list[Json] = [{"recipients": ["ana@example.com"], "attach": True, "fileName": "{type}-{file}"}]

BODIES: dict[tuple[str, str], list[Json]] = {
    ("POST", GENERATE): _REPORTS,
    ("POST", "/api/v1/reports/estimate"): _REPORTS,
    ("POST", KEYS): [{"name": "month-end", "scopes": ["reports:read"]}],
    ("POST", KEYS + "/{keyId}/rotate"): [{"graceSeconds": 60}],
    ("PUT", "/api/v1/reports/{reportId}/hold"): [{"reason": "Case 1"}],
    ("POST", "/api/v1/erasures"): [{"type": "TRANSACTIONS", "filters": {"account": "12345-6"}}],
    ("POST", DEAD_LETTERS + "/redrive"): [{"reason": "the database is back"}],
    ("POST", DEAD_LETTERS + "/{reportId}/redrive"): [{"reason": "the database is back"}],
    ("POST", ENDPOINTS): [{"url": URL, "events": ["report.ready"], "reportTypes": ["TRANSACTIONS"]}],
    ("PATCH", ENDPOINTS + "/{endpointId}"): [{"url": URL, "events": ["report.ready"], "reportTypes": ["FEES"]}],
    ("POST", ENDPOINTS + "/{endpointId}/rotate-secret"): [{"overlapHours": 1}],
    ("POST", "/api/v1/destinations"): [
        *({"name": "Partner", "kind": "S3", "settings": each, "encryptFor": [CERTIFICATE_ID]} for each in _BUCKETS),
        *({"name": "Partner", "kind": "SFTP", "settings": each} for each in _SERVERS),
        *({"name": "Partner", "kind": "EMAIL", "settings": each} for each in _RECIPIENTS),
    ],
    ("POST", "/api/v1/certificates"): [{"name": "Partner", "certificate": sample_certificate()}],
    ("PATCH", "/api/v1/destinations/{destinationId}"): [
        {"name": "Partner", "settings": each, "encryptFor": [CERTIFICATE_ID]}
        for each in (*_BUCKETS, *_SERVERS, *_RECIPIENTS)
    ],
    ("POST", SCHEDULES): [{**_WORD, **_PERIOD}, *({**_CRON, "request": request} for request in _REPORTS)],
    ("POST", SCHEDULES + "/{scheduleId}/backfill"): [{**_DAYS, "dryRun": True}],
    ("POST", SCHEDULES + "/preview"): [{**_WORD, **_PERIOD}, *({**_CRON, "request": each} for each in _REPORTS)],
    ("PATCH", SCHEDULES + "/{scheduleId}"): [
        {**_WORD, **_PERIOD, "misfirePolicy": "skip"},
        *({**_CRON, "at": None, "calendar": None, "period": None, "request": request} for request in _REPORTS),
    ],
}
"""Valid bodies, which together have a value for every string property."""

STRINGS = ("\0", "a\0", "", " ", "\n", "\x7f", "x\\y", "é", "\u2028", "\U0001f9fe", "x" * 300, "x" * 10_001, "x\n")
"""Strings that violate limits of all kinds."""

BROADER = {
    "timeZone",
    "callbackUrl",
    "url",
    "when",
    "from",
    "to",
    "endsAt",
    "calendar",
    "at",
    "columns",
    "over",
    "password",
    "path",
    "endpointUrl",
    "host",
    "hostKeys",
    "directory",
    "recipients",
    "fileName",
    "certificate",
}
"""Fields whose rules a JSON Schema cannot express. The document may allow what the API rejects, except NUL."""


BROADER_IN = {"/api/v1/erasures": {"type", "filters"}}
"""More such fields, by path."""

NEEDS_STATUS = ("/api/v1/dead-letters", "/api/v1/reports/{reportId}/hold")
"""Begins of paths of operations on reports in a status that the report of this test does not have: 409."""


@pytest.fixture
def lifted(
    system: System, admin: Connection[TupleRow], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[System]:
    """The system without quotas and with a fifth report type, which has filters of all kinds."""
    shutil.copytree(DEMO_CATALOG, tmp_path / "catalog")
    shutil.copytree(SAMPLES / "fees", tmp_path / "catalog" / "fees")
    monkeypatch.setenv("RESMA_CATALOG", str(tmp_path / "catalog"))
    monkeypatch.setenv("DESTINATION_S3_ENDPOINTS", STORE)
    monkeypatch.setenv("EMAIL_TRANSPORT", "SES")
    set_email_domains(admin, "demo", ["example.com"])
    set_email_attachments(admin, "demo", 1000)
    admin.execute(
        "INSERT INTO resma.destinations (tenant_id, destination_id, name, kind, settings, accepts_personal, created_by,"
        " updated_by) VALUES ('demo', %s, 'test', 'S3', '{\"bucket\": \"partner\"}', true, 'test', 'test')",
        (DESTINATION,),
    )
    insert_sample_certificate(admin)
    admin.execute("UPDATE resma.tenants SET requests_per_second = 10000, requests_burst = 10000, live_reports = 10000")
    yield system
    admin.execute(
        "UPDATE resma.tenants SET requests_per_second = DEFAULT, requests_burst = DEFAULT, live_reports = DEFAULT"
    )
    admin.execute("DELETE FROM resma.request_buckets")
    admin.execute("DELETE FROM resma.api_keys")


@pytest.fixture
def document(lifted: System) -> Json:
    """The OpenAPI document of that system, with the rules that are only in its descriptions."""
    return with_stated_rules(lifted.call_api("GET", "/openapi.json")[2])


def test_every_string_of_a_request_has_a_limit(document: Json) -> None:
    bodies = [(method, path, schema) for method, path, schema in request_bodies(document)]
    named = [(method, path, each["schema"]) for method, path, each in parameters(document)]
    unbounded = {
        (method, path, *found.path)
        for method, path, schema in bodies + named
        for found in strings(document, schema)
        # Filters can have any value, because their schema depends on the report type.
        if not found.is_bounded and found.path[-2:] != ("filters", "...")
    }
    assert unbounded == set()


def test_the_bodies_of_this_test_contain_every_string_property(document: Json) -> None:
    for method, path, schema in request_bodies(document):
        wanted = {found.path for found in strings(document, schema) if found.path[-1] != "..."}
        given = {
            tuple("*" if isinstance(name, int) else name for name in leaf)
            for body in BODIES[method, path]
            for leaf in leaves(body)
        }
        assert wanted - given == set(), (method, path)


@pytest.mark.parametrize(("method", "path"), BODIES)
def test_document_and_api_reject_the_same_strings(lifted: System, document: Json, method: str, path: str) -> None:
    (schema,) = [schema for *found, schema in request_bodies(document) if tuple(found) == (method, path)]
    validator = jsonschema_rs.Draft202012Validator({**schema, "components": document["components"]})
    broader = BROADER | BROADER_IN.get(path, set())
    for body in BODIES[method, path]:
        assert validator.is_valid(body), body
        address = _existing(lifted, path, body)
        status, _, answer = lifted.call_api(method, address, body)
        assert status < 300 or (status == 409 and path.startswith(NEEDS_STATUS)), answer
        for leaf in leaves(body):
            for text in STRINGS:
                changed = _replaced(body, leaf, text)
                is_valid = validator.is_valid(changed)
                status, _, answer = lifted.call_api(method, address, changed)
                said = (leaf, text[:20], is_valid, status, answer)
                assert status < 500, said
                is_accepted = status not in {400, 413, 422}
                assert not (is_accepted and not is_valid), said
                assert is_accepted or not is_valid or broader & {*leaf}, said
                assert "\0" not in text or not is_valid, said


def test_document_and_api_reject_the_same_parameters(lifted: System, document: Json) -> None:
    for method, path, parameter in parameters(document):
        name, place, schema = parameter["name"], parameter["in"], parameter["schema"]
        validator = jsonschema_rs.Draft202012Validator({**schema, "components": document["components"]})
        if place == "header" or not list(strings(document, schema)):
            continue
        address = _existing(lifted, path.replace(f"{{{name}}}", "{}"))
        for text in STRINGS:
            if place == "path" and not text.strip():
                continue  # the string is part of another path
            query = {name: text} if place == "query" else None
            body = BODIES.get((method, path), [None])[0]
            status, _, answer = lifted.call_api(method, address.format(quote(text, safe="")), body, query=query)
            said = (method, path, name, text[:20], status, answer)
            is_accepted = status < 300
            assert is_accepted or status in {404, 422}, said
            assert validator.is_valid(text) == is_accepted, said
            assert "\0" not in text or not is_accepted, said


def test_document_and_api_reject_the_same_headers(lifted: System, document: Json) -> None:
    (key, *_) = [found for *_, found in parameters(document) if found["in"] == "header"]
    validator = jsonschema_rs.Draft202012Validator(key["schema"])
    for text in (text for text in STRINGS if text == text.strip("\n")):  # HTTP ignores it around a value
        status = lifted.call_api("POST", GENERATE, _STATEMENT, {"Idempotency-Key": text})[0]
        assert (status < 300) == validator.is_valid(text), text


def _existing(system: System, path: str, sent: Json | None = None) -> str:
    """Returns the path with ids of existing resources, which are created for the test.

    `sent` is the body that is sent there: a destination is of the kind whose settings it has.
    """
    for name, (address, body) in _MADE.items():
        if name == "destinationId" and "host" in (sent or {}).get("settings", {}):
            body = {"name": "test", "kind": "SFTP", "settings": _SERVERS[0]}  # noqa: PLW2901
        if name == "destinationId" and "recipients" in (sent or {}).get("settings", {}):
            body = {"name": "test", "kind": "EMAIL", "settings": _RECIPIENTS[0]}  # noqa: PLW2901
        if f"{{{name}}}" in path:
            status, _, answer = system.call_api("POST", address, body)
            assert status < 300, answer
            path = path.replace(f"{{{name}}}", answer["id"])
    return path.replace("{eventId}", f"evt_{uuid4().hex}").replace("{number}", "1")


_MADE: dict[str, tuple[str, Json]] = {
    "keyId": (KEYS, {"name": "test", "scopes": ["reports:read"]}),
    "endpointId": (ENDPOINTS, {"url": URL}),
    "destinationId": ("/api/v1/destinations", {"name": "test", "kind": "S3", "settings": {"bucket": "partner"}}),
    "certificateId": ("/api/v1/certificates", {"name": "test", "certificate": sample_certificate()}),
    "scheduleId": (SCHEDULES, {**_WORD, **_PERIOD}),
    "reportId": (GENERATE, _SPLIT),
}


def _replaced(body: Json, leaf: tuple[str | int, ...], text: str) -> Json:
    changed: Any = copy.deepcopy(body)
    place = changed
    for name in leaf[:-1]:
        place = place[name]
    place[leaf[-1]] = text
    return dict(changed)
