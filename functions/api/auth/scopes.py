"""What a route asks of its caller: declared where the route is, shown in the OpenAPI document, and required here."""

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
    """A route's `security`: callers with that scope, however they are known."""
    return [{scheme: [scope]} for scheme in SECURITY_SCHEMES]


def is_known() -> list[dict[str, list[str]]]:
    """The `security` of a route that takes every caller, whatever its scopes."""
    return [{scheme: []} for scheme in SECURITY_SCHEMES]


def check_scopes(app: APIGatewayRestResolver, call_next: Callable[..., Response[Any]]) -> Response[Any]:
    """Middleware: lets a caller through who has what the route needs. Raises ScopeMissingError."""
    _require(current_route(app), app.context.get("caller"))
    return call_next(app)


def require_scopes(routes: Iterable[Any], event: dict[str, Any], caller: Caller | None) -> None:
    """Makes the same check before the router does, which looks at ids and bodies first: a caller without the scope is
    told of nothing else. Raises ScopeMissingError.
    """
    for route in routes:
        if route.method == event.get("httpMethod") and route.rule.match(event.get("path", "")):
            _require(route, caller)
            return


def _require(route: Any, caller: Caller | None) -> None:
    for scope in sorted(_wanted(route.security)):
        require_scope(caller, scope)


def _wanted(security: list[dict[str, list[str]]] | None) -> set[str]:
    return {scope for requirement in security or () for scopes in requirement.values() for scope in scopes}
