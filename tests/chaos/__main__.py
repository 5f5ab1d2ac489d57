"""`make chaos`: requests reports while faults are injected, and verifies that none is lost, duplicated or stuck.

REPORTS=500 and SEED=(random) choose the plan, OUTAGES=1 how often each dependency has an outage, and LONGEST=600 how
many seconds the longest one lasts. QUICK=1 is a short run, with outages of 20 to 40 s.
The last line is one JSON object; the exit code is 1 if a report was lost, duplicated or stuck.
"""

from __future__ import annotations

import json
import os
import secrets
import sys

from rich.console import Console

from tests.chaos.figures import ProgressLine, print_figures
from tests.chaos.outages import LONGEST_SECONDS, QUICK_LONGEST_SECONDS, OutageOptions
from tests.chaos.plan import make_plan
from tests.chaos.run import run_chaos


def main() -> int:
    """Makes a chaos run with the options of the environment; returns the exit code."""
    is_quick = os.environ.get("QUICK", "") not in {"", "0"}
    reports = int(os.environ.get("REPORTS") or (40 if is_quick else 500))
    seed = int(os.environ.get("SEED") or secrets.randbelow(1_000_000))
    outages = OutageOptions(
        rounds=int(os.environ.get("OUTAGES") or 1),
        longest_seconds=float(os.environ.get("LONGEST") or (QUICK_LONGEST_SECONDS if is_quick else LONGEST_SECONDS)),
        is_quick=is_quick,
    )
    console = Console()
    again = f"SEED={seed} REPORTS={reports} OUTAGES={outages.rounds} LONGEST={outages.longest_seconds:g}"
    console.print(f"seed {seed}: {again}{' QUICK=1' if is_quick else ''} repeats this plan")
    plan = make_plan(seed, reports, outages, is_quick=is_quick)
    with ProgressLine(console, reports) as progress:
        outcome = run_chaos(os.environ.get("RESMA_CHAOS_NAME", "chaos"), plan, progress)
    print_figures(console, outcome)
    print(json.dumps(outcome.summary))
    return 0 if outcome.verdict.is_valid else 1


if __name__ == "__main__":
    sys.exit(main())
