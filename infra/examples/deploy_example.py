"""Deploys one of the examples next to a running embedded stack. On AWS, use `sam deploy` (docs/events.md)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from infra.deploy.cloudformation import Package, Stage, deploy, find_outputs
from infra.errors import StackError
from infra.local.stack import Stack
from infra.template import read_template

EXAMPLES: Mapping[str, Path] = {path.stem: path for path in sorted(Path(__file__).parent.glob("*.yaml"))}
"""Paths of the templates, by name."""


def deploy_example(stack: Stack, name: str, parameters: Mapping[str, str]) -> dict[str, str]:
    """Deploys an example and returns its outputs.

    Parameters that are outputs of the stack (TopicArn, EventBusName) are filled in. Raises StackError.
    """
    template = EXAMPLES[name]
    declared = read_template(template)["Parameters"].keys()
    known = {parameter: value for parameter, value in stack.up.outputs.items() if parameter in declared}
    if missing := declared - known.keys() - parameters.keys():
        raise StackError(f"`{name}` requires {', '.join(sorted(missing))}. Pass parameters as Name=value.")
    if unknown := parameters.keys() - declared:
        raise StackError(f"`{name}` has no parameter {', '.join(sorted(unknown))}. Use {', '.join(sorted(declared))}.")
    stack_name = f"resma-example-{name.replace('_', '-')}"
    if find_outputs(stack.endpoint, stack_name) is not None:
        raise StackError(
            f"The stack `{stack_name}` already exists. Run `make down` and `make up`, then deploy it again."
        )
    code = template.with_suffix("")
    package = Package(template, code if code.is_dir() else None)
    return deploy(stack.endpoint, package, Stage(stack_name, {**known, **parameters}))
