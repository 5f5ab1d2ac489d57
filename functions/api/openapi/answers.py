"""Responses in the OpenAPI document that routes do not declare: problems and headers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus

from api.openapi.schemas import COMPONENT, Json

_LOCATION = {"Location": "Location"}
_RETRY_AFTER = {"Retry-After": "RetryAfter"}
"""Names of headers, with the components that describe them."""

_STARTS_REPORT = {"generateReport", "retryReport", "retryReportFiles", "redriveDeadLetter", "runSchedule"}
_TAKES_IDEMPOTENCY_KEY = {"generateReport", "retryReport", "runSchedule"}

_NO_HEADERS: Mapping[str, str] = {}


def describe_answers(document: Json) -> None:
    """Adds to each operation the problems that it can return (problems.py), and the headers of its responses."""
    document["components"]["schemas"] |= {"Problem": _PROBLEM, "FieldError": _INVALID_PART}
    document["components"]["headers"] = _HEADERS
    document["components"]["responses"] = {"Problem": _problem("The request was not successful.")}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            responses = operation["responses"]
            for status in sorted(_problem_statuses(path, method, operation)):
                responses[str(status.value)] = _problem(_PROBLEMS[status], _PROBLEM_HEADERS.get(status, {}))
            responses["default"] = {"$ref": "#/components/responses/Problem"}
            for code, headers in _success_headers(operation):
                responses[code]["headers"] = _references(headers)
            for code in {"303", "204"} & responses.keys():
                responses[code].pop("content", None)
            operation.setdefault("security", [])
            operation["description"] += _scope_needed(operation["security"])
            if operation["operationId"] in _TAKES_IDEMPOTENCY_KEY:
                operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)


def _scope_needed(security: list[dict[str, list[str]]]) -> str:
    """Returns a sentence with the required scope, because most tools do not show scopes of security requirements."""
    scopes = {scope for requirement in security for names in requirement.values() for scope in names}
    return "".join(f"\n\nRequires the scope `{scope}`." for scope in sorted(scopes))


def _success_headers(operation: Json) -> Iterator[tuple[str, Mapping[str, str]]]:
    name = operation["operationId"]
    if name in _STARTS_REPORT:
        yield "202", _LOCATION | _RETRY_AFTER
    elif name in {"createSchedule", "createWebhookEndpoint", "createDestination"}:
        yield "201", _LOCATION
    elif name == "getReport":
        yield "200", {"Retry-After": "PollAfter"}
    elif name in {"downloadReport", "downloadReportFile"}:
        yield "303", {"Location": "FileLocation"}


def _problem_statuses(path: str, method: str, operation: Json) -> set[HTTPStatus]:
    statuses: set[HTTPStatus] = set()
    if operation.get("security"):
        statuses |= {
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.FORBIDDEN,
            HTTPStatus.TOO_MANY_REQUESTS,
            HTTPStatus.SERVICE_UNAVAILABLE,
        }
    if "requestBody" in operation:
        statuses |= {
            HTTPStatus.BAD_REQUEST,
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            HTTPStatus.UNPROCESSABLE_ENTITY,
        }
    if operation["operationId"] in _TAKES_IDEMPOTENCY_KEY:
        statuses |= {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}
    if any(parameter["in"] == "query" for parameter in operation.get("parameters", ())):
        statuses.add(HTTPStatus.UNPROCESSABLE_ENTITY)
    if "{" in path:
        statuses.add(HTTPStatus.NOT_FOUND)
    if path.endswith(("/download", "/files")):
        statuses |= {HTTPStatus.CONFLICT, HTTPStatus.GONE}
    elif path.endswith("/summary"):
        statuses.add(HTTPStatus.CONFLICT)
    elif method == "post":
        statuses.add(HTTPStatus.CONFLICT)
        if "{" in path:
            statuses.add(HTTPStatus.GONE)
    return statuses


def _problem(description: str, headers: Mapping[str, str] = _NO_HEADERS) -> Json:
    content = {"application/problem+json": {"schema": {"$ref": COMPONENT + "Problem"}}}
    described: Json = {"description": description, "content": content}
    return described | ({"headers": _references(headers)} if headers else {})


def _references(headers: Mapping[str, str]) -> Json:
    return {name: {"$ref": f"#/components/headers/{component}"} for name, component in headers.items()}


_PROBLEMS: Mapping[HTTPStatus, str] = {
    HTTPStatus.BAD_REQUEST: "The body is not JSON, or a header is not valid.",
    HTTPStatus.UNAUTHORIZED: "The key or token is missing or not valid.",
    HTTPStatus.FORBIDDEN: "The key or token lacks a scope.",
    HTTPStatus.NOT_FOUND: "The resource does not exist, or belongs to another tenant.",
    HTTPStatus.CONFLICT: "The request is not possible in the current state.",
    HTTPStatus.GONE: "The resource has expired or was deleted or revoked.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body must be sent as `application/json`.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "The request is not valid: `errors` names each invalid part.",
    HTTPStatus.TOO_MANY_REQUESTS: "A limit of the tenant is reached. Wait as long as `Retry-After` says.",
    HTTPStatus.SERVICE_UNAVAILABLE: "A dependency is unavailable. Wait as long as `Retry-After` says.",
}

_PROBLEM_HEADERS: Mapping[HTTPStatus, Mapping[str, str]] = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Challenge"},
    HTTPStatus.FORBIDDEN: {"WWW-Authenticate": "Challenge"},
    HTTPStatus.CONFLICT: {"Retry-After": "RetryConflictAfter"},
    HTTPStatus.TOO_MANY_REQUESTS: _RETRY_AFTER,
    HTTPStatus.SERVICE_UNAVAILABLE: _RETRY_AFTER,
}


def _header(description: str, schema: Json, *, required: bool = False) -> Json:
    return {"description": description, "required": required, "schema": schema}


_URI: Json = {"type": "string", "format": "uri"}
_SECONDS: Json = {"type": "integer", "minimum": 1}

_HEADERS: Json = {
    "Location": _header("URL of the report, schedule, endpoint or destination.", _URI, required=True),
    "FileLocation": _header("Presigned URL of the file, valid for one hour.", _URI, required=True),
    "RetryAfter": _header("Seconds to wait before the next request.", _SECONDS, required=True),
    "PollAfter": _header("Seconds to wait before the next request, while the report is in progress.", _SECONDS),
    "RetryConflictAfter": _header("Seconds to wait, if the conflict goes away by itself.", _SECONDS),
    "Challenge": _header(
        "Authentication scheme `Bearer`, with the reason (RFC 6750 §3).", {"type": "string"}, required=True
    ),
}

_PROBLEM: Json = {
    "title": "Problem",
    "description": "Reason why a request was not successful, as problem details (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "description": "Stable URN of the kind of problem, for programs."},
        "title": {"type": "string", "description": "The kind of problem in words."},
        "status": {"type": "integer", "description": "HTTP status of the response."},
        "detail": {"type": "string", "description": "What is wrong and what to do."},
        "instance": {"type": "string", "description": "Path of the request."},
        "errors": {
            "type": "array",
            "description": "Invalid parts of the request.",
            "items": {"$ref": COMPONENT + "FieldError"},
        },
    },
    "examples": [
        {
            "type": "urn:resma:problem:request-invalid",
            "title": "Request invalid",
            "status": 422,
            "detail": "One part of the request is not valid.",
            "instance": "/api/v1/reports/generate",
            "errors": [{"pointer": "/timeZone", "detail": "Unknown time zone 'Mars'."}],
        }
    ],
}

_INVALID_PART: Json = {
    "title": "FieldError",
    "description": "One invalid part of a request.",
    "type": "object",
    "required": ["pointer", "detail"],
    "properties": {
        "pointer": {
            "type": "string",
            "description": "JSON pointer (RFC 6901) into the body, or `/` and the name of a parameter.",
        },
        "detail": {"type": "string", "description": "What is wrong and what to do."},
    },
}

_IDEMPOTENCY_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "String that identifies the request, such as a UUID. If the same request is sent again with the "
    "same key, the response has the same report.",
    # The form that requests/submit.py accepts: printable ASCII without quotes and backslashes, optionally in quotes.
    "schema": {
        "type": "string",
        "pattern": r'^([!#-\[\]-~]{1,255}|"[ !#-\[\]-~]{1,255}")$',
    },
}
