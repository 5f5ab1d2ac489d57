"""Finds the strings in the requests of an OpenAPI document, and whether their values are limited."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
Path = tuple[str, ...]

_BOUNDS = ("enum", "const", "pattern", "maxLength")
"""Keywords by which every validator limits a string. `format` is an annotation only (JSON Schema 2020-12, 7.2.1)."""


@dataclass(frozen=True)
class StringSchema:
    """A part of a request that can be a string. `*` in the path means any item of an array."""

    path: Path
    is_bounded: bool


def request_bodies(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Yields the method, path and schema of each operation with a request body."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                yield method.upper(), path, content["schema"]


def parameters(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Yields each parameter of each operation, with the operation's method and path."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for parameter in operation.get("parameters", ()):
                yield method.upper(), path, parameter


def strings(document: Json, schema: Json, path: Path = (), is_bounded: bool = False) -> Iterator[StringSchema]:
    """Yields every part of a schema that can be a string. Additional properties count as one part, named `...`."""
    while "$ref" in schema:
        schema = _resolve(document, schema["$ref"]) | {name: part for name, part in schema.items() if name != "$ref"}
    is_bounded = is_bounded or any(name in schema for name in _BOUNDS)
    kind = schema.get("type", ())
    if "string" in ([kind] if isinstance(kind, str) else kind):
        yield StringSchema(path, is_bounded)
    for branch in ("anyOf", "oneOf", "allOf"):
        for part in schema.get(branch, ()):
            yield from strings(document, part, path, is_bounded)
    for branch in ("then", "else"):
        if branch in schema:
            yield from strings(document, schema[branch], path, is_bounded)
    for name, part in schema.get("properties", {}).items():
        yield from strings(document, part, (*path, name))
    if "items" in schema:
        yield from strings(document, schema["items"], (*path, "*"))
    if schema.get("additionalProperties", False) is not False:
        yield StringSchema((*path, "..."), is_bounded=False)


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yields the paths of the strings in a JSON value."""
    if isinstance(value, str):
        yield path
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for name, part in inner:
        yield from leaves(part, (*path, name))


def _resolve(document: Json, reference: str) -> Json:
    schema: Any = document
    for name in reference.removeprefix("#/").split("/"):
        schema = schema[name]
    return dict(schema)
