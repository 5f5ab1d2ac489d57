"""Counts the tests that runs of pytest have skipped by reason, from the reports that `--junitxml` writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree


def count_skipped(reports: Iterable[Path]) -> Counter[str]:
    """Returns the number of skipped tests by reason. A missing report, of a run that crashed, counts as zero.

    Expected failures (`xfail`) are not counted: those tests have run.
    """
    reasons: Counter[str] = Counter()
    for report in reports:
        if report.exists():
            skipped = ElementTree.parse(report).iter("skipped")
            reasons.update(" ".join(e.get("message", "").split()) for e in skipped if e.get("type") == "pytest.skip")
    return reasons


def describe_skipped(reasons: Counter[str]) -> str:
    """Returns one line for each reason with its number of tests, the most frequent one first."""
    if not reasons:
        return "No test was skipped."
    lines = [f"{count:6,}  {reason}" for reason, count in sorted(reasons.items(), key=lambda item: (-item[1], item[0]))]
    return "\n".join([f"{reasons.total():,} skipped, by reason:", *lines])
