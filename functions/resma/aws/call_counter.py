"""Counts this process' calls of AWS by service and operation, from which the cost of a report is calculated."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any, TypeVar

Client = TypeVar("Client", bound=Any)

Calls = Counter[tuple[str, str]]
"""Number of calls by service and operation, such as `("s3", "UploadPart")`."""

_calls: Calls = Counter()
_lock = threading.Lock()


def metered(client: Client) -> Client:
    """Counts the calls of a new client from now on, and returns the client.

    A call that botocore retries counts once. Presigning a URL does not count, because it sends no request.
    """
    client.meta.events.register("before-call", _count)
    return client


def calls_so_far() -> Calls:
    """Returns the calls since the process started."""
    with _lock:
        return Counter(_calls)


def _count(model: Any, **_more: Any) -> None:
    with _lock:  # parts are uploaded by several threads
        _calls[model.service_model.service_name, model.name] += 1
