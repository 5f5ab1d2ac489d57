"""Attributes of the powertools resolver that the code reads exist in the installed version."""

from __future__ import annotations

import json
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware

from api.http.routing import current_route, routes_of


def request(method: str, path: str) -> dict[str, Any]:
    """Returns an event of API Gateway."""
    context = {"path": path, "stage": "test", "domainName": "x", "httpMethod": method, "identity": {}}
    return {"httpMethod": method, "path": path, "headers": {}, "multiValueHeaders": {}, "requestContext": context}


def test_middleware_and_handlers_know_the_current_route() -> None:
    app = APIGatewayRestResolver()
    seen: list[str] = []

    def look(resolver: APIGatewayRestResolver, next_middleware: NextMiddleware) -> Response[Any]:
        seen.append(current_route(resolver).path)
        return next_middleware(resolver)

    app.use(middlewares=[look])

    @app.get("/things/<thing_id>")
    def show(thing_id: str) -> dict[str, str]:
        return {"id": thing_id, "path": current_route(app).path}

    @app.post("/things")
    def make() -> dict[str, str]:
        return {"path": current_route(app).path}

    assert [(route.method, route.path, route.func.__name__) for route in routes_of(app)] == [
        ("POST", "/things", "make"),
        ("GET", "/things/<thing_id>", "show"),
    ]
    answer = app.resolve(request("GET", "/things/7"), {})  # type: ignore[arg-type]
    assert json.loads(answer["body"]) == {"id": "7", "path": "/things/<thing_id>"}
    app.resolve(request("POST", "/things"), {})  # type: ignore[arg-type]
    assert seen == ["/things/<thing_id>", "/things"]
