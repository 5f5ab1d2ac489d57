"""The report types in the OpenAPI document: what each of them takes, as the catalogue says at this moment."""

from __future__ import annotations

import json
from typing import Any

from resma.catalogue import ReportType, filter_model, load_catalogue
from resma.locales import LOCALES

_COMPONENT = "#/components/schemas/"


def describe_report_types(document: str) -> str:
    """Returns an OpenAPI 3.1 document in which a request's filters and columns are those of its report type.

    `document` is one with the schema ReportRequest. For each type a schema of its filters is added, and to the request
    a condition (JSON Schema 2020-12 §10.2.2) under which they hold.
    """
    described = json.loads(document)
    schemas = described["components"]["schemas"]
    types = load_catalogue()
    request = schemas["ReportRequest"]
    request["properties"]["type"] |= {"enum": list(types)}
    request["properties"]["locale"] |= {"enum": list(LOCALES)}
    for report_type in types.values():
        schemas[_name(report_type)] = filter_model(report_type).model_json_schema(ref_template=_COMPONENT + "{model}")
    request["allOf"] = [_condition(report_type) for report_type in types.values()]
    _describe_problems(described)
    return json.dumps(described)


def _describe_problems(described: dict[str, Any]) -> None:
    """Whatever else is answered is a problem; and the one header that a request may have."""
    described["components"]["schemas"]["Problem"] = _PROBLEM
    content = {"application/problem+json": {"schema": {"$ref": _COMPONENT + "Problem"}}}
    for path, operations in described["paths"].items():
        for operation in operations.values():
            operation["responses"]["default"] = {"description": "A problem (RFC 9457).", "content": content}
            if "security" in operation:
                operation["responses"] |= {status: said | {"content": content} for status, said in _REFUSALS.items()}
        if path.endswith("/reports/generate"):
            operations["post"].setdefault("parameters", []).append(_IDEMPOTENCY_KEY)


_RETRY_AFTER = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}}}

_REFUSALS: dict[str, dict[str, Any]] = {
    "401": {
        "description": "No key or token came, or not a good one.",
        "headers": {"WWW-Authenticate": {"schema": {"type": "string"}}},
    },
    "403": {"description": "The key or token lacks a scope, which is named."},
    "429": {"description": "The tenant has asked too often, or for too much.", "headers": _RETRY_AFTER},
}

_PROBLEM = {
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

_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Sent again with the same request, it is answered with the first one's report.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 257},
}


def _name(report_type: ReportType) -> str:
    return filter_model(report_type).__name__


def _condition(report_type: ReportType) -> dict[str, Any]:
    columns = {"type": "array", "minItems": 1, "uniqueItems": True}
    wanted: dict[str, Any] = {
        "properties": {
            "filters": {"$ref": _COMPONENT + _name(report_type)},
            "columns": {"anyOf": [columns | {"items": {"enum": _columns(report_type)}}, {"type": "null"}]},
        }
    }
    if any(item.required for item in report_type.filters):
        wanted["required"] = ["filters"]
    return {"if": {"properties": {"type": {"const": report_type.type}}}, "then": wanted}


def _columns(report_type: ReportType) -> list[str]:
    return [column.name for column in report_type.columns]
