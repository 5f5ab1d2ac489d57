"""Plans outages: which dependency is unavailable when, for how long, and in which mode."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Dependency = Literal[
    "object-store", "source-database", "system-database", "queue", "topic", "bus", "secrets", "idempotency-table"
]
Mode = Literal["refuse", "stall", "error", "no-connections"]
"""refuse: connections are reset. stall: connections are accepted and never answered. error: HTTP status 503.
no-connections: the database refuses the login, and its connections are terminated."""

SHORTEST_SECONDS = 20.0
"""Minimum length of an outage. It is longer than three attempts took when outages used up attempts."""

ALONE: tuple[Dependency, ...] = ("system-database", "secrets")
"""Dependencies that are never unavailable at the same time as another one."""

PAUSE_SECONDS = 5.0
"""Pause between the end of an outage and the start of an outage of a dependency in `ALONE`."""

QUICK_LONGEST_SECONDS = 40.0
"""Maximum length of an outage of a quick run."""
LONGEST_SECONDS = 600.0
"""Maximum length of an outage."""

_AWS: tuple[Mode, ...] = ("refuse", "stall", "error")
_DATABASE: tuple[Mode, ...] = ("refuse", "stall", "no-connections")
MODES: Mapping[Dependency, tuple[Mode, ...]] = {
    "object-store": _AWS,
    "source-database": _DATABASE,
    "system-database": _DATABASE,
    "queue": _AWS,
    "topic": _AWS,
    "bus": _AWS,
    "secrets": _AWS,
    "idempotency-table": _AWS,
}


@dataclass(frozen=True)
class OutageOptions:
    """The number of outages of each dependency, and the length of the longest."""

    rounds: int = 1
    longest_seconds: float = LONGEST_SECONDS
    is_quick: bool = False


@dataclass(frozen=True)
class PlannedOutage:
    """An outage of a dependency that starts at `at_seconds` of the run and lasts for `seconds`."""

    at_seconds: float
    dependency: Dependency
    mode: Mode
    seconds: float

    @property
    def ends_at_seconds(self) -> float:
        """The second of the run at which the dependency is available again."""
        return self.at_seconds + self.seconds


def plan_outages(chance: random.Random, begin_seconds: float, options: OutageOptions) -> Iterator[PlannedOutage]:
    """Yields one outage of each dependency per round, in random order. Some start before the previous one has ended.

    The lengths of a round are a geometric series from the shortest to the longest, in random order. Without the
    dependencies in `ALONE` nothing runs, so no other outage is planned at the same time.
    """
    at = begin_seconds
    dependencies = list(MODES)
    ratio = options.longest_seconds / SHORTEST_SECONDS
    # A quick plan has more outages at the same time, so that it is short.
    overlap = (0.2, 0.4) if options.is_quick else (0.4, 1.0)
    free_at = at
    for _ in range(options.rounds):
        lengths = [SHORTEST_SECONDS * ratio ** (step / (len(dependencies) - 1)) for step in range(len(dependencies))]
        chance.shuffle(dependencies)
        chance.shuffle(lengths)
        for dependency, seconds in zip(dependencies, lengths, strict=True):
            if dependency in ALONE:
                at = free_at
            outage = PlannedOutage(at, dependency, chance.choice(MODES[dependency]), round(seconds, 1))
            yield outage
            free_at = max(free_at, outage.ends_at_seconds + PAUSE_SECONDS)
            at = free_at if dependency in ALONE else at + seconds * chance.uniform(*overlap)
