"""The answers in the OpenAPI document that routes don't declare: problems of every kind, and where redirects lead."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

COMPONENT = "#/components/schemas/"

Json = dict[str, Any]


def describe_answers(described: Json) -> None:
    """Adds to each operation of an OpenAPI document the problems that it may answer with (problems.py)."""
    described["components"]["schemas"]["Problem"] = _PROBLEM
    for name in ("HTTPValidationError", "ValidationError"):  # powertools' own; ours are problems
        described["components"]["schemas"].pop(name, None)
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            for status in _statuses(path, method, operation):
                operation["responses"][str(status.value)] = _problem(status.phrase) | _HEADERS.get(status, {})
            operation["responses"]["default"] = _problem("Something else went wrong")
            _describe_bodiless(operation["responses"])
    for path in ("/api/v1/reports/generate", "/api/v1/reports/{report_id}/retry"):
        if path in described["paths"]:
            described["paths"][path]["post"].setdefault("parameters", []).append(_IDEMPOTENCY_KEY)


def _statuses(path: str, method: str, operation: Json) -> set[HTTPStatus]:
    found: set[HTTPStatus] = set()
    if operation.get("security"):
        found |= {
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.FORBIDDEN,
            HTTPStatus.TOO_MANY_REQUESTS,
            HTTPStatus.SERVICE_UNAVAILABLE,
        }
    if "requestBody" in operation:
        found |= {
            HTTPStatus.BAD_REQUEST,
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            HTTPStatus.UNPROCESSABLE_ENTITY,
        }
    if any(parameter["in"] == "query" for parameter in operation.get("parameters", ())):
        found.add(HTTPStatus.UNPROCESSABLE_ENTITY)
    if "{" in path:
        found.add(HTTPStatus.NOT_FOUND)
    if path.endswith("/download"):
        found |= {HTTPStatus.CONFLICT, HTTPStatus.GONE}
    elif path.endswith("/summary"):
        found.add(HTTPStatus.CONFLICT)
    elif method == "post":
        found.add(HTTPStatus.CONFLICT)
        if "{" in path:
            found.add(HTTPStatus.GONE)
    operation["responses"].pop(str(HTTPStatus.UNPROCESSABLE_ENTITY.value), None)
    return found


def _problem(description: str) -> Json:
    content = {"application/problem+json": {"schema": {"$ref": COMPONENT + "Problem"}}}
    return {"description": f"{description}: a problem (RFC 9457).", "content": content}


def _describe_bodiless(responses: Json) -> None:
    """A redirect has an address and no body, and "no content" has neither."""
    if "303" in responses:
        location = {"description": "Where the file is.", "required": True, "schema": {"type": "string"}}
        responses["303"] = {"description": "See there.", "headers": {"Location": location}}
    if "204" in responses:
        responses["204"] = {"description": "Done."}


_RETRY_AFTER: Json = {
    "headers": {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}}}
}

_HEADERS: dict[HTTPStatus, Json] = {
    HTTPStatus.UNAUTHORIZED: {"headers": {"WWW-Authenticate": {"schema": {"type": "string"}}}},
    HTTPStatus.TOO_MANY_REQUESTS: _RETRY_AFTER,
    HTTPStatus.SERVICE_UNAVAILABLE: _RETRY_AFTER,
}

_PROBLEM: Json = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "description": "A URN that stays the same, for programs."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What to do."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "pointer": {"type": "string", "description": "A JSON pointer (RFC 6901) into the request."},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}

_IDEMPOTENCY_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Sent again with the same request, it is answered with the first one's report.",
    # As request_report.py takes it: printable ASCII without quotes and backslashes, in quotes or without.
    "schema": {
        "type": "string",
        "pattern": r'^([!#-\[\]-~]{1,255}|"[ !#-\[\]-~]{1,255}")$',
    },
}
