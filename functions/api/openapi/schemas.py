"""Names and forms of schemas and parameters that client generators turn into good code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic.alias_generators import to_camel

from resma.access.caller import Scope
from resma.i18n.locales import LocaleTag, Weekday
from resma.jobs.completed_event import EventType
from resma.report.format_options import Compression
from resma.report.status import Status
from resma.schedules.periods import Period
from resma.schedules.schedule_rows import MisfirePolicy
from resma.writers import Format

COMPONENT = "#/components/schemas/"

Json = dict[str, Any]

ENUMERATIONS: Mapping[str, tuple[Any, str]] = {
    "Compression": (Compression, "Compression of a file."),
    "EventType": (EventType, "Type of an event."),
    "Locale": (LocaleTag, "Language and formats of dates and numbers."),
    "MisfirePolicy": (MisfirePolicy, "What happens to missed runs of a schedule."),
    "ReportFormat": (Format, "Format of a file."),
    "ReportPeriod": (Period, "Period relative to the day of a run."),
    "ReportStatus": (Status, "Status of a report."),
    "Scope": (Scope, "What a caller is allowed to do."),
    "Weekday": (Weekday, "First day of a week."),
}
"""Enumerations that are components: inline, a generator makes a type of its own wherever one is used. The
generator for Go makes constants of their values' names, so no value is in two of them.
"""


def inner_schemas(schema: Json) -> Iterator[Json]:
    """Every schema directly within a schema."""
    yield from schema.get("properties", {}).values()
    for name in ("anyOf", "oneOf", "allOf"):
        yield from schema.get(name, ())
    for name in ("items", "additionalProperties", "not"):
        if isinstance(schema.get(name), dict):
            yield schema[name]


def all_schemas(document: Json) -> Iterator[Json]:
    """Every schema of the document, at any depth, outer ones first."""
    waiting = [*document["components"]["schemas"].values()]
    for operation in operations(document):
        waiting += [parameter["schema"] for parameter in operation.get("parameters", ())]
        for part in (operation.get("requestBody"), *operation["responses"].values()):
            waiting += [content["schema"] for content in (part or {}).get("content", {}).values()]
    while waiting:
        schema = waiting.pop()
        yield schema
        waiting += inner_schemas(schema)


def operations(document: Json) -> Iterator[Json]:
    """Every operation, those of webhooks included."""
    for methods in [*document["paths"].values(), *document.get("webhooks", {}).values()]:
        yield from methods.values()


def name_locales(document: Json) -> None:
    """Lists the locales where the API takes any string and looks it up."""
    locales = [*get_args(LocaleTag)]
    document["components"]["schemas"]["ReportRequest"]["properties"]["locale"]["enum"] = locales
    for parameter in document["paths"]["/api/v1/report-types"]["get"]["parameters"]:
        if parameter["name"] == "locale":
            parameter["schema"]["enum"] = locales


def tidy_parameters(document: Json) -> None:
    """Names path parameters as JSON names are, and takes null from those that can be omitted: none is sent as null."""
    document["paths"] = {
        re.sub(r"\{(\w+)\}", lambda match: "{" + to_camel(match[1]) + "}", path): methods
        for path, methods in document["paths"].items()
    }
    for operation in operations(document):
        for parameter in operation.get("parameters", ()):
            schema = parameter["schema"]
            schema.pop("description", None)
            if parameter["in"] == "path":
                parameter["name"] = to_camel(parameter["name"])
            choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
            if len(choices) == 1:
                del schema["anyOf"]
                schema |= choices[0]


def tidy_schemas(document: Json) -> None:
    """Gives components their public names, and enumerations a component each. Takes titles and defaults away."""
    schemas = document["components"]["schemas"]
    for operation in operations(document):
        operation["responses"].pop("422", None)  # powertools' own validation errors, which this API answers as problems
    for name in schemas.keys() - _used(document):  # also those of routes that are not in the document
        del schemas[name]
    names = {name: schema.get("title", name) for name, schema in schemas.items()}
    if len(set(names.values())) < len(names):
        raise ValueError("two models have the same title")
    for schema in all_schemas(document):
        if "$ref" in schema:
            schema["$ref"] = COMPONENT + names[schema["$ref"].removeprefix(COMPONENT)]
        tidy_schema(schema)
    document["components"]["schemas"] = {
        **{public: {"title": public, **schemas[name]} for name, public in names.items()},
        **{
            name: {"title": name, "description": description, "type": "string", "enum": [*get_args(kind)]}
            for name, (kind, description) in ENUMERATIONS.items()
        },
    }
    for parameter in [each for operation in operations(document) for each in operation.get("parameters", ())]:
        parameter["schema"].pop("title", None)


def _used(document: Json) -> set[str]:
    """Names of the components that operations refer to, directly or through others."""
    found: set[str] = set()
    waiting: list[object] = [*operations(document)]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            waiting += part.values()
            name = str(part.get("$ref", "")).removeprefix(COMPONENT)
            if name in document["components"]["schemas"] and name not in found:
                found.add(name)
                waiting.append(document["components"]["schemas"][name])
        elif isinstance(part, list):
            waiting += part
    return found


def _said(default: object) -> str:
    """A default in words; nothing for null and for objects, whose properties have their own."""
    match default:
        case str():
            return f"`{default}`"
        case bool() | int():
            return json.dumps(default)
        case list():
            return ", ".join(map(_said, default))
        case _:
            return ""


def tidy_schema(schema: Json) -> None:
    """Takes titles and defaults from a schema, and puts references in the place of enumerations. Not from inner ones.

    Generators of TypeScript take a property with a default for one that must be sent: a description says it.
    """
    schema.pop("title", None)
    for inner in schema.get("properties", {}).values():
        if said := _said(inner.pop("default", None)):
            inner["description"] = f"{inner.get('description', '')} Default: {said}.".strip()
        for choice in inner.get("anyOf", ()):
            if "description" in choice:
                inner["description"] = choice.pop("description")
    for name, (kind, _) in ENUMERATIONS.items():
        if schema.get("enum") == [*get_args(kind)]:
            for keyword in ("enum", "type", "maxLength"):
                schema.pop(keyword, None)
            schema["$ref"] = COMPONENT + name
