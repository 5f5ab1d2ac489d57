"""Deploys an example to a running embedded stack. On AWS, use `sam deploy` (docs/events.md)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from infra.deploy.cloudformation import Package, Stage, deploy, find_outputs
from infra.errors import StackError
from infra.local.stack import Stack
from infra.template import read_template

EXAMPLES: Mapping[str, Path] = {path.stem: path for path in sorted(Path(__file__).parent.glob("*.yaml"))}
"""The templates, by name."""


def deploy_example(stack: Stack, name: str, parameters: Mapping[str, str]) -> dict[str, str]:
    """Deploys an example and returns its outputs. Parameters that are outputs of the stack need not be given.

    Raises StackError.
    """
    template = EXAMPLES[name]
    names = read_template(template)["Parameters"].keys()
    known = {parameter: value for parameter, value in stack.up.outputs.items() if parameter in names}
    if (missing := names - known.keys() - parameters.keys()) or (unknown := parameters.keys() - names):
        problem = f"requires {', '.join(sorted(missing))}" if missing else f"has no {', '.join(sorted(unknown))}"
        raise StackError(f"{name} {problem}. Write parameters as Name=value.")
    stack_name = f"resma-example-{name.replace('_', '-')}"
    if find_outputs(stack.endpoint, stack_name) is not None:
        raise StackError(f"{stack_name} is already deployed. Run `make down` and `make up` to remove it.")
    code = template.with_suffix("")
    package = Package(template, code if code.is_dir() else None)
    return deploy(stack.endpoint, package, Stage(stack_name, {**known, **parameters}))
