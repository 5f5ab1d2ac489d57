"""Limits the concurrent execution environments of a function to a number that this machine can start in time.

A hundred concurrent requests would start a hundred processes on a few cores, and all of them would exceed the ten
seconds for their init. Invocations beyond the limit wait for a free environment.
"""

from __future__ import annotations

import contextlib
import threading
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from localstack.services.lambda_.invocation.assignment import AssignmentService

MAX_ENVIRONMENTS = 6
"""Maximum number of environments per function: one more than the template's number of workers."""

_slots: dict[str, threading.BoundedSemaphore] = defaultdict(lambda: threading.BoundedSemaphore(MAX_ENVIRONMENTS))
_lock = threading.Lock()


def apply() -> None:
    """Patches the service that assigns an environment to an invocation."""
    unlimited = AssignmentService.get_environment

    @contextlib.contextmanager
    def get_environment(self: Any, version_manager_id: str, *args: Any, **kwargs: Any) -> Iterator[Any]:
        with _lock:
            slots = _slots[version_manager_id]
        with slots, unlimited(self, version_manager_id, *args, **kwargs) as environment:
            yield environment

    AssignmentService.get_environment = get_environment
