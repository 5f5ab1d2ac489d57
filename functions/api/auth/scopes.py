"""Scopes of routes. Each route declares its scope, which is checked here and shown in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response

from api.http.routing import current_route
from resma.access.caller import Caller, Scope, require_scope

SECURITY_SCHEMES: dict[str, Any] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, or a token of the identity provider that this deployment trusts.",
    },
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key", "description": "An API key."},
}


def needs(scope: Scope) -> list[dict[str, list[str]]]:
    """Returns the `security` of a route that requires a scope, for every authentication scheme."""
    return [{scheme: [scope]} for scheme in SECURITY_SCHEMES]


def is_known() -> list[dict[str, list[str]]]:
    """Returns the `security` of a route that requires authentication but no scope."""
    return [{scheme: []} for scheme in SECURITY_SCHEMES]


def check_scopes(app: APIGatewayRestResolver, call_next: Callable[..., Response[Any]]) -> Response[Any]:
    """Middleware that raises ScopeMissingError if the caller does not have the scope of the route."""
    _require(current_route(app), app.context.get("caller"))
    return call_next(app)


def require_scopes(routes: Iterable[Any], event: dict[str, Any], caller: Caller | None) -> None:
    """Raises ScopeMissingError if the caller does not have the scope of the route that matches an event.

    It runs before the router validates ids and bodies, so that a caller without the scope learns nothing else.
    """
    for route in routes:
        if route.method == event.get("httpMethod") and route.rule.match(event.get("path", "")):
            _require(route, caller)
            return


def _require(route: Any, caller: Caller | None) -> None:
    for scope in sorted(_scopes_in(route.security)):
        require_scope(caller, scope)


def _scopes_in(security: list[dict[str, list[str]]] | None) -> set[str]:
    return {scope for requirement in security or () for scopes in requirement.values() for scope in scopes}
