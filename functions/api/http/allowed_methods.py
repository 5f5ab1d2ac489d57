"""Which methods a URL takes, for requests with another one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def allowed_methods(routes: Iterable[Any], path: str) -> list[str]:
    """Returns the methods of powertools' routes that match a path; none where there is nothing at all.

    A route without parameters hides those with some: `/reports/generate` is not the report `generate`. Where GET is
    allowed HEAD is too: the handler answers it.
    """
    matching = [route for route in routes if route.rule.match(path)]
    fixed = [route for route in matching if "<" not in route.path]
    found = {str(route.method) for route in fixed or matching}
    return sorted(found | ({"HEAD"} if "GET" in found else set()))
