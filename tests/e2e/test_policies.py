"""Each function may do what its code does, and no more: the calls of the whole run beside the template's policies.

Runs last (see conftest.py). Where only a part of the end-to-end tests ran, a call that no policy allows still fails;
that an action was never used then says nothing.
"""

from __future__ import annotations

from typing import Any

import pytest

from infra.examples.deploy_example import EXAMPLES
from infra.local.deploy import read_template
from infra.local.paths import TEMPLATE
from tests.e2e.client import Client
from tests.e2e.conftest import CALLS, IS_WHOLE

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
"""Operations whose action has another name (Service Authorization Reference); all others have the operation's."""


def allowed_actions() -> dict[str, set[str]]:
    """What each function's policies allow, by its logical name; those of the examples too."""
    allowed = {}
    templates = [read_template(path) for path in (TEMPLATE, *EXAMPLES.values())]
    for name, resource in (item for template in templates for item in template["Resources"].items()):
        if resource["Type"] == "AWS::Serverless::Function":
            allowed[name] = {
                action
                for policy in resource["Properties"].get("Policies", [])
                for statement in policy["Statement"]
                for action in as_list(statement["Action"])
            }
    return allowed


def as_list(value: Any) -> list[Any]:
    """IAM takes one action or many."""
    return value if isinstance(value, list) else [value]


def used_actions() -> dict[str, set[str]]:
    """What each function has done in this run, by its logical name."""
    used: dict[str, set[str]] = {}
    for line in CALLS.read_text(encoding="utf-8").splitlines():
        function, service, operation = line.split()
        actions = ACTIONS.get((service, operation), {f"{service}:{operation}"})
        used.setdefault(function.split("-")[-2], set()).update(actions)
    return used


def test_no_function_does_what_its_policy_does_not_allow(client: Client) -> None:
    client.await_status(client.ask("CSV", {"from": "2030-01-01"}), "READY")  # something is done in any case
    used, allowed = used_actions(), allowed_actions()
    assert "WorkerFunction" in used
    denied = {name: found for name, actions in used.items() if (found := actions - allowed[name])}
    assert denied == {}


def test_no_policy_allows_what_its_function_never_does(client: Client, pytestconfig: pytest.Config) -> None:
    used = used_actions()
    unused = {name: found for name, actions in allowed_actions().items() if (found := actions - used.get(name, set()))}
    if not pytestconfig.stash[IS_WHOLE]:
        pytest.skip(f"only a part of the end-to-end tests ran; in it nobody used {unused}")
    assert unused == {}
