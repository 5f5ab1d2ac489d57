"""A request's `sourceIp` is where it came from, as API Gateway says it: the connection's other end, not a header.

LocalStack says 127.0.0.1 of every request, wherever it came from.
"""

from __future__ import annotations

from typing import Any

from localstack.services.apigateway.next_gen.execute_api.handlers.parse import InvocationRequestParser


def apply() -> None:
    """Patches what makes a request's context."""
    unpatched = InvocationRequestParser.create_context_variables

    def create_context_variables(context: Any) -> Any:
        variables = unpatched(context)
        variables["identity"]["sourceIp"] = context.request.remote_addr or "0.0.0.0"  # noqa: S104  # nowhere
        return variables

    InvocationRequestParser.create_context_variables = staticmethod(create_context_variables)
