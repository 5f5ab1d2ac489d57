"""Which routes there are, and which one answers: what powertools' resolver keeps to itself.

The one module that reads its private attributes; tests/unit/api/test_routing.py holds them to the installed version.
"""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.api_gateway import Route


def routes_of(app: APIGatewayRestResolver) -> list[Route]:
    """All routes, those without parameters in their path first, as they are tried."""
    return [*app._static_routes, *app._dynamic_routes]


def current_route(app: Any) -> Route:
    """The route that answers the request; `app` is the resolver, or what a middleware is given of it."""
    route: Route = app.context["_route"]
    return route
