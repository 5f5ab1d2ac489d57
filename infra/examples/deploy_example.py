"""Deploys one of the examples beside an embedded stack that is up; on AWS, `sam deploy` does it (docs/events.md)."""

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
    """Deploys an example and returns its outputs. What it asks for and the stack knows (TopicArn, EventBusName) is
    filled in. Raises StackError.
    """
    template = EXAMPLES[name]
    wanted = read_template(template)["Parameters"].keys()
    known = {parameter: value for parameter, value in stack.up.outputs.items() if parameter in wanted}
    if (missing := wanted - known.keys() - parameters.keys()) or (unknown := parameters.keys() - wanted):
        said = f"needs {', '.join(sorted(missing))}" if missing else f"has no {', '.join(sorted(unknown))}"
        raise StackError(f"{name} {said}: give them as Name=value")
    stack_name = f"resma-example-{name.replace('_', '-')}"
    if find_outputs(stack.endpoint, stack_name) is not None:
        raise StackError(f"{stack_name} is deployed already: `make down` and `make up` begin anew")
    code = template.with_suffix("")
    package = Package(template, code if code.is_dir() else None)
    return deploy(stack.endpoint, package, Stage(stack_name, {**known, **parameters}))
