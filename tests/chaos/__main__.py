"""`make chaos`: reports while everything fails, and then a judgement. REPORTS=500, SEED=(random), QUICK=1.

The last line is one JSON object; the exit code is 1 if anything was lost, doubled or stuck.
"""

from __future__ import annotations

import json
import os
import secrets
import sys

from rich.console import Console

from tests.chaos.figures import Ticker, print_figures
from tests.chaos.plan import make_plan
from tests.chaos.run import run_chaos


def main() -> int:
    """Runs it as the environment says; returns the exit code."""
    is_quick = os.environ.get("QUICK", "") not in {"", "0"}
    reports = int(os.environ.get("REPORTS") or (40 if is_quick else 500))
    seed = int(os.environ.get("SEED") or secrets.randbelow(1_000_000))
    console = Console()
    console.print(f"seed {seed}: SEED={seed} REPORTS={reports}{' QUICK=1' if is_quick else ''} makes this plan again")
    plan = make_plan(seed, reports, is_quick=is_quick)
    with Ticker(console, reports) as ticker:
        outcome = run_chaos(os.environ.get("RESMA_CHAOS_NAME", "chaos"), plan, ticker)
    print_figures(console, outcome)
    print(json.dumps(outcome.summary))
    return 0 if outcome.verdict.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
