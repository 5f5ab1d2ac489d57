"""Counts what this process asks of AWS, by service and operation: what a report cost is counted, not guessed."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any, TypeVar

Client = TypeVar("Client", bound=Any)

Calls = Counter[tuple[str, str]]
"""How often by service and operation, like `("s3", "UploadPart")`."""

_calls: Calls = Counter()
_turn = threading.Lock()


def metered(client: Client) -> Client:
    """Has the calls of a new client counted, once each however often it is asked again; returns the client.

    Signing an address is no call.
    """
    client.meta.events.register("before-call", _count)
    return client


def calls_so_far() -> Calls:
    """What was called since the process began."""
    with _turn:
        return Counter(_calls)


def _count(model: Any, **_more: Any) -> None:
    with _turn:  # parts go up from several threads
        _calls[model.service_model.service_name, model.name] += 1
