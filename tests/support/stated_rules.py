"""Adds the rules for requests that the OpenAPI document states in descriptions, as JSON Schema.

Client generators drop properties next to `oneOf` and `if`, so the document does not use them. Tests that generate
requests from the document need these rules.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

from api.openapi.report_types import COLUMNS_BY_TYPE, FILTERS_BY_TYPE, SPLIT_COLUMNS_BY_TYPE, TOTALS_BY_TYPE

Json = dict[str, Any]

_NULL: Json = {"type": "null"}


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
    request["allOf"].append({"if": _true("zip"), "then": _given("splitBy")})
    schemas["OnlyIf"]["anyOf"] = [_given("rows"), _given("totals"), _true("changed")]
    for name in ("RowsCondition", "TotalCondition"):
        schemas[name]["anyOf"] = [_given("min"), _given("max")]
    return changed


def _of_types(schemas: Json) -> Iterator[Json]:
    properties = schemas["ReportRequest"]["properties"]
    amounts = schemas["TotalCondition"]["properties"]["amount"][TOTALS_BY_TYPE]
    for name, filters in properties["filters"][FILTERS_BY_TYPE].items():
        columns = properties["columns"][COLUMNS_BY_TYPE][name]
        by = properties["splitBy"][SPLIT_COLUMNS_BY_TYPE].get(name, ())
        model = schemas[filters["$ref"].rpartition("/")[2]]
        then: Json = {
            "properties": {"columns": {"anyOf": [columns, _NULL]}, "onlyIf": _conditions(amounts.get(name, ()))},
            "anyOf": [
                _with_filters(filters, model, {"properties": {"splitBy": _NULL}}),
                *(_split(model, by[:count]) for count in range(1, len(by) + 1)),
            ],
        }
        yield {"if": {"properties": {"type": {"const": name}}}, "then": then}


def _split(model: Json, by: Sequence[str]) -> Json:
    """Returns the rules of a request that is split by these columns: their filters must not be set."""
    changed = copy.deepcopy(model)
    changed["properties"] |= dict.fromkeys(by, _NULL)
    changed["required"] = [name for name in model.get("required", ()) if name not in by]
    return _with_filters(changed, changed, {"properties": {"splitBy": {"const": list(by)}}, "required": ["splitBy"]})


def _with_filters(filters: Json, model: Json, rules: Json) -> Json:
    required = [*rules.get("required", ()), *(["filters"] if model.get("required") else [])]
    return {"properties": {**rules["properties"], "filters": filters}, "required": required}


def _conditions(amounts: Sequence[str]) -> Json:
    """Returns the rules of `onlyIf` for a report type with these totals."""
    items: Json = {"properties": {"amount": {"enum": list(amounts)}}}
    return {"properties": {"totals": {"items": items} if amounts else _NULL}}


def _given(name: str) -> Json:
    return {"required": [name], "properties": {name: {"not": _NULL}}}


def _true(name: str) -> Json:
    return {"required": [name], "properties": {name: {"const": True}}}


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
