"""Report types in the OpenAPI document, with their filters and columns.

A request is one plain schema, because client generators lose properties beside `oneOf` and `if`. Filters and columns of
each report type are separate components, which `x-filters-by-type` and `x-columns-by-type` name for programs.
`x-split-columns-by-type` has the columns that reports may be split by, and `x-totals-by-type` the names of totals.
"""

from __future__ import annotations

from typing import Any

from api.openapi.schemas import COMPONENT, Json, tidy_schema
from resma.catalog import ReportType, filter_model, load_catalog

FILTERS_BY_TYPE = "x-filters-by-type"
COLUMNS_BY_TYPE = "x-columns-by-type"
SPLIT_COLUMNS_BY_TYPE = "x-split-columns-by-type"
TOTALS_BY_TYPE = "x-totals-by-type"


def describe_report_types(document: Json) -> None:
    """Adds the names of the report types, and a schema of the filters and of the columns of each."""
    schemas = document["components"]["schemas"]
    types = load_catalog()
    filters, columns = {}, {}
    for name, report_type in types.items():
        filters[name] = _add(schemas, filter_model(report_type).__name__, _filters(report_type))
        columns[name] = _add(schemas, f"{_prefix(report_type)}Columns", _columns(report_type))
    request = schemas["ReportRequest"]["properties"]
    request["type"]["enum"] = list(types)
    request["filters"] |= {
        "description": f"Filters of the report type: {_listed(filters)}.",
        FILTERS_BY_TYPE: filters,
    }
    request["columns"] |= {
        "description": f"Columns of the report type, in order: {_listed(columns)}. Null or omitted: all columns.",
        COLUMNS_BY_TYPE: columns,
    }
    splits = {name: list(report_type.split.by) for name, report_type in types.items() if report_type.split}
    request["splitBy"][SPLIT_COLUMNS_BY_TYPE] = splits
    totals = {name: list(report_type.totals.amounts) for name, report_type in types.items() if report_type.totals}
    schemas["TotalCondition"]["properties"]["amount"][TOTALS_BY_TYPE] = totals
    for name in ("CreateWebhookEndpointRequest", "UpdateWebhookEndpointRequest"):
        _name_types(schemas[name]["properties"]["reportTypes"], list(types))


def _prefix(report_type: ReportType) -> str:
    return filter_model(report_type).__name__.removesuffix("Filters")


def _filters(report_type: ReportType) -> Json:
    schema = filter_model(report_type).model_json_schema(ref_template=COMPONENT + "{model}")
    for part in (schema, *schema["properties"].values()):
        tidy_schema(part)
    return schema | {"description": f"Filters of reports of the type {report_type.type}."}


def _columns(report_type: ReportType) -> Json:
    return {
        "type": "array",
        "description": f"Columns of reports of the type {report_type.type}.",
        "minItems": 1,
        "uniqueItems": True,
        "items": {"type": "string", "enum": [column.name for column in report_type.shown_columns]},
    }


def _add(schemas: Json, name: str, schema: Json) -> Json:
    schemas[name] = {**schema, "title": name}
    return {"$ref": COMPONENT + name}


def _listed(references: Json) -> str:
    return ", ".join(f"`{each['$ref'].removeprefix(COMPONENT)}` for `{name}`" for name, each in references.items())


def _name_types(described: dict[str, Any], types: list[str]) -> None:
    """Adds the names of the report types to a property that is a list of report types or null."""
    for choice in described["anyOf"]:
        if choice["type"] == "array":
            choice["items"] |= {"enum": types}
