"""Methods that a URL allows, for responses to requests with another method."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def allowed_methods(routes: Iterable[Any], path: str) -> list[str]:
    """Returns the methods of the powertools routes that match a path. Empty if the URL does not exist.

    A route without parameters takes precedence over routes with parameters: `/reports/generate` is not the report
    `generate`. HEAD is allowed wherever GET is, because the handler answers it.
    """
    matching = [route for route in routes if route.rule.match(path)]
    fixed = [route for route in matching if "<" not in route.path]
    methods = {str(route.method) for route in fixed or matching}
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))
