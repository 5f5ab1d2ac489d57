"""How much of a page fits an answer: Lambda takes 6 MB of it, whatever the items hold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypeVar

from resma.json_models import ViewModel

MAX_PAGE_BYTES = 5 * 1024 * 1024
"""Of the items, as they stand in the function's response: JSON inside JSON, with everything escaped that may be.
Lambda's limit is 6 MB (its quotas: invocation payload, synchronous)."""

_View = TypeVar("_View", bound=ViewModel)


def fitting(items: Sequence[_View]) -> list[_View]:
    """Returns as many items from the first on as fit an answer, at least one; the others belong to the next page."""
    room = MAX_PAGE_BYTES
    for count, item in enumerate(items):
        room -= len(json.dumps(item.model_dump_json(by_alias=True)))
        if room < 0 and count:
            return list(items[:count])
    return list(items)
