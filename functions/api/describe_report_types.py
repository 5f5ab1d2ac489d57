"""The report types in the OpenAPI document: what each of them takes, as the catalogue says at this moment."""

from __future__ import annotations

import json
from typing import Any

from api.describe_answers import COMPONENT, describe_answers
from resma.catalogue import ReportType, filter_model, load_catalogue
from resma.locales import LOCALES


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
        schemas[_name(report_type)] = filter_model(report_type).model_json_schema(ref_template=COMPONENT + "{model}")
    request["allOf"] = [_condition(report_type) for report_type in types.values()]
    request["allOf"] += [_only_with(format_) for format_ in schemas["FormatOptions"]["properties"]]
    for name in ("EndpointRequest", "EndpointChanges"):
        _name_types(schemas[name]["properties"]["reportTypes"], list(types))
    schemas["EndpointChanges"]["properties"]["url"].pop("default")  # left out, it stays as it is
    for parameter in described["paths"]["/api/v1/report-types"]["get"]["parameters"]:
        if parameter["name"] == "locale":
            parameter["schema"] |= {"enum": list(LOCALES)}
    describe_answers(described)
    return json.dumps(described)


def _name(report_type: ReportType) -> str:
    return filter_model(report_type).__name__


def _condition(report_type: ReportType) -> dict[str, Any]:
    columns = {"type": "array", "minItems": 1, "uniqueItems": True}
    wanted: dict[str, Any] = {
        "properties": {
            "filters": {"$ref": COMPONENT + _name(report_type)},
            "columns": {"anyOf": [columns | {"items": {"enum": _columns(report_type)}}, {"type": "null"}]},
        }
    }
    if any(item.required for item in report_type.filters):
        wanted["required"] = ["filters"]
    return {"if": {"properties": {"type": {"const": report_type.type}}}, "then": wanted}


def _columns(report_type: ReportType) -> list[str]:
    return [column.name for column in report_type.columns]


def _name_types(described: dict[str, Any], types: list[str]) -> None:
    """A list of report types, or null."""
    for choice in described["anyOf"]:
        if choice["type"] == "array":
            choice["items"] |= {"enum": types}


def _only_with(option: str) -> dict[str, Any]:
    """Options of a format are for reports that are asked for in it."""
    format_ = option.upper()
    return {
        "if": {"required": ["options"], "properties": {"options": {"required": [option]}}},
        "then": {
            "anyOf": [
                {"required": ["format"], "properties": {"format": {"const": format_}}},
                {"required": ["formats"], "properties": {"formats": {"contains": {"const": format_}}}},
            ]
        },
    }
