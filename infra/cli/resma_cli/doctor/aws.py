"""What may be wrong with a deployment, as AWS tells whoever has credentials of its account."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from resma_cli.amounts import count
from resma_cli.doctor.finding import Finding, fail, fine, skip, warn
from resma_cli.exit_codes import CommandFailedError, ExitCode

ERRORS_HOURS = 1
FUNCTION_METRICS = "AWS/Lambda"


@dataclass(frozen=True)
class Account:
    """An account and region, and the name of the CloudFormation stack. `client` makes a client of a service."""

    client: Callable[[str], Any]
    stack_name: str
    _kept: dict[str, Any] = field(default_factory=dict, repr=False)

    def service(self, name: str) -> Any:
        """A client of a service, made once."""
        if name not in self._kept:
            self._kept[name] = self.client(name)
        return self._kept[name]

    @cached_property
    def stack(self) -> dict[str, Any]:
        """What CloudFormation says of the stack. Raises botocore's ClientError where there is none."""
        found: dict[str, Any] = self.service("cloudformation").describe_stacks(StackName=self.stack_name)["Stacks"][0]
        return found

    @property
    def has_function_metrics(self) -> bool:
        """LocalStack makes none: an alarm that wants them rings there for ever, and no error is counted."""
        return "amazonaws." in str(self.service("cloudwatch").meta.endpoint_url)

    @property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs."""
        return {item["OutputKey"]: item["OutputValue"] for item in self.stack.get("Outputs") or []}

    @cached_property
    def functions(self) -> list[str]:
        """Names of the stack's functions."""
        pages = self.service("cloudformation").get_paginator("list_stack_resources").paginate(StackName=self.stack_name)
        found = [item for page in pages for item in page["StackResourceSummaries"]]
        return [i["PhysicalResourceId"] for i in found if i["ResourceType"] == "AWS::Lambda::Function"]


def check_stack(account: Account) -> Finding:
    """That the stack is there, whole, and says where things are."""
    status = account.stack["StackStatus"]
    if not status.endswith("_COMPLETE") or "ROLLBACK" in status:
        fix = f"aws cloudformation describe-stack-events --stack-name {account.stack_name} says why; then deploy again"
        return fail("aws-stack", f"the stack {account.stack_name} is {status}", fix)
    missing = [name for name in ("ApiUrl", "QueueUrl", "DeadLetterQueueUrl") if name not in account.outputs]
    if missing:
        return fail("aws-stack", f"the stack has no output {missing[0]}", "is it Resma's? deploy template.yaml again")
    return fine("aws-stack", f"the stack {account.stack_name} is {status}")


def check_alarms(account: Account) -> Finding:
    """That no alarm of the stack rings."""
    pages = account.service("cloudwatch").get_paginator("describe_alarms").paginate(StateValue="ALARM")
    ours = [a for page in pages for a in page["MetricAlarms"] if _is_ours(account, a["AlarmName"])]
    ringing = [a["AlarmName"] for a in ours if account.has_function_metrics or a.get("Namespace") != FUNCTION_METRICS]
    if ringing:
        return fail("aws-alarms", f"in ALARM: {', '.join(sorted(ringing))}", "docs/operate.md has an entry for each")
    return fine("aws-alarms", "none rings")


def check_dead_letter_queue(account: Account) -> Finding:
    """That the function behind the dead letter queue takes what lies there."""
    counted = account.service("sqs").get_queue_attributes(
        QueueUrl=account.outputs["DeadLetterQueueUrl"], AttributeNames=["ApproximateNumberOfMessages"]
    )
    depth = int(counted["Attributes"]["ApproximateNumberOfMessages"])
    if depth:
        fix = "look at the log of DeadLetterFunction: it should take them and write their reports FAILED"
        lying = count(depth, "message lies", "messages lie")
        return fail("aws-dead-letter-queue", f"{lying} in the dead letter queue", fix)
    return fine("aws-dead-letter-queue", "empty")


def check_function_errors(account: Account) -> Finding:
    """That no function has failed within the last hour."""
    failed = {name: times for name in account.functions if (times := round(_errors(account, name)))}
    if failed:
        said = ", ".join(f"{name} {count(times, 'time')}" for name, times in sorted(failed.items()))
        return fail("aws-functions", f"failed within the last hour: {said}", "look at its log; docs/operate.md")
    if not account.has_function_metrics:
        return skip("aws-functions", "LocalStack does not count errors of functions; `resma logs` shows them")
    return fine("aws-functions", f"none of {len(account.functions)} has failed within the last hour")


CHECKS = (check_stack, check_alarms, check_dead_letter_queue, check_function_errors)


def look_at_aws(account: Account) -> Iterator[Finding]:
    """Runs all checks. What AWS refuses is a note, a stack that is not there ends them."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  # boto3 is slow to load

    for check in CHECKS:
        name = f"aws-{check.__name__.removeprefix('check_').replace('_', '-')}"
        try:
            yield check(account)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code.startswith("AccessDenied") or code == "UnauthorizedOperation":
                yield warn(name, f"not checked: {code}", "use credentials that may read it")
                continue
            says = f"AWS says {code}: {error.response['Error'].get('Message', '')}"
            yield fail(name, says, "check the stack's name (--aws-stack) and the region (AWS_REGION)")
            return
        except BotoCoreError as error:
            yield fail(name, f"AWS can't be asked: {error}", "check credentials, region (AWS_REGION) and network")
            return


def find_account(stack_name: str, endpoint_url: str | None = None) -> Account:
    """The account of the credentials at hand; or the embedded stack's, which takes any. Raises CommandFailedError."""
    try:
        import boto3  # noqa: PLC0415  # slow to load, and not part of the client alone
    except ImportError as error:
        detail = "boto3 is not installed here: install resma with it (docs/command-line.md), or leave out --aws-stack"
        raise CommandFailedError(ExitCode.USAGE, detail) from error
    if endpoint_url is None:
        return Account(boto3.client, stack_name)  # type: ignore[arg-type]  # overloaded by literals of names
    taken = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return Account(lambda service: boto3.client(service, endpoint_url=endpoint_url, **taken), stack_name)  # type: ignore[call-overload]


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
