"""Finds Lambda runtimes that AWS no longer supports, by the dates in cfn-lint.

cfn-lint checks a runtime only if the template has it as a string, so `!Ref LambdaRuntime` is replaced by each allowed
value of the parameter.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cfnlint.api import lint
from cfnlint.config import ManualArgs

from infra.paths import ROOT, TEMPLATE
from infra.template import read_template

TEMPLATES = (TEMPLATE, *sorted((ROOT / "infra" / "examples").glob("*.yaml")))

CHECKS = ["E2531", "E2533"]
"""Rules: a runtime is deprecated, or its functions can no longer be updated. `make check` ignores both (.cfnlintrc)."""

PARAMETER = "LambdaRuntime"


def find_ended_runtimes(template: Path) -> list[str]:
    """Returns a message for each runtime of a template that AWS no longer supports today."""
    messages = {
        match.message
        for text in _with_each_runtime(template)
        for match in lint(text, config=ManualArgs(mandatory_checks=CHECKS, include_checks=CHECKS))
        if match.rule.id in CHECKS
    }
    return [f"{template.name}: {message}" for message in sorted(messages)]


def _with_each_runtime(template: Path) -> Iterator[str]:
    text = template.read_text(encoding="utf-8")
    parameter = read_template(template).get("Parameters", {}).get(PARAMETER)
    if parameter is None:
        yield text
        return
    for runtime in parameter["AllowedValues"]:
        yield text.replace(f"!Ref {PARAMETER}", runtime)
