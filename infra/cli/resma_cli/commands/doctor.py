"""`resma doctor`: what is wrong with this machine or a deployment, and how to fix it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from resma_cli.connection import ROOT, Place, is_named, read_state, state_folder
from resma_cli.doctor import aws, deployment, machine
from resma_cli.doctor.finding import Finding, fail, run_checks
from resma_cli.exit_codes import CommandFailedError, ExitCode
from resma_cli.output import clean
from resma_cli.profiles import DEFAULT_PROFILE, read_profiles
from resma_cli.shared_options import Setting, examples, with_groups

app = typer.Typer()

_EMBEDDED_STACK = "resma-local"
_SIGNS = {
    "ok": ("ok", "green"),
    "warn": ("warn", "yellow"),
    "fail": ("FAIL", "bold red"),
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
        typer.Option(
            metavar="NAME",
            help="Check this CloudFormation stack on AWS too, with the AWS credentials of this environment.",
        ),
    ] = None,
) -> int:
    """Check this machine or a deployment, and say how to fix what is wrong.

    With a URL or a profile it checks that deployment; without, this machine and the stack on it.
    """
    is_elsewhere = is_named(setting.api_url, setting.profile)
    findings = list(_look_elsewhere(setting, aws_stack) if is_elsewhere else _look_here(setting, aws_stack))
    is_fine = all(finding.state != "fail" for finding in findings)
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
        is_dead = any(finding.check == "stack" and finding.state == "fail" for finding in here)
    else:
        is_dead = False
    state = read_state()
    if state.get("api_url") and not is_dead:
        yield from _look_at_deployment(setting.place)
        yield from aws.look_at_aws(aws.find_account(_EMBEDDED_STACK, state["aws_url"]))
    elif not (ROOT / "template.yaml").exists() and DEFAULT_PROFILE in read_profiles():
        yield from _look_at_deployment(setting.place)
    elif not (ROOT / "template.yaml").exists():
        yield fail(
            "address",
            "this is the client alone, and no deployment is named",
            "run `resma login`, or set RESMA_URL and RESMA_KEY",
        )
    if aws_stack is not None:
        yield from aws.look_at_aws(aws.find_account(aws_stack))


def _look_at_deployment(place: Place) -> Iterator[Finding]:
    yield from run_checks(deployment.CHECKS, deployment.Deployment(place), needed=deployment.NEEDED)


def _port() -> int:
    text = os.environ.get("PORT") or "3008"
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise CommandFailedError(ExitCode.USAGE, f"PORT={text} is not a port. Use a number from 1 to 65535.")
    return int(text)


def _draw(console: Console, findings: list[Finding]) -> None:
    for finding in findings:
        sign, style = _SIGNS[finding.state]
        line = Text.assemble((f"{sign:<8}", style), clean(f"{finding.check}: {finding.says}"))
        console.print(line)
        if finding.fix:
            console.print(clean(f"        fix: {finding.fix}"))
