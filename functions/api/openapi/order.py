"""Order of the operations in the OpenAPI document: by tag, with the most important operation first."""

from __future__ import annotations

from api.openapi.introduction import TAGS
from api.openapi.schemas import Json

_FIRST = "/api/v1/reports/generate"
_METHODS = ("get", "post", "patch", "put", "delete")


def sort_operations(document: Json) -> None:
    """Sorts the paths by the order of their tags and then by name, and sorts the methods of each path."""
    tags = list(TAGS)

    def rank(item: tuple[str, Json]) -> tuple[int, bool, str]:
        path, operations = item
        return min(tags.index(operation["tags"][0]) for operation in operations.values()), path != _FIRST, path

    document["paths"] = {
        path: {method: operations[method] for method in sorted(operations, key=_METHODS.index)}
        for path, operations in sorted(document["paths"].items(), key=rank)
    }
