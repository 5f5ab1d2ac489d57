"""`resma doctor`: finds problems of this machine or a deployment, and tells how to fix them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from resma_cli.connection import ROOT, ApiConfig, is_named, read_state, state_folder
from resma_cli.doctor import aws, deployment, machine
from resma_cli.doctor.finding import Finding, fail, run_checks
from resma_cli.exit_codes import CommandFailedError, ExitCode
from resma_cli.output import clean
from resma_cli.profiles import DEFAULT_PROFILE, read_profiles
from resma_cli.shared_options import ApiOptions, examples, with_groups

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
    api_options: ApiOptions,
    aws_stack: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Check this CloudFormation stack on AWS too, with the AWS credentials of this environment.",
        ),
    ] = None,
) -> int:
    """Check this machine or a deployment, and show how to fix problems.

    With a URL or a profile it checks that deployment, otherwise this machine and the stack on it.
    """
    is_remote = is_named(api_options.api_url, api_options.profile)
    findings = list(_check_remote(api_options, aws_stack) if is_remote else _check_local(api_options, aws_stack))
    is_fine = all(finding.state != "fail" for finding in findings)
    document = {"ok": is_fine, "checks": [dataclasses.asdict(finding) for finding in findings]}
    api_options.output.show(document, lambda console: _draw(console, findings))
    return ExitCode.DONE if is_fine else ExitCode.FAILED


def _check_remote(api_options: ApiOptions, aws_stack: str | None) -> Iterator[Finding]:
    yield from _check_deployment(api_options.api_config)
    if aws_stack is not None:
        yield from aws.check_account(aws.find_account(aws_stack))


def _check_local(api_options: ApiOptions, aws_stack: str | None) -> Iterator[Finding]:
    if (ROOT / "template.yaml").exists():
        findings = list(run_checks(machine.CHECKS, machine.Machine(ROOT, state_folder(), _port())))
        yield from findings
        has_died = any(finding.check == "stack" and finding.state == "fail" for finding in findings)
    else:
        has_died = False
    state = read_state()
    if state.get("api_url") and not has_died:
        yield from _check_deployment(api_options.api_config)
        yield from aws.check_account(aws.find_account(_EMBEDDED_STACK, state["aws_url"]))
    elif not (ROOT / "template.yaml").exists() and DEFAULT_PROFILE in read_profiles():
        yield from _check_deployment(api_options.api_config)
    elif not (ROOT / "template.yaml").exists():
        yield fail(
            "deployment",
            "No deployment is named, and this client is not part of a checkout.",
            "Run `resma login`, or set RESMA_URL and RESMA_KEY.",
        )
    if aws_stack is not None:
        yield from aws.check_account(aws.find_account(aws_stack))


def _check_deployment(config: ApiConfig) -> Iterator[Finding]:
    yield from run_checks(deployment.CHECKS, deployment.Deployment(config), required=deployment.REQUIRED)


def _port() -> int:
    text = os.environ.get("PORT") or "3008"
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise CommandFailedError(ExitCode.USAGE, f"PORT={text} is not a port. Use a number from 1 to 65535.")
    return int(text)


def _draw(console: Console, findings: list[Finding]) -> None:
    for finding in findings:
        sign, style = _SIGNS[finding.state]
        line = Text.assemble((f"{sign:<8}", style), clean(f"{finding.check}: {finding.message}"))
        console.print(line)
        if finding.fix:
            console.print(clean(f"        fix: {finding.fix}"))
