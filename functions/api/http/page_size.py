"""Limits pages to the size that a response of a Lambda function can have, which is 6 MB."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypeVar

from resma.json_models import ViewModel

MAX_PAGE_BYTES = 5 * 1024 * 1024
"""Maximum size of the items of a page in the response of the function, which is JSON inside JSON with escapes. The
limit of Lambda is 6 MB (Lambda quotas: synchronous invocation payload)."""

_View = TypeVar("_View", bound=ViewModel)


def fitting(items: Sequence[_View]) -> list[_View]:
    """Returns the first items, as many as fit into a response and at least one. The others belong to the next page."""
    bytes_left = MAX_PAGE_BYTES
    for count, item in enumerate(items):
        bytes_left -= len(json.dumps(item.model_dump_json(by_alias=True)))
        if bytes_left < 0 and count:
            return list(items[:count])
    return list(items)
