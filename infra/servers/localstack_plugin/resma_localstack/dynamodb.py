"""DynamoDB by moto, one request at a time, because LocalStack's own implementation needs a Java download.

Moto's conditional puts have a race condition: of 200 keys that were written twice concurrently, both writes of two keys
succeeded. With a lock, none of 1,500 did.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from localstack.aws.api import RequestContext
from localstack.services.plugins import Service, aws_provider

_lock = threading.Lock()


@aws_provider(api="dynamodb", name="resma")
def dynamodb() -> Service:
    """Returns the service that PROVIDER_OVERRIDE_DYNAMODB=resma selects."""
    from localstack.aws.api.dynamodb import DynamodbApi
    from localstack.services.moto import MotoFallbackDispatcher

    class MotoProvider(DynamodbApi):
        """Implements no operation, so that moto handles all of them."""

        service = "dynamodb"

    return Service.for_provider(
        MotoProvider(), dispatch_table_factory=lambda provider: _serialize(MotoFallbackDispatcher(provider))
    )


def _serialize(table: dict[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    def locked(handle: Callable[..., Any]) -> Callable[..., Any]:
        def handle_with_lock(context: RequestContext, request: Any) -> Any:
            with _lock:
                return handle(context, request)

        return handle_with_lock

    return {operation: locked(handle) for operation, handle in table.items()}
