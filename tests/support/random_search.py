"""Tests with random cases: `make test` always runs the same cases, each `make fuzz` runs other ones.

A case that fails in `make fuzz` is added to an ordinary test. `make fuzz` runs every test that
uses Hypothesis, and those with the mark `random_search`.
"""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import HealthCheck, settings

SEED_VARIABLE = "RESMA_FUZZ_SEED"

MARKS = "hypothesis or random_search"
"""Expression for `pytest -m` that selects all tests with random cases; Hypothesis marks its own."""

random_search = pytest.mark.random_search
"""Mark for a test with random cases that does not use Hypothesis."""

_chosen = os.environ.get(SEED_VARIABLE)


def choose_seed(fixed: int) -> int:
    """Returns `fixed`, or in `make fuzz` a seed that depends on the run and on `fixed`."""
    return fixed if _chosen is None else int(_chosen) + fixed


def make_random(fixed: int) -> random.Random:
    """Returns a generator of random numbers with the chosen seed."""
    return random.Random(choose_seed(fixed))


def is_fuzzing() -> bool:
    """Returns whether this is a run of `make fuzz`."""
    return _chosen is not None


def use_hypothesis_profile() -> None:
    """Sets the default settings of Hypothesis. Must be called before tests are imported."""
    settings.register_profile(
        "resma",
        derandomize=_chosen is None,
        database=None,
        # Both limits measure time, and fail if other programs slow the machine down.
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        print_blob=True,
    )
    settings.load_profile("resma")
