"""Checks of a deployment that need credentials of its AWS account."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from resma_cli.amounts import count
from resma_cli.doctor.finding import Finding, fail, ok, skip, warn
from resma_cli.exit_codes import CommandFailedError, ExitCode

ERRORS_HOURS = 1
FUNCTION_METRICS = "AWS/Lambda"


@dataclass(frozen=True)
class Account:
    """An AWS account and region, and the name of the CloudFormation stack. `client` returns a client of a service."""

    client: Callable[[str], Any]
    stack_name: str
    _clients: dict[str, Any] = field(default_factory=dict, repr=False)

    def service(self, name: str) -> Any:
        """Returns the client of a service, which is cached."""
        if name not in self._clients:
            self._clients[name] = self.client(name)
        return self._clients[name]

    @cached_property
    def stack(self) -> dict[str, Any]:
        """The description of the stack. Raises botocore's ClientError if it does not exist."""
        stack: dict[str, Any] = self.service("cloudformation").describe_stacks(StackName=self.stack_name)["Stacks"][0]
        return stack

    @property
    def has_function_metrics(self) -> bool:
        """Whether Lambda's metrics exist. LocalStack has none, so alarms on them always fire."""
        return "amazonaws." in str(self.service("cloudwatch").meta.endpoint_url)

    @property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs."""
        return {item["OutputKey"]: item["OutputValue"] for item in self.stack.get("Outputs") or []}

    @cached_property
    def functions(self) -> list[str]:
        """Names of the stack's functions."""
        pages = self.service("cloudformation").get_paginator("list_stack_resources").paginate(StackName=self.stack_name)
        resources = [item for page in pages for item in page["StackResourceSummaries"]]
        return [i["PhysicalResourceId"] for i in resources if i["ResourceType"] == "AWS::Lambda::Function"]


def check_stack(account: Account) -> Finding:
    """Checks that the stack is complete and has its outputs."""
    status = account.stack["StackStatus"]
    if not status.endswith("_COMPLETE") or "ROLLBACK" in status:
        command = f"aws cloudformation describe-stack-events --stack-name {account.stack_name}"
        fix = f"Find the cause with `{command}`, then deploy again."
        return fail("aws-stack", f"The stack {account.stack_name} is {status}.", fix)
    missing = [name for name in ("ApiUrl", "QueueUrl", "DeadLetterQueueUrl") if name not in account.outputs]
    if missing:
        return fail(
            "aws-stack",
            f"The stack has no output {missing[0]}.",
            "Check the stack's name, or deploy template.yaml again.",
        )
    return ok("aws-stack", f"The stack {account.stack_name} is {status}.")


def check_alarms(account: Account) -> Finding:
    """Checks that no alarm of the stack fires."""
    pages = account.service("cloudwatch").get_paginator("describe_alarms").paginate(StateValue="ALARM")
    ours = [a for page in pages for a in page["MetricAlarms"] if _is_ours(account, a["AlarmName"])]
    firing = [a["AlarmName"] for a in ours if account.has_function_metrics or a.get("Namespace") != FUNCTION_METRICS]
    if firing:
        return fail(
            "aws-alarms",
            f"In state ALARM: {', '.join(sorted(firing))}.",
            "See the entry of the alarm in docs/operate.md.",
        )
    return ok("aws-alarms", "No alarm fires.")


def check_dead_letter_queue(account: Account) -> Finding:
    """Checks that the dead letter queue is empty, because a function receives its messages."""
    answer = account.service("sqs").get_queue_attributes(
        QueueUrl=account.outputs["DeadLetterQueueUrl"], AttributeNames=["ApproximateNumberOfMessages"]
    )
    depth = int(answer["Attributes"]["ApproximateNumberOfMessages"])
    if depth:
        fix = "See the log of DeadLetterFunction, which should receive them and set their reports to FAILED."
        messages = count(depth, "message is", "messages are")
        return fail("aws-dead-letter-queue", f"{messages} in the dead letter queue.", fix)
    return ok("aws-dead-letter-queue", "The dead letter queue is empty.")


def check_function_errors(account: Account) -> Finding:
    """Checks that no function has failed within the last hour."""
    failed = {name: times for name in account.functions if (times := round(_errors(account, name)))}
    if failed:
        names = ", ".join(f"{name} {count(times, 'time')}" for name, times in sorted(failed.items()))
        return fail("aws-functions", f"Failed within the last hour: {names}.", "See its log and docs/operate.md.")
    if not account.has_function_metrics:
        return skip("aws-functions", "LocalStack does not count errors of functions. `resma logs` shows them.")
    return ok("aws-functions", f"None of {len(account.functions)} functions has failed within the last hour.")


CHECKS = (check_stack, check_alarms, check_dead_letter_queue, check_function_errors)


def check_account(account: Account) -> Iterator[Finding]:
    """Runs all checks. A denied request gives a warning. Other errors, such as a missing stack, end the checks."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  # boto3 is slow to load

    for check in CHECKS:
        name = f"aws-{check.__name__.removeprefix('check_').replace('_', '-')}"
        try:
            yield check(account)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code.startswith("AccessDenied") or code == "UnauthorizedOperation":
                yield warn(name, f"Not checked: {code}.", "Use credentials with the required permission.")
                continue
            message = f"AWS has answered {code}: {error.response['Error'].get('Message', '')}"
            yield fail(name, message, "Check the stack's name (--aws-stack) and the region (AWS_REGION).")
            return
        except BotoCoreError as error:
            yield fail(
                name, f"AWS can't be report_options: {error}", "check credentials, region (AWS_REGION) and network"
            )
            return


def find_account(stack_name: str, endpoint_url: str | None = None) -> Account:
    """Returns the account of the current credentials, or of an emulator's URL. Raises CommandFailedError."""
    try:
        import boto3  # noqa: PLC0415  # slow to load, and optional in the client's package
    except ImportError as error:
        detail = "boto3 is not installed. Install resma with it (docs/command-line.md), or omit `--aws-stack`."
        raise CommandFailedError(ExitCode.USAGE, detail) from error
    if endpoint_url is None:
        return Account(boto3.client, stack_name)  # type: ignore[arg-type]  # overloaded by literals of names
    settings = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return Account(lambda service: boto3.client(service, endpoint_url=endpoint_url, **settings), stack_name)  # type: ignore[call-overload]


def _is_ours(account: Account, alarm: str) -> bool:
    return alarm.startswith(f"{account.stack_name}-")


def _errors(account: Account, function: str) -> float:
    now = datetime.now(UTC)
    statistics = account.service("cloudwatch").get_metric_statistics(
        Namespace=FUNCTION_METRICS,
        MetricName="Errors",
        Dimensions=[{"Name": "FunctionName", "Value": function}],
        StartTime=now - timedelta(hours=ERRORS_HOURS),
        EndTime=now,
        Period=ERRORS_HOURS * 3600,
        Statistics=["Sum"],
    )
    return float(sum(point["Sum"] for point in statistics["Datapoints"]))
