"""Adds the rules for requests that the OpenAPI document states in descriptions, as JSON Schema.

Client generators drop properties next to `oneOf` and `if`, so the document does not use them. Tests that generate
requests from the document need these rules.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from api.openapi.report_types import COLUMNS_BY_TYPE, FILTERS_BY_TYPE

Json = dict[str, Any]


def with_stated_rules(document: Json) -> Json:
    """Returns the document with a condition for each report type, and for each format that has options."""
    changed = copy.deepcopy(document)
    schemas = changed["components"]["schemas"]
    request = schemas["ReportRequest"]
    request["oneOf"] = [
        {"required": [one], "properties": {one: {"not": {"type": "null"}}, other: {"type": "null"}}}
        for one, other in (("format", "formats"), ("formats", "format"))
    ]
    request["allOf"] = [*_of_types(schemas), *(_only_with(name) for name in schemas["FormatOptions"]["properties"])]
    return changed


def _of_types(schemas: Json) -> Iterator[Json]:
    properties = schemas["ReportRequest"]["properties"]
    for name, filters in properties["filters"][FILTERS_BY_TYPE].items():
        columns = properties["columns"][COLUMNS_BY_TYPE][name]
        then: Json = {"properties": {"filters": filters, "columns": {"anyOf": [columns, {"type": "null"}]}}}
        if schemas[filters["$ref"].rpartition("/")[2]].get("required"):
            then["required"] = ["filters"]
        yield {"if": {"properties": {"type": {"const": name}}}, "then": then}


def _only_with(option: str) -> Json:
    """Returns the condition that options of a format are accepted only with that format."""
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
