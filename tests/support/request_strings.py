"""The strings of requests in an OpenAPI document: where they stand, and what bounds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
Path = tuple[str, ...]

_BOUNDS = ("enum", "const", "pattern", "maxLength")
"""What bounds a string for every validator. `format` is an annotation only (2020-12, 7.2.1): not one of them."""


@dataclass(frozen=True)
class StringSchema:
    """A place that takes strings. `*` in the path stands for any item of an array."""

    path: Path
    is_bounded: bool


def request_bodies(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Method, path and schema of each operation that takes a body."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                yield method.upper(), path, content["schema"]


def parameters(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Method and path of each operation, with each of its parameters."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for parameter in operation.get("parameters", ()):
                yield method.upper(), path, parameter


def strings(document: Json, schema: Json, path: Path = (), is_bounded: bool = False) -> Iterator[StringSchema]:
    """Every place of a schema that takes strings. One that takes anything counts as one, named `...`."""
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
    """Where the strings of a JSON value are."""
    if isinstance(value, str):
        yield path
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for name, part in inner:
        yield from leaves(part, (*path, name))


def _resolve(document: Json, reference: str) -> Json:
    found: Any = document
    for name in reference.removeprefix("#/").split("/"):
        found = found[name]
    return dict(found)
