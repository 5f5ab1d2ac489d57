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
    """Returns the document with all rules of requests for reports."""
    changed = with_rules_for_generation(document)
    schemas = changed["components"]["schemas"]
    request = schemas["ReportRequest"]
    request["allOf"] += [*_of_split_types(schemas), {"if": _true("zip"), "then": _given("splitBy")}]
    schemas["OnlyIf"]["anyOf"] = [_given("rows"), _given("totals"), _true("changed")]
    for name in ("RowsCondition", "TotalCondition"):
        schemas[name]["anyOf"] = [_given("min"), _given("max")]
    return changed


def with_rules_for_generation(document: Json) -> Json:
    """Returns the document with a condition for each report type, and for each format that has options.

    It has no rules of `splitBy`, `zip` and `onlyIf`: with them, Schemathesis cannot generate a request. Requests that
    are generated from it are valid if they are not split and have no condition.
    """
    changed = copy.deepcopy(document)
    schemas = changed["components"]["schemas"]
    request = schemas["ReportRequest"]
    request["oneOf"] = [
        {"required": [one], "properties": {one: {"not": _NULL}, other: _NULL}}
        for one, other in (("format", "formats"), ("formats", "format"))
    ]
    request["allOf"] = [
        *(_of_type(schemas, name) for name in request["properties"]["filters"][FILTERS_BY_TYPE]),
        *(_only_with(name) for name in schemas["FormatOptions"]["properties"]),
    ]
    return changed


def _of_type(schemas: Json, name: str) -> Json:
    """Returns the condition of a report type whose reports are not split."""
    properties = schemas["ReportRequest"]["properties"]
    filters = properties["filters"][FILTERS_BY_TYPE][name]
    columns = properties["columns"][COLUMNS_BY_TYPE][name]
    then: Json = {"properties": {"filters": filters, "columns": {"anyOf": [columns, _NULL]}}}
    if _resolve(schemas, filters).get("required"):
        then["required"] = ["filters"]
    return {"if": {"properties": {"type": {"const": name}}}, "then": then}


def _of_split_types(schemas: Json) -> Iterator[Json]:
    """Changes the conditions of types whose reports may be split; yields the other rules of all types."""
    request = schemas["ReportRequest"]
    properties = request["properties"]
    amounts = schemas["TotalCondition"]["properties"]["amount"][TOTALS_BY_TYPE]
    for condition in request["allOf"]:
        name = condition["if"]["properties"].get("type", {}).get("const")
        if name is None:
            continue
        then = condition["then"]
        by = properties["splitBy"][SPLIT_COLUMNS_BY_TYPE].get(name, ())
        filters, required = then["properties"].pop("filters"), then.pop("required", [])
        model = _resolve(schemas, filters)
        then["anyOf"] = [
            {"properties": {"splitBy": _NULL, "filters": filters}, "required": required},
            *(_split(model, by[:count]) for count in range(1, len(by) + 1)),
        ]
        items: Json = {"properties": {"amount": {"enum": amounts.get(name)}}}
        totals = {"items": items} if name in amounts else _NULL
        yield {
            "if": {"properties": {"type": {"const": name}}},
            "then": {"properties": {"onlyIf": {"properties": {"totals": totals}}}},
        }


def _split(model: Json, by: Sequence[str]) -> Json:
    """Returns the rules of a request that is split by these columns: their filters must not be set."""
    filters = copy.deepcopy(model)
    filters["properties"] |= dict.fromkeys(by, _NULL)
    filters["required"] = [name for name in model.get("required", ()) if name not in by]
    return {
        "properties": {"splitBy": {"const": list(by)}, "filters": filters},
        "required": ["splitBy", *(["filters"] if filters["required"] else [])],
    }


def _resolve(schemas: Json, reference: Json) -> Json:
    return dict(schemas[reference["$ref"].rpartition("/")[2]])


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
