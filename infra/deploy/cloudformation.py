"""Deploys template.yaml with CloudFormation to LocalStack, embedded or in Docker.

Like `sam deploy`, which is for AWS itself, it packages the code, creates the stack, and waits for it.
"""

from __future__ import annotations

import hashlib
import io
import json
import time
import tomllib
import zipfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.errors import StackError
from infra.paths import ROOT
from infra.template import read_template

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient

ARTIFACT_BUCKET = "resma-artifacts"
DEPLOY_SECONDS = 180
_POLL_SECONDS = 0.25


@dataclass(frozen=True)
class AwsEndpoint:
    """An AWS-compatible endpoint that requires no real credentials."""

    url: str
    region: str = "us-east-1"

    def client(self, service: str, access_key_id: str = "test", secret_access_key: str = "test") -> Any:  # noqa: S107
        """Returns a client of a service. LocalStack accepts any keys; other stores require their own."""
        return boto3.client(  # type: ignore[call-overload]  # the service's name is not a literal here
            service,
            endpoint_url=self.url,
            region_name=self.region,
            aws_access_key_id=access_key_id,
            aws_secret_access_key=secret_access_key,
            config=Config(retries={"mode": "standard", "total_max_attempts": 3}, s3={"addressing_style": "path"}),
        )


@dataclass(frozen=True)
class Stage:
    """The settings of a stage in samconfig.toml."""

    stack_name: str
    parameters: Mapping[str, str]

    def with_parameters(self, parameters: Mapping[str, str]) -> Stage:
        """Returns the stage with these parameters added or replaced."""
        return Stage(self.stack_name, {**self.parameters, **parameters})


@dataclass(frozen=True)
class Package:
    """A template, and the folder with the code of all its functions."""

    template: Path
    functions: Path | None
    """None if the template has no functions."""
    catalog: Path | None = None
    """The catalog of report types, which becomes the folder `catalog` beside the code."""


def read_stage(name: str) -> Stage:
    """Reads a stage's section of samconfig.toml."""
    section = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))[name]["deploy"]["parameters"]
    pairs = (pair.split("=", 1) for pair in section["parameter_overrides"].split())
    return Stage(section["stack_name"], {name: value.strip('"') for name, value in pairs})


def put_secret(endpoint: AwsEndpoint, name: str, value: Mapping[str, Any]) -> str:
    """Creates or updates a secret. Returns its ARN."""
    client = endpoint.client("secretsmanager")
    try:
        answer = client.create_secret(Name=name, SecretString=json.dumps(value))
    except client.exceptions.ResourceExistsException:
        answer = client.put_secret_value(SecretId=name, SecretString=json.dumps(value))
    return str(answer["ARN"])


def deploy(
    endpoint: AwsEndpoint,
    package: Package,
    stage: Stage,
    report_status: Callable[[str], None] = lambda _status: None,
    timeout_seconds: float = DEPLOY_SECONDS,
) -> dict[str, str]:
    """Creates the stack and returns its outputs. Raises StackError with CloudFormation's reasons if that fails."""
    code = _upload(endpoint, "functions", ".zip", _zip_code(package)) if package.functions else None
    template = _upload(endpoint, "template", ".json", _packaged(package, code))
    cloudformation: CloudFormationClient = endpoint.client("cloudformation")
    cloudformation.create_change_set(
        StackName=stage.stack_name,
        ChangeSetName="resma",
        ChangeSetType="CREATE",
        # Not TemplateBody, which CloudFormation limits to 51,200 bytes.
        TemplateURL=f"{endpoint.url}/{ARTIFACT_BUCKET}/{template}",
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in stage.parameters.items()],
    )
    _await_change_set(cloudformation, stage.stack_name)
    cloudformation.execute_change_set(StackName=stage.stack_name, ChangeSetName="resma")
    outputs = read_template(package.template).get("Outputs", {}).keys()
    return _outputs(_await_stack(cloudformation, stage.stack_name, outputs, report_status, timeout_seconds))


