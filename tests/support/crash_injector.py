"""Makes a worker crash or freeze before a step. Each request to the object store and each transaction is a step."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from worker.resources import WorkerResources


class WorkerKilledError(BaseException):
    """Simulates SIGKILL: the worker cannot handle it, and every later step raises it again."""


class CrashInjector:
    """Counts the steps of the worker that uses these resources, and calls `before_step` with the number of each."""

    def __init__(self, resources: WorkerResources) -> None:
        self.steps = 0
        self.is_dead = False
        self.before_step: Callable[[int], None] = lambda _: None
        self._lock = threading.Lock()
        for client in (resources.s3, resources.s3_asking_once):
            self._wrap_client(client)
        transaction = resources.system.transaction

        @contextlib.contextmanager
        def counted(tenant_id: str | None) -> Iterator[Connection[TupleRow]]:
            self._step()
            with transaction(tenant_id) as connection:
                yield connection

        resources.system.transaction = counted  # type: ignore[method-assign]

    def die_before(self, step: int) -> None:
        """Makes this step and every later one raise WorkerKilledError without doing anything."""

        def check(number: int) -> None:
            self.is_dead = self.is_dead or number >= step
            if self.is_dead:
                raise WorkerKilledError

        self.before_step = check

    def freeze_before(self, step: int) -> tuple[threading.Event, threading.Event]:
        """Makes the worker wait before this step.

        Returns two events: the first is set when the step is reached; setting the second resumes the worker.
        """
        frozen, thawed = threading.Event(), threading.Event()

        def check(number: int) -> None:
            if number >= step:
                frozen.set()
                assert thawed.wait(60)

        self.before_step = check
        return frozen, thawed

    def _wrap_client(self, client: Any) -> None:
        call = client._make_api_call

        def counted(operation: str, arguments: Any) -> Any:
            self._step()
            return call(operation, arguments)

        client._make_api_call = counted

    def _step(self) -> None:
        with self._lock:
            self.steps += 1
            number = self.steps
        self.before_step(number)
