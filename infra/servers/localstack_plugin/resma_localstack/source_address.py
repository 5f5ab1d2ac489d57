"""Sets a request's `sourceIp` to the address of the connection's peer, as API Gateway does, and not from a header.

LocalStack sets 127.0.0.1 for every request.
"""

from __future__ import annotations

from typing import Any

from localstack.services.apigateway.next_gen.execute_api.handlers.parse import InvocationRequestParser


def apply() -> None:
    """Patches the function that creates a request's context."""
    unpatched = InvocationRequestParser.create_context_variables

    def create_context_variables(context: Any) -> Any:
        variables = unpatched(context)
        variables["identity"]["sourceIp"] = context.request.remote_addr or "0.0.0.0"  # noqa: S104  # unknown
        return variables

    InvocationRequestParser.create_context_variables = staticmethod(create_context_variables)
