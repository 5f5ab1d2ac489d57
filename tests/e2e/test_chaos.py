"""A short storm: one fault of each kind while forty reports are made. `make chaos` is the long one."""

from __future__ import annotations

import secrets

from rich.console import Console

from tests.chaos.figures import Ticker, print_figures
from tests.chaos.plan import make_plan
from tests.chaos.run import run_chaos
from tests.e2e.conftest import STACK

REPORTS = 40
TAKEOVER_SECONDS = 30


def test_a_storm_loses_nothing_and_doubles_nothing() -> None:
    plan = make_plan(secrets.randbelow(1_000_000), REPORTS, is_quick=True)
    console = Console(width=120)
    with Ticker(console, REPORTS) as ticker:
        outcome = run_chaos(STACK.replace("test-e2e", "test-chaos"), plan, ticker)
    print_figures(console, outcome)
    assert outcome.verdict.is_good, outcome.summary
    assert len(outcome.storm.accepted) == REPORTS
    assert outcome.recovery.worst_seconds <= TAKEOVER_SECONDS, outcome.summary
