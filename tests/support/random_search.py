"""Random searches: the same ones in every run of `make test`, and others in every `make fuzz`.

A search that finds something in `make fuzz` becomes a fixed case of an ordinary test. `make fuzz` runs every test that
uses Hypothesis, and those with the mark `random_search`.
"""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import HealthCheck, settings

SEED_VARIABLE = "RESMA_FUZZ_SEED"

MARKS = "hypothesis or random_search"
"""Expression that selects all of them; Hypothesis' plug-in marks its own."""

random_search = pytest.mark.random_search
"""Marks a test that chooses its cases at random without Hypothesis."""

_chosen = os.environ.get(SEED_VARIABLE)


def choose_seed(fixed: int) -> int:
    """Returns `fixed`, or in `make fuzz` another seed, which is different for each `fixed` one."""
    return fixed if _chosen is None else int(_chosen) + fixed


def make_random(fixed: int) -> random.Random:
    """Returns a generator of random numbers with the chosen seed."""
    return random.Random(choose_seed(fixed))


def is_fuzzing() -> bool:
    """Whether this is a run of `make fuzz`."""
    return _chosen is not None


def use_hypothesis_profile() -> None:
    """Sets what applies where a test's own settings say nothing else. Must be called before tests are imported."""
    settings.register_profile(
        "resma",
        derandomize=_chosen is None,
        database=None,
        # Both measure time, which other programs on the machine take too.
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        print_blob=True,
    )
    settings.load_profile("resma")
