"""The order of the operations: by subject, and what most callers need first."""

from __future__ import annotations

from api.openapi.introduction import TAGS
from api.openapi.schemas import Json

_FIRST = "/api/v1/reports/generate"
_METHODS = ("get", "post", "patch", "put", "delete")


def sort_operations(document: Json) -> None:
    """Sorts the paths by the order of their tags, then by name; and the methods of each path."""
    tags = list(TAGS)

    def rank(item: tuple[str, Json]) -> tuple[int, bool, str]:
        path, operations = item
        return min(tags.index(operation["tags"][0]) for operation in operations.values()), path != _FIRST, path

    document["paths"] = {
        path: {method: operations[method] for method in sorted(operations, key=_METHODS.index)}
        for path, operations in sorted(document["paths"].items(), key=rank)
    }
