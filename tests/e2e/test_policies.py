"""Compares the AWS calls of each function with its policies in the template: each allows what is used, and no more.

These tests run last (see conftest.py), so that they check the calls of all other tests too. Scenarios in
use_permissions.py use every permission.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from infra.examples.deploy_example import EXAMPLES
from infra.paths import TEMPLATE
from infra.template import read_template
from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.local_stack import CALLS, Faults
from tests.support.use_permissions import (
    ON_START,
    USES,
    Scenario,
    World,
    dead_letter_a_report,
    download_a_report,
    expire_a_report,
    request_by_event,
)
from tests.support.webhook_receiver import WebhookReceiver

ACTIONS = {
    ("s3", "CreateMultipartUpload"): {"s3:PutObject"},
    ("s3", "UploadPart"): {"s3:PutObject"},
    ("s3", "UploadPartCopy"): {"s3:PutObject", "s3:GetObject"},
    ("s3", "CompleteMultipartUpload"): {"s3:PutObject"},
    ("s3", "PutObject"): {"s3:PutObject"},
    ("s3", "HeadObject"): {"s3:GetObject"},
    ("s3", "GetObject"): {"s3:GetObject"},
    ("s3", "DeleteObject"): {"s3:DeleteObject"},
    ("s3", "DeleteObjects"): {"s3:DeleteObject"},
    ("s3", "AbortMultipartUpload"): {"s3:AbortMultipartUpload"},
    ("s3", "ListMultipartUploads"): {"s3:ListBucketMultipartUploads"},
    ("s3", "ListParts"): {"s3:ListMultipartUploadParts"},
    ("s3", "ListObjectsV2"): {"s3:ListBucket"},
    ("sqs", "SendMessageBatch"): {"sqs:SendMessage"},
    ("sqs", "ChangeMessageVisibilityBatch"): {"sqs:ChangeMessageVisibility"},
    ("sqs", "DeleteMessageBatch"): {"sqs:DeleteMessage"},
    ("sns", "PublishBatch"): {"sns:Publish"},
}
"""IAM actions of operations with other names (Service Authorization Reference). Others have the operation's name."""


def allowed_actions() -> dict[str, set[str]]:
    """Returns the actions that the policies of each function allow, by its logical name, including the examples."""
    allowed = {}
    templates = [read_template(path) for path in (TEMPLATE, *EXAMPLES.values())]
    for name, resource in (item for template in templates for item in template["Resources"].items()):
        if resource["Type"] == "AWS::Serverless::Function":
            allowed[name] = {
                action
                for policy in resource["Properties"].get("Policies", [])
                for entry in policy["Statement"]
                for statement in [entry["Fn::If"][1] if "Fn::If" in entry else entry]
                for action in as_list(statement["Action"])
            }
    return allowed


UNUSED = {"DeliveryFunction": {"s3:AbortMultipartUpload", "kms:GenerateDataKey", "kms:Decrypt"}}
"""Permissions without a scenario: tests/integration/destinations aborts uploads, and S3 calls KMS for the function."""


def as_list(value: Any) -> list[Any]:
    """Returns a value as a list: IAM accepts one action or a list of actions."""
    return value if isinstance(value, list) else [value]


def used_actions(start: int = 0) -> dict[str, set[str]]:
    """Returns the actions that each function has used, by its logical name. Skips `start` bytes of the record."""
    used: dict[str, set[str]] = {}
    for line in CALLS.read_bytes()[start:].decode().splitlines():
        function, service, operation = line.split()
        actions = ACTIONS.get((service, operation), {f"{service}:{operation}"})
        used.setdefault(function.split("-")[-2], set()).update(actions)
    return used


def subtract(first: Mapping[str, set[str]], second: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Returns the actions that are in the first mapping but not in the second, by function."""
    return {name: rest for name, actions in first.items() if (rest := actions - second.get(name, set()))}


@pytest.fixture
def world(client: Client, faults: Faults, webhooks: WebhookReceiver) -> World:
    """The stack, on which no job is queued or in flight."""
    client.wait_for_empty_queues()
    return World(client, faults, webhooks)


@pytest.mark.parametrize("scenario", USES, ids=lambda scenario: scenario.__name__)
def test_each_scenario_uses_its_permissions(world: World, scenario: Scenario) -> None:
    start = CALLS.stat().st_size if CALLS.exists() else 0
    scenario(world)
    eventually("the calls are recorded", lambda: not subtract(USES[scenario], used_actions(start)))


def test_every_permission_has_a_scenario_that_uses_it() -> None:
    used: dict[str, set[str]] = {}
    for uses in USES.values():
        for name, actions in uses.items():
            used.setdefault(name, set()).update(actions)
    allowed = {name: actions - ON_START - UNUSED.get(name, set()) for name, actions in allowed_actions().items()}
    assert subtract(allowed, used) == {}


def test_every_function_that_may_read_secrets_reads_them_when_it_starts(world: World) -> None:
    on_start = {name: ON_START & actions for name, actions in allowed_actions().items()}
    starts = (download_a_report, request_by_event, dead_letter_a_report, expire_a_report)
    for scenario in starts:  # if only some tests ran, not every function has started
        if subtract(on_start, used_actions() if CALLS.exists() else {}):
            scenario(world)
    assert subtract(on_start, used_actions()) == {}


def test_no_function_does_what_its_policy_does_not_allow(client: Client) -> None:
    # At least one report is generated, even if this test runs alone.
    client.wait_for_status(client.request_report("CSV", {"from": "2030-01-01"}), "READY")
    used = used_actions()
    assert "WorkerFunction" in used
    assert subtract(used, allowed_actions()) == {}
