"""The outages of a plan: which dependency is unavailable when, for how long, and in which way."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Dependency = Literal[
    "object-store", "source-database", "system-database", "queue", "topic", "bus", "secrets", "idempotency-table"
]
Mode = Literal["refuse", "stall", "error", "no-connections"]
"""refuse: connections are reset. stall: they are accepted and never answered. error: HTTP status 503.
no-connections: the database refuses the login, whose connections are ended."""

SHORTEST_SECONDS = 20.0
"""Longer than three attempts took when they counted outages."""

ALONE: tuple[Dependency, ...] = ("system-database", "secrets")
"""What is never unavailable at the same time as another dependency."""

PAUSE_SECONDS = 5.0
"""Between the end of an outage and the next one that is alone."""

QUICK_LONGEST_SECONDS = 40.0
LONGEST_SECONDS = 600.0

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
    """How many outages each dependency has, and how long the longest ones last."""

    rounds: int = 1
    longest_seconds: float = LONGEST_SECONDS
    is_quick: bool = False


@dataclass(frozen=True)
class Outage:
    """A dependency that is unavailable from `at_seconds` on."""

    at_seconds: float
    dependency: Dependency
    mode: Mode
    seconds: float

    @property
    def ends_at_seconds(self) -> float:
        """When the dependency is available again."""
        return self.at_seconds + self.seconds


def plan_outages(chance: random.Random, begin_seconds: float, options: OutageOptions) -> Iterator[Outage]:
    """Yields one outage of each dependency in each round, in random order; some begin before the last one has ended.

    The lengths of a round are a geometric series from the shortest to the longest, in random order. Without what
    `ALONE` lists nothing runs, so that nothing would notice another outage at the same time.
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
            outage = Outage(at, dependency, chance.choice(MODES[dependency]), round(seconds, 1))
            yield outage
            free_at = max(free_at, outage.ends_at_seconds + PAUSE_SECONDS)
            at = free_at if dependency in ALONE else at + seconds * chance.uniform(*overlap)