def find_outputs(endpoint: AwsEndpoint, stack: str) -> dict[str, str] | None:
    """Returns the outputs of an existing stack; None if it does not exist or is not complete."""
    cloudformation: CloudFormationClient = endpoint.client("cloudformation")
    try:
        described = dict(cloudformation.describe_stacks(StackName=stack)["Stacks"][0])
    except ClientError:
        return None
    return _outputs(described) if described["StackStatus"] == "CREATE_COMPLETE" else None


def _outputs(stack: Mapping[str, Any]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def _upload(endpoint: AwsEndpoint, name: str, suffix: str, content: bytes) -> str:
    """Uploads an artifact under a key with its hash. Returns the key."""
    key = f"{name}-{hashlib.sha256(content).hexdigest()[:16]}{suffix}"
    s3 = endpoint.client("s3")
    try:
        s3.head_bucket(Bucket=ARTIFACT_BUCKET)
    except ClientError:
        s3.create_bucket(Bucket=ARTIFACT_BUCKET)
    s3.put_object(Bucket=ARTIFACT_BUCKET, Key=key, Body=content)
    return key


def _zip_code(package: Package) -> bytes:
    folders = [
        (folder, prefix) for folder, prefix in ((package.functions, ""), (package.catalog, "catalog/")) if folder
    ]
    return zip_folders(folders)


def zip_folders(folders: Sequence[tuple[Path, str]]) -> bytes:
    """Returns a ZIP of the files of folders, each with the prefix of its paths. Equal files give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for folder, prefix in folders:
            for path in sorted(folder.rglob("*")):
                if path.is_file() and "__pycache__" not in path.parts:
                    info = zipfile.ZipInfo(prefix + path.relative_to(folder).as_posix(), (1980, 1, 1, 0, 0, 0))
                    info.external_attr = 0o644 << 16
                    info.compress_type = zipfile.ZIP_DEFLATED
                    archive.writestr(info, path.read_bytes())
    return buffer.getvalue()


def _packaged(package: Package, key: str | None) -> bytes:
    """Returns the template with the location of the uploaded code, in the form of `sam package`."""
    document = read_template(package.template)
    location = {"Bucket": ARTIFACT_BUCKET, "Key": key}
    if "Globals" in document:
        document["Globals"]["Function"]["CodeUri"] = location
    for resource in document["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function" and "CodeUri" in resource["Properties"]:
            resource["Properties"]["CodeUri"] = location
    return json.dumps(document).encode()


def _await_change_set(cloudformation: CloudFormationClient, stack: str) -> None:
    deadline = time.monotonic() + DEPLOY_SECONDS
    while time.monotonic() < deadline:
        answer = cloudformation.describe_change_set(StackName=stack, ChangeSetName="resma")
        if answer["Status"] == "CREATE_COMPLETE":
            return
        if answer["Status"] == "FAILED":
            raise StackError(f"CloudFormation has rejected the template: {answer.get('StatusReason')}")
        time.sleep(_POLL_SECONDS)
    raise StackError(f"CloudFormation has not created the change set within {DEPLOY_SECONDS} s.")


def _await_stack(
    cloudformation: CloudFormationClient,
    stack: str,
    outputs: Collection[str],
    report_status: Callable[[str], None],
    timeout_seconds: float,
) -> dict[str, Any]:
    """Waits for the stack and its outputs. LocalStack reports the stack as complete before the outputs exist."""
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        described: dict[str, Any] = dict(cloudformation.describe_stacks(StackName=stack)["Stacks"][0])
        status = described["StackStatus"]
        if status == "CREATE_COMPLETE" and set(outputs) <= _outputs(described).keys():
            return described
        if status != "CREATE_COMPLETE" and not status.endswith("IN_PROGRESS"):
            raise StackError(f"The deployment ended as {status}: {_reasons(cloudformation, stack)}")
        report_status(status)
        time.sleep(_POLL_SECONDS)
    raise StackError(f"The deployment has not ended within {timeout_seconds} s.")


def _reasons(cloudformation: CloudFormationClient, stack: str) -> str:
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    failed = [e for e in events if e.get("ResourceStatus", "").endswith("FAILED")]
    return (
        "; ".join(f"{e['LogicalResourceId']}: {e.get('ResourceStatusReason', '?')}" for e in failed)
        or "CloudFormation has given no reason."
    )
