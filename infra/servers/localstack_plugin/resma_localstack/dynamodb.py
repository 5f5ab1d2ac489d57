"""DynamoDB by moto, one request at a time: LocalStack's own wants a Java download.

Moto's conditional puts race: of 200 keys written twice at once two had two winners. Behind a lock none of 1,500 had.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from localstack.aws.api import RequestContext
from localstack.services.plugins import Service, aws_provider

_turn = threading.Lock()


@aws_provider(api="dynamodb", name="resma")
def dynamodb() -> Service:
    """Chosen with PROVIDER_OVERRIDE_DYNAMODB=resma."""
    from localstack.aws.api.dynamodb import DynamodbApi
    from localstack.services.moto import MotoFallbackDispatcher

    class MotoProvider(DynamodbApi):
        """Implements nothing itself, so that every call falls through to moto."""

        service = "dynamodb"

    return Service.for_provider(
        MotoProvider(), dispatch_table_factory=lambda provider: _in_turn(MotoFallbackDispatcher(provider))
    )


def _in_turn(table: dict[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    def locked(handle: Callable[..., Any]) -> Callable[..., Any]:
        def handle_in_turn(context: RequestContext, request: Any) -> Any:
            with _turn:
                return handle(context, request)

        return handle_in_turn

    return {operation: locked(handle) for operation, handle in table.items()}
