"""Invalid requests for reports, each with the expected status, problem code and pointer."""

from __future__ import annotations

from typing import Any

GOOD = {"type": "TRANSACTIONS", "format": "CSV", "filters": {"from": "2024-01-01"}}


BAD: list[tuple[Any, int, str, str | None]] = [
    ({**GOOD, "type": "NOPE"}, 422, "request-invalid", "/type"),
    ({**GOOD, "format": "DOC"}, 422, "request-invalid", "/format"),
    ({"type": "TRANSACTIONS"}, 422, "request-invalid", "/formats"),
    ({"type": "TRANSACTIONS", "format": None, "formats": None}, 422, "request-invalid", "/formats"),
    ({**GOOD, "formats": ["CSV"]}, 422, "request-invalid", "/formats"),
    ({"type": "TRANSACTIONS", "formats": ["CSV", "CSV"]}, 422, "request-invalid", "/formats"),
    ({"type": "TRANSACTIONS", "formats": []}, 422, "request-invalid", "/formats"),
    ({**GOOD, "filters": {"nope": 1}}, 422, "request-invalid", "/filters/nope"),
    ({**GOOD, "filters": {"from": "2024-02-30"}}, 422, "request-invalid", "/filters/from"),
    ({**GOOD, "filters": {"from": "2024-02-02", "to": "2024-02-01"}}, 422, "request-invalid", "/filters/to"),
    ({**GOOD, "filters": []}, 422, "request-invalid", "/filters"),
    ({**GOOD, "nope": 1}, 422, "request-invalid", "/nope"),
    ({"format": "CSV"}, 422, "request-invalid", "/type"),
    ({**GOOD, "callbackUrl": "ftp://example.com"}, 422, "request-invalid", "/callbackUrl"),
    ({**GOOD, "callbackUrl": "https://"}, 422, "request-invalid", "/callbackUrl"),
    ({**GOOD, "callbackUrl": "https://user:secret@example.com"}, 422, "request-invalid", "/callbackUrl"),
    ({**GOOD, "callbackUrl": "https://example.com:99999"}, 422, "request-invalid", "/callbackUrl"),
    ({**GOOD, "callbackUrl": "https://example.com/\r\nHost: x"}, 422, "request-invalid", "/callbackUrl"),
    ("{not json", 400, "request-malformed", None),
    (
        '{"type": "TRANSACTIONS", "format": "CSV", "filters": {"currency": ["BRL"], "currency": ["USD"]}}',
        400,
        "request-malformed",
        None,
    ),
    ("[1]", 422, "request-invalid", ""),
    (None, 422, "request-invalid", ""),
    ("x" * (256 * 1024 + 1), 413, "request-too-large", None),
    ("é" * (128 * 1024 + 1), 413, "request-too-large", None),
]
