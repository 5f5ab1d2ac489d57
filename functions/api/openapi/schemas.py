"""Changes schemas and parameters so that client generators produce good code from them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic.alias_generators import to_camel

from resma.access.caller import Scope
from resma.catalog import offered_locales
from resma.i18n.locales import Weekday
from resma.jobs.completed_event import EventType
from resma.report.format_options import Compression
from resma.report.status import Status
from resma.schedules.periods import Period
from resma.schedules.schedule_rows import MisfirePolicy
from resma.writers import Format

COMPONENT = "#/components/schemas/"

Json = dict[str, Any]

_ENUMERATIONS: Mapping[str, tuple[Any, str]] = {
    "Compression": (Compression, "Compression of a file."),
    "EventType": (EventType, "Type of an event."),
    "MisfirePolicy": (
        MisfirePolicy,
        "What happens to misfires, which are runs that could not start on time.",
    ),
    "ReportFormat": (Format, "Format of a file."),
    "ReportPeriod": (Period, "Period relative to the day of a run."),
    "ReportStatus": (Status, "Status of a report."),
    "Scope": (Scope, "What a caller is allowed to do."),
    "Weekday": (Weekday, "First day of a week."),
}


def enumerations() -> dict[str, tuple[list[Any], str]]:
    """Returns the values and the description of each enumeration that is a component, by name.

    If they were inline, generators would create a separate type for each use. The generator for Go names constants
    after the values, so that no value may be in two enumerations.
    """
    locales = ([*offered_locales()], "Language and formats of dates and numbers.")
    return {name: ([*get_args(kind)], text) for name, (kind, text) in _ENUMERATIONS.items()} | {"Locale": locales}


def inner_schemas(schema: Json) -> Iterator[Json]:
    """Yields each schema directly inside a schema."""
    yield from schema.get("properties", {}).values()
    for name in ("anyOf", "oneOf", "allOf"):
        yield from schema.get(name, ())
    for name in ("items", "additionalProperties", "not"):
        if isinstance(schema.get(name), dict):
            yield schema[name]


def all_schemas(document: Json) -> Iterator[Json]:
    """Yields each schema of the document at any depth, outer ones first."""
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
    """Yields each operation, including those of webhooks."""
    for methods in [*document["paths"].values(), *document.get("webhooks", {}).values()]:
        yield from methods.values()


def name_locales(document: Json) -> None:
    """Adds the list of locales to fields that are plain strings in the code, because the API looks the locale up."""
    locales = [*offered_locales()]
    document["components"]["schemas"]["ReportRequest"]["properties"]["locale"]["enum"] = locales
    for operation in operations(document):
        for parameter in operation.get("parameters", ()):
            if parameter["name"] == "locale":
                for schema in parameter["schema"].get("anyOf", [parameter["schema"]]):
                    if schema != {"type": "null"}:
                        schema["enum"] = locales


def tidy_parameters(document: Json) -> None:
    """Names path parameters in camel case, and removes null from optional parameters, because they cannot be null."""
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
    """Gives components their public names, moves enumerations to components, and removes titles and defaults."""
    schemas = document["components"]["schemas"]
    for operation in operations(document):
        operation["responses"].pop("422", None)  # powertools' validation errors, which this API returns as problems
    for name in schemas.keys() - _used(document):  # including those of routes that are not in the document
        del schemas[name]
    names = {name: schema.get("title", name) for name, schema in schemas.items()}
    if len(set(names.values())) < len(names):
        raise ValueError("Two models have the same title. Give one of them another `title`.")
    for schema in all_schemas(document):
        if "$ref" in schema:
            schema["$ref"] = COMPONENT + names[schema["$ref"].removeprefix(COMPONENT)]
        tidy_schema(schema)
    document["components"]["schemas"] = {
        **{public: {"title": public, **schemas[name]} for name, public in names.items()},
        **{
            name: {"title": name, "description": description, "type": "string", "enum": values}
            for name, (values, description) in enumerations().items()
        },
    }
    for parameter in [each for operation in operations(document) for each in operation.get("parameters", ())]:
        parameter["schema"].pop("title", None)


def _used(document: Json) -> set[str]:
    """Returns the names of the components that operations refer to, directly or through other components."""
    used: set[str] = set()
    waiting: list[object] = [*operations(document)]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            waiting += part.values()
            name = str(part.get("$ref", "")).removeprefix(COMPONENT)
            if name in document["components"]["schemas"] and name not in used:
                used.add(name)
                waiting.append(document["components"]["schemas"][name])
        elif isinstance(part, list):
            waiting += part
    return used


def _default_text(default: object) -> str:
    """Returns a default as text. Empty for null and for objects, whose properties have their own defaults."""
    match default:
        case str():
            return f"`{default}`"
        case bool() | int():
            return json.dumps(default)
        case list():
            return ", ".join(map(_default_text, default))
        case _:
            return ""


def tidy_schema(schema: Json) -> None:
    """Removes titles and defaults from a schema, and replaces its enumerations by references; inner schemas stay.

    TypeScript generators make a property with a default required, so the default is moved to the description.
    """
    schema.pop("title", None)
    for inner in schema.get("properties", {}).values():
        if default := _default_text(inner.pop("default", None)):
            inner["description"] = f"{inner.get('description', '')} Default: {default}.".strip()
        for choice in inner.get("anyOf", ()):
            if "description" in choice:
                inner["description"] = choice.pop("description")
    for name, (values, _) in enumerations().items():
        if schema.get("enum") == values:
            for keyword in ("enum", "type", "maxLength"):
                schema.pop(keyword, None)
            schema["$ref"] = COMPONENT + name
