"""`resma doctor`: what is wrong with this machine or this deployment, and how to mend it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from infra.cli.checks import aws, deployment, machine
from infra.cli.checks.finding import Finding, run_checks, trouble
from infra.cli.exits import CommandFailed, ExitCode
from infra.cli.groups import Setting, examples, with_groups
from infra.cli.output import clean
from infra.cli.place import ROOT, URL_VARIABLE, Place, read_state, state_folder

app = typer.Typer()

_EMBEDDED_STACK = "resma-local"
_SIGNS = {
    "ok": ("ok", "green"),
    "note": ("note", "yellow"),
    "trouble": ("TROUBLE", "bold red"),
    "skipped": ("skipped", "dim"),
}


@app.command(
    "doctor",
    epilog=examples("resma doctor", "resma doctor --json", "RESMA_URL=https://… resma doctor --aws-stack resma-prod"),
)
@with_groups
def examine(
    setting: Setting,
    aws_stack: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Ask AWS too, with the credentials at hand, of this CloudFormation stack."),
    ] = None,
) -> int:
    """Say what is wrong with this machine, or with this deployment, and how to mend it.

    With an address (--url, RESMA_URL) it looks at that deployment; without, at this machine and the stack on it.
    """
    is_elsewhere = bool(setting.api_url or os.environ.get(URL_VARIABLE))
    findings = list(_look_elsewhere(setting, aws_stack) if is_elsewhere else _look_here(setting, aws_stack))
    is_fine = all(finding.state != "trouble" for finding in findings)
    document = {"ok": is_fine, "checks": [dataclasses.asdict(finding) for finding in findings]}
    setting.output.show(document, lambda console: _draw(console, findings))
    return ExitCode.DONE if is_fine else ExitCode.FAILED


def _look_elsewhere(setting: Setting, aws_stack: str | None) -> Iterator[Finding]:
    yield from _look_at_deployment(setting.place)
    if aws_stack is not None:
        yield from aws.look_at_aws(aws.find_account(aws_stack))


def _look_here(setting: Setting, aws_stack: str | None) -> Iterator[Finding]:
    if (ROOT / "template.yaml").exists():
        here = list(run_checks(machine.CHECKS, machine.Machine(ROOT, state_folder(), _port())))
        yield from here
        is_dead = any(finding.check == "stack" and finding.state == "trouble" for finding in here)
    else:
        is_dead = False
    state = read_state()
    if state.get("api_url") and not is_dead:
        yield from _look_at_deployment(setting.place)
        yield from aws.look_at_aws(aws.find_account(_EMBEDDED_STACK, state["aws_url"]))
    elif not (ROOT / "template.yaml").exists():
        yield trouble("address", "this is the client alone, and it is told no address", "set RESMA_URL and RESMA_KEY")
    if aws_stack is not None:
        yield from aws.look_at_aws(aws.find_account(aws_stack))


def _look_at_deployment(place: Place) -> Iterator[Finding]:
    yield from run_checks(deployment.CHECKS, deployment.Deployment(place), needed=deployment.NEEDED)


def _port() -> int:
    text = os.environ.get("PORT") or "3008"
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise CommandFailed(ExitCode.USAGE, f"PORT={text}: give a port number")
    return int(text)


def _draw(console: Console, findings: list[Finding]) -> None:
    for finding in findings:
        sign, style = _SIGNS[finding.state]
        line = Text.assemble((f"{sign:<8}", style), clean(f"{finding.check}: {finding.says}"))
        console.print(line)
        if finding.mend:
            console.print(clean(f"        mend: {finding.mend}"))
