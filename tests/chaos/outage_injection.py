"""Injects the outages of a plan, and records their effects."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from infra.postgres.migrate import APP, READER, SYSTEM
from tests.chaos.outages import Dependency, Mode, PlannedOutage
from tests.support.client import Client
from tests.support.fault_proxy import Fault
from tests.support.local_stack import Faults

PROXIES: Mapping[Dependency, str] = {
    "object-store": "s3",
    "source-database": "source",
    "system-database": "database",
    "queue": "sqs",
    "topic": "sns",
    "bus": "bus",
    "secrets": "secrets",
    "idempotency-table": "dynamodb",
}
"""Attributes of `Faults`, by dependency."""

LOGINS: Mapping[Dependency, tuple[str, ...]] = {
    "source-database": (READER,),
    "system-database": (APP, SYSTEM),
    # A secret is read when a connection is opened, so open connections have to be terminated.
    "secrets": (APP, SYSTEM, READER),
}
"""Database logins whose connections an outage terminates, by dependency."""


POLL_SECONDS = 2.0


@dataclass(frozen=True)
class InjectedOutage:
    """An outage that is over, with its start and end in epoch seconds."""

    dependency: Dependency
    mode: Mode
    began: float
    ended: float
    connections: int
    """Number of connections to the dependency that were opened or used during the outage; 0 if the mode counts none."""
    waiting: int
    """Maximum number of reports that waited for the dependency at the same time."""


class OutageInjector:
    """Injects a plan's outages, from one thread each."""

    def __init__(self, client: Client, faults: Faults) -> None:
        self._client = client
        self._faults = faults
        self._threads: list[threading.Thread] = []
        self._locks: dict[Dependency, threading.Lock] = {dependency: threading.Lock() for dependency in PROXIES}
        self.injected: list[InjectedOutage] = []
        self.errors: list[str] = []

    def start(self, outages: Sequence[PlannedOutage], started: float) -> None:
        """Starts the threads. `started` is the plan's second 0 on the monotonic clock."""
        for outage in outages:
            name = f"outage-{outage.dependency}"
            thread = threading.Thread(target=self._run, args=(outage, started), name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def is_done(self) -> bool:
        """Returns whether the last outage is over."""
        return not any(thread.is_alive() for thread in self._threads)

    def _run(self, outage: PlannedOutage, started: float) -> None:
        time.sleep(max(0.0, started + outage.at_seconds - time.monotonic()))
        with self._locks[outage.dependency]:
            began = time.time()
            try:
                with self._unavailable(outage) as fault:
                    waiting = self._count_waiting(outage)
            except psycopg.Error as error:
                self.errors.append(f"{outage}: {error}")
                return
            self.injected.append(
                InjectedOutage(
                    outage.dependency, outage.mode, began, time.time(), fault.connections if fault else 0, waiting
                )
            )

    def _count_waiting(self, outage: PlannedOutage) -> int:
        """Waits for the end of the outage; returns the maximum number of reports that waited for the dependency."""
        max_waiting, end = 0, time.monotonic() + outage.seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, POLL_SECONDS))
            statement = "SELECT count(*)::int FROM resma.reports WHERE waiting_for = %s AND status = 'PENDING'"
            max_waiting = max(max_waiting, int(self._client.sql(statement, outage.dependency)[0][0]))
        return max_waiting

    @contextlib.contextmanager
    def _unavailable(self, outage: PlannedOutage) -> Iterator[Fault | None]:
        """Makes the dependency unavailable inside the block, and available after it."""
        logins = LOGINS.get(outage.dependency, ())
        if outage.mode == "no-connections":
            self._limit_connections(logins, 0)
            self._end_connections(logins)
            try:
                yield None
            finally:
                self._limit_connections(logins, -1)
            return
        with getattr(self._faults, PROXIES[outage.dependency]).failing(Fault(outage.mode)) as fault:
            if outage.dependency == "secrets":
                self._end_connections(logins)
            yield fault

    def _limit_connections(self, logins: Sequence[str], limit: int) -> None:
        with psycopg.connect(self._client.stack.up.database_url, autocommit=True) as connection:
            for login in logins:
                statement = sql.SQL("ALTER ROLE {} CONNECTION LIMIT {}")
                connection.execute(statement.format(sql.Identifier(login), sql.Literal(limit)))

    def _end_connections(self, logins: Sequence[str]) -> None:
        self._client.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ANY(%s)", list(logins))
