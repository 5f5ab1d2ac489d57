"""A short chaos run: one fault of each kind, also in each phase of a split report, while forty reports are generated.

Each dependency has one outage. Files are delivered to recipients that fail.
"""

from __future__ import annotations

import pytest
from rich.console import Console

from tests.chaos.figures import ProgressLine, print_figures
from tests.chaos.outages import MODES, QUICK_LONGEST_SECONDS, OutageOptions
from tests.chaos.plan import make_plan
from tests.chaos.run import run_chaos
from tests.chaos.split_faults import PHASES
from tests.support.local_stack import STACK
from tests.support.random_search import choose_seed, random_search

REPORTS = 40


@pytest.mark.long
@random_search
def test_a_chaos_run_loses_nothing_and_duplicates_nothing() -> None:
    outages = OutageOptions(longest_seconds=QUICK_LONGEST_SECONDS, is_quick=True)
    plan = make_plan(choose_seed(1), REPORTS, outages, is_quick=True)
    console = Console(width=120)
    with ProgressLine(console, REPORTS) as progress:
        outcome = run_chaos(STACK.replace("test-e2e", "test-chaos"), plan, progress)
    print_figures(console, outcome)
    assert outcome.verdict.is_valid, outcome.summary
    assert len(outcome.workload.accepted) == REPORTS
    assert set(PHASES) <= outcome.injectors.faults.counts().keys()
    assert {outage.dependency for outage in outcome.injectors.outages.injected} == set(MODES)
    assert outcome.verdict.delivered.deliveries > 0
