"""No more execution environments of a function at once than this machine can start in time.

AWS has a machine for each. Here a hundred requests at once would start a hundred processes on a few cores, and all
of them would miss the ten seconds of their init; so those beyond the limit wait for an environment to be free.
"""

from __future__ import annotations

import contextlib
import threading
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from localstack.services.lambda_.invocation.assignment import AssignmentService

MAX_ENVIRONMENTS = 6
"""A function; one more than the workers that the template asks for."""

_places: dict[str, threading.BoundedSemaphore] = defaultdict(lambda: threading.BoundedSemaphore(MAX_ENVIRONMENTS))
_turn = threading.Lock()


def apply() -> None:
    """Patches the service that finds an environment for an invocation."""
    unlimited = AssignmentService.get_environment

    @contextlib.contextmanager
    def get_environment(self: Any, version_manager_id: str, *args: Any, **kwargs: Any) -> Iterator[Any]:
        with _turn:
            places = _places[version_manager_id]
        with places, unlimited(self, version_manager_id, *args, **kwargs) as environment:
            yield environment

    AssignmentService.get_environment = get_environment
