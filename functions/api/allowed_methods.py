"""Which methods an address knows, for whoever comes with another one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def allowed_methods(routes: Iterable[Any], path: str) -> list[str]:
    """Returns the methods of powertools' routes that match a path; none where there is nothing at all."""
    found = {str(route.method) for route in routes if route.rule.match(path)}
    return sorted(found)
