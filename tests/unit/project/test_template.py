"""template.yaml agrees with the code, and has correct policies and limits, which LocalStack does not enforce."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest
from botocore import xform_name
from botocore.session import Session

from api.settings import ApiSettings
from delivery.settings import DeliverySettings
from infra.checks.dependencies.runtimes import find_ended_runtimes
from infra.deploy.cloudformation import read_stage
from infra.examples.deploy_example import EXAMPLES
from infra.paths import FUNCTIONS, ROOT, TEMPLATE
from infra.template import read_template
from intake.app import MAX_RECEIVES
from intake.settings import IntakeSettings
from resma.catalog import Limits
from resma.events.destinations import SOURCE
from resma.jobs.claim import MAX_ATTEMPTS
from resma.settings import Settings
from resma.writers.pdf.fonts.font_index import FOLDERS_VARIABLE
from scheduler.settings import SchedulerSettings
from webhook.settings import WebhookSettings
from worker.checkpoints.rows import MAX_CONTINUATIONS
from worker.settings import DeadLetterSettings, WorkerSettings
from worker.time_budget import MARGIN_SECONDS
from worker.waits import MAX_WAIT_SECONDS

Json = dict[str, Any]

TENANT_SECRETS = (":secret:resma/${StageName}/destinations/*", ":secret:resma/${StageName}/openpgp/*")
"""Ends of the ARNs of the secrets of destinations, and of those with keys that sign files."""

DESTINATION_PARAMETERS = {"DestinationObjectArns", "DestinationRoleArns", "DestinationKmsKeyArns"}
"""Parameters with resources of others. The settings of destinations name them, and not the environment."""

DOCUMENT = read_template(TEMPLATE)
RESOURCES: dict[str, Json] = DOCUMENT["Resources"]
DEFAULTS: Json = DOCUMENT["Globals"]["Function"]

SETTINGS: dict[str, type[Settings]] = {
    "ApiFunction": ApiSettings,
    "IntakeFunction": IntakeSettings,
    "WorkerFunction": WorkerSettings,
    "DeadLetterFunction": DeadLetterSettings,
    "WebhookFunction": WebhookSettings,
    "DeliveryFunction": DeliverySettings,
    "SchedulerFunction": SchedulerSettings,
}

FLOW = [
    *("Api", "ApiFunction", "RequestRule", "RequestQueue", "FailedRequestQueue", "IntakeFunction"),
    *("JobQueue", "DeadLetterQueue", "WorkerFunction", "IdempotencyTable", "DeadLetterFunction"),
    *("ReportBucket", "ReportBucketPolicy", "EventTopic", "WebhookFunction"),
    *("DeliveryQueue", "FailedDeliveryQueue", "EmailFeedbackTopic", "DeliveryFunction", "SchedulerFunction"),
    *(
        "FunctionLogs",
        "OldestJobAlarm",
        "DeadLetterAlarm",
        "FailedRequestAlarm",
        "OldestRequestAlarm",
        "SchedulerErrorAlarm",
        "BlockedScheduleAlarm",
        "WebhookAlarm",
        "Dashboard",
    ),
]

ACTION_OF = {
    # The IAM action for each method of a boto3 client that the functions call.
    "get_secret_value": "secretsmanager:GetSecretValue",
    "send_message": "sqs:SendMessage",
    "change_message_visibility": "sqs:ChangeMessageVisibility",
    "publish": "sns:Publish",
    "put_events": "events:PutEvents",
    "generate_presigned_url": "s3:GetObject",  # signs get_object; the URL has the permissions of the signer
    "head_object": "s3:GetObject",  # S3 has no separate action for it
    "get_object": "s3:GetObject",
    "put_object": "s3:PutObject",
    "create_multipart_upload": "s3:PutObject",
    "upload_part_copy": "s3:PutObject",  # and s3:GetObject for the source
    "upload_part": "s3:PutObject",
    "complete_multipart_upload": "s3:PutObject",
    "abort_multipart_upload": "s3:AbortMultipartUpload",
    "list_multipart_uploads": "s3:ListBucketMultipartUploads",
    "delete_object": "s3:DeleteObject",
    "delete_objects": "s3:DeleteObject",
    "list_objects_v2": "s3:ListBucket",
    "get_object_lock_configuration": "s3:GetBucketObjectLockConfiguration",
    "put_object_legal_hold": "s3:PutObjectLegalHold",
    "assume_role": "sts:AssumeRole",
    "send_raw_email": "ses:SendRawEmail",
}

# Powertools makes the calls of this class (docs.aws.amazon.com/powertools/python, Idempotency, IAM Permissions).
PERSISTENCE_LAYER = "DynamoDBPersistenceLayer"
# GetItem is not needed, because DynamoDB returns the existing item if a conditional put fails.
PERSISTENCE_ACTIONS = {f"dynamodb:{verb}Item" for verb in ("Put", "Update", "Delete")}


# Of the caller that stores an object with SSE-KMS, also in parts (docs.aws.amazon.com/AmazonS3, mpuAndPermissions).
KMS_ACTIONS = {"kms:GenerateDataKey", "kms:Decrypt"}


def of_type(kind: str) -> dict[str, Json]:
    """Returns the properties of all resources of a type."""
    return {name: r.get("Properties", {}) for name, r in RESOURCES.items() if r["Type"] == kind}


FUNCTION_PROPERTIES = of_type("AWS::Serverless::Function")


def statements(function: str) -> list[Json]:
    """Returns the statements of a function's policies, with lists for actions and resources."""
    result = []
    for policy in FUNCTION_PROPERTIES[function]["Policies"]:
        assert isinstance(policy, dict), f"{function}: {policy} grants more than is needed. Write statements."
        for entry in policy["Statement"]:
            statement = entry["Fn::If"][1] if "Fn::If" in entry else entry  # only if a parameter is set
            many = {
                key: value if isinstance(value, list) else [value]
                for key, value in statement.items()
                if key in {"Action", "Resource"}
            }
            result.append({**statement, **many})
    return result


def timeout_seconds(function: str) -> int:
    """Returns a function's timeout in seconds; the maximum if it is a parameter."""
    seconds = {**DEFAULTS, **FUNCTION_PROPERTIES[function]}["Timeout"]
    return int(DOCUMENT["Parameters"][seconds["Ref"]]["MaxValue"] if isinstance(seconds, dict) else seconds)


def events(kind: str) -> Iterator[tuple[str, Json]]:
    """Yields each event source of a kind, with the function's name."""
    for name, properties in FUNCTION_PROPERTIES.items():
        for event in properties.get("Events", {}).values():
            if event["Type"] == kind:
                yield name, event["Properties"]


# ---------------------------------------------------------------- the template


WITH_FUNCTIONS = [path for path in (TEMPLATE, *EXAMPLES.values()) if "Runtime: " in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("template", [TEMPLATE, *EXAMPLES.values()], ids=lambda path: path.name)
def test_cfn_lint_finds_nothing(template: Path) -> None:
    done = lint(template, "--include-checks", "I")
    assert done.returncode == 0, done.stdout + done.stderr


def lint(template: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Runs cfn-lint with `.cfnlintrc`, as `make` does."""
    command = [str(Path(sys.executable).with_name("cfn-lint")), *options, "--", str(template)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("template", WITH_FUNCTIONS, ids=lambda path: path.name)
def test_make_audit_finds_deprecated_runtimes_but_make_check_does_not(template: Path, tmp_path: Path) -> None:
    """The deprecation depends on the date, and `make check` must not."""
    changed = tmp_path / template.name
    text = template.read_text(encoding="utf-8")
    changed.write_text(text.replace("python3.13", "python3.6"), encoding="utf-8")
    assert lint(changed).stdout == ""
    (message,) = find_ended_runtimes(changed)
    assert "'python3.6' was deprecated" in message
    assert "-m infra.checks.dependencies runtimes\n" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_resources_are_in_the_order_of_the_flow() -> None:
    assert [name for name in RESOURCES if name in FLOW] == FLOW


def test_every_function_has_settings() -> None:
    assert FUNCTION_PROPERTIES.keys() == SETTINGS.keys()


@pytest.mark.parametrize("function", SETTINGS)
def test_handler_exists(function: str) -> None:
    module, _, name = FUNCTION_PROPERTIES[function]["Handler"].rpartition(".")
    assert callable(getattr(importlib.import_module(module), name))


# ---------------------------------------------------------------- environment


@pytest.mark.parametrize("function", SETTINGS)
def test_functions_have_the_variables_that_the_code_reads(function: str) -> None:
    given = {
        **DEFAULTS["Environment"]["Variables"],
        **FUNCTION_PROPERTIES[function]["Environment"]["Variables"],
    }
    read = {name.upper(): field for name, field in SETTINGS[function].model_fields.items()}
    read_elsewhere = {FOLDERS_VARIABLE} if function == "WorkerFunction" else set()
    unread = {name for name in given if name not in read and not name.startswith(("POWERTOOLS_", "AWS_", "MALLOC_"))}
    unread -= read_elsewhere
    assert unread == set()
    assert {name for name, field in read.items() if field.is_required()} <= given.keys()
    assert read.keys() <= given.keys(), "a setting without a variable"
    assert given["POWERTOOLS_SERVICE_NAME"]


def test_only_the_local_stage_accepts_requests_without_a_key() -> None:
    """The rule rejects the deployment. Even without the rule, the function would not get the tenant."""
    variables = FUNCTION_PROPERTIES["ApiFunction"]["Environment"]["Variables"]
    assert variables["LOOPBACK_TENANT"] == {"Fn::If": ["IsLocal", {"Ref": "LoopbackTenant"}, ""]}
    is_local = {"Fn::Equals": [{"Ref": "StageName"}, "local"]}
    assert DOCUMENT["Conditions"]["IsLocal"] == is_local
    rule = DOCUMENT["Rules"]["LoopbackIsLocal"]
    assert rule["RuleCondition"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "LoopbackTenant"}, ""]}]}
    assert [item["Assert"] for item in rule["Assertions"]] == [is_local]
    assert DOCUMENT["Parameters"]["LoopbackTenant"]["Default"] == ""
    assert TEMPLATE.read_text(encoding="utf-8").count("!Ref LoopbackTenant") == 2


def test_parameters_are_used() -> None:
    text = TEMPLATE.read_text(encoding="utf-8")
    for name in DOCUMENT["Parameters"]:
        assert f"!Ref {name}" in text or f"${{{name}}}" in text, name


def test_only_the_local_stage_allows_webhooks_to_loopback() -> None:
    """The code also rejects it in other stages (resma/settings.py), and samconfig.toml sets it only for `local`."""
    assert DOCUMENT["Parameters"]["WebhookAllowLoopback"]["Default"] == "false"
    is_local, is_enabled = DOCUMENT["Conditions"]["OpensLoopback"]["Fn::And"]
    assert is_local == {"Condition": "IsLocal"}
    assert DOCUMENT["Conditions"]["IsLocal"] == {"Fn::Equals": [{"Ref": "StageName"}, "local"]}
    assert is_enabled == {"Fn::Equals": [{"Ref": "WebhookAllowLoopback"}, "true"]}
    given = {
        name: properties["Environment"]["Variables"].get("WEBHOOK_ALLOW_LOOPBACK")
        for name, properties in FUNCTION_PROPERTIES.items()
    }
    only_local = {"Fn::If": ["OpensLoopback", "true", ""]}
    assert {name: value for name, value in given.items() if value is not None} == {
        "ApiFunction": only_local,
        "IntakeFunction": only_local,
        "WebhookFunction": only_local,
    }
    opened = [stage for stage in ("local", "dev", "prod") if "WebhookAllowLoopback" in read_stage(stage).parameters]
    assert opened == ["local"]


def test_private_networks_are_not_allowed_by_default() -> None:
    """Functions that accept URLs and the one that sends to them have the same list, which is empty in all stages."""
    assert DOCUMENT["Parameters"]["WebhookAllowedNetworks"]["Default"] == ""
    given = {
        name: properties["Environment"]["Variables"].get("WEBHOOK_ALLOWED_NETWORKS")
        for name, properties in FUNCTION_PROPERTIES.items()
    }
    listed = {"Fn::Join": [",", {"Ref": "WebhookAllowedNetworks"}]}
    assert {name for name, value in given.items() if value == listed} == {
        "ApiFunction",
        "IntakeFunction",
        "WebhookFunction",
    }
    assert all(value in {None} for value in given.values() if value != listed)
    assert not any("WebhookAllowedNetworks" in read_stage(stage).parameters for stage in ("local", "dev", "prod"))


# ---------------------------------------------------------------- queue and worker


def test_the_statement_timeout_is_less_than_that_of_an_invocation() -> None:
    parameters = DOCUMENT["Parameters"]
    longest = parameters["WorkerTimeoutSeconds"]["MaxValue"] - MARGIN_SECONDS
    assert parameters["MaxStatementTimeoutSeconds"]["MaxValue"] == longest
    default = parameters["MaxStatementTimeoutSeconds"]["Default"]
    assert default == WorkerSettings.model_fields["max_statement_timeout_seconds"].default == longest
    assert Limits().statement_timeout_seconds <= default


def test_the_queue_delivers_a_message_more_often_than_a_report_needs() -> None:
    """Attempts are counted in the row, so only messages of lost reports reach the dead letter queue."""
    policy = of_type("AWS::SQS::Queue")["JobQueue"]["RedrivePolicy"]
    waits = DOCUMENT["Parameters"]["MaxOutageWaitSeconds"]["Default"] / MAX_WAIT_SECONDS
    assert policy["maxReceiveCount"] > MAX_ATTEMPTS + MAX_CONTINUATIONS + 2 * waits
    assert policy["deadLetterTargetArn"] == {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}


def sends_to(function: str) -> set[str]:
    """Returns the queues, topics and event buses that a function's role may send to."""
    sending = {"sqs:SendMessage", "sns:Publish", "events:PutEvents"}
    return {
        name
        for statement in statements(function)
        if sending & {*statement["Action"]}
        for resource in statement["Resource"]
        for name in names_in(resource)
    }


def find_message_routes() -> dict[str, set[str]]:
    """Returns the receivers of each function, queue, topic and event bus. Rules are followed by their patterns."""
    onward: dict[str, set[str]] = {function: sends_to(function) for function in FUNCTION_PROPERTIES}
    for function, event in events("SQS"):
        onward.setdefault(event["Queue"]["Fn::GetAtt"][0], set()).add(function)
    for function, event in events("SNS"):
        onward.setdefault(event["Topic"]["Ref"], set()).add(function)
    for name, queue in of_type("AWS::SQS::Queue").items():
        if "RedrivePolicy" in queue:
            onward.setdefault(name, set()).add(queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0])
    for rule in of_type("AWS::Events::Rule").values():
        if {"anything-but": SOURCE} not in rule["EventPattern"].get(
            "source", []
        ):  # the rule matches events of the functions
            targets = {target["Arn"]["Fn::GetAtt"][0] for target in rule["Targets"]}
            onward.setdefault(rule["EventBusName"]["Ref"], set()).update(targets)
    return onward


@pytest.mark.parametrize("function", SETTINGS)
def test_no_function_invokes_itself_through_messages(function: str) -> None:
    """Lambda ends such chains after about 16 invocations, unless RecursiveLoop says Allow.

    The worker sends messages of shards to its own queue. Their workers send none: see
    tests/integration/jobs/test_split_reports.py.
    """
    onward, seen = find_message_routes(), set[str]()
    onward["WorkerFunction"].discard("JobQueue")
    waiting = [*onward[function]]
    while waiting:
        if (name := waiting.pop()) not in seen:
            seen.add(name)
            waiting += onward.get(name, ())
    is_allowed = FUNCTION_PROPERTIES[function].get("RecursiveLoop") == "Allow"
    assert (function in seen) == is_allowed, f"{function} reaches {seen}"


def test_message_routes_are_found() -> None:
    """The routes that the previous test uses are complete."""
    onward = find_message_routes()
    assert "JobQueue" in onward["ApiFunction"] & onward["SchedulerFunction"] & onward["IntakeFunction"]
    assert onward["JobQueue"] == {"WorkerFunction", "DeadLetterQueue"}
    assert onward["DeadLetterQueue"] == {"DeadLetterFunction"}
    assert onward["WorkerFunction"] == {"EventTopic", "EventBusName", "JobQueue", "DeliveryQueue"}
    assert onward["DeliveryQueue"] == {"DeliveryFunction", "FailedDeliveryQueue"}
    assert onward["DeliveryFunction"] == set()
    assert onward["EventTopic"] == {"WebhookFunction"}
    assert "EventBusName" not in onward


def test_the_dead_letter_queue_keeps_messages_longer() -> None:
    """A message keeps its send time when it is moved, so the second queue must have the longer retention."""
    queues = of_type("AWS::SQS::Queue")
    assert queues["DeadLetterQueue"]["MessageRetentionPeriod"] > queues["JobQueue"]["MessageRetentionPeriod"]


def test_the_visibility_timeout_is_six_times_the_functions_timeout() -> None:
    seen = set()
    for function, event in events("SQS"):
        queue = event["Queue"]["Fn::GetAtt"][0]
        seen.add(queue)
        timeout = timeout_seconds(function)
        assert RESOURCES[queue]["Properties"]["VisibilityTimeout"] >= 6 * timeout, queue
    assert seen | {"FailedRequestQueue", "FailedDeliveryQueue"} == of_type("AWS::SQS::Queue").keys(), (
        "a queue without a consumer"
    )


def test_failed_events_are_kept_in_a_queue_with_an_alarm() -> None:
    """They come from the queue, after as many attempts as the code counts, or from EventBridge."""
    queues = of_type("AWS::SQS::Queue")
    failed = {"Fn::GetAtt": ["FailedRequestQueue", "Arn"]}
    assert queues["RequestQueue"]["RedrivePolicy"] == {"deadLetterTargetArn": failed, "maxReceiveCount": MAX_RECEIVES}
    assert queues["FailedRequestQueue"]["MessageRetentionPeriod"] == 14 * 86400
    (target,) = RESOURCES["RequestRule"]["Properties"]["Targets"]
    assert (target["Arn"], target["DeadLetterConfig"]) == ({"Fn::GetAtt": ["RequestQueue", "Arn"]}, {"Arn": failed})
    assert alarm_on("RequestQueue")["MetricName"] == "ApproximateAgeOfOldestMessage"
    alarm = alarm_on("FailedRequestQueue")
    assert (alarm["MetricName"], alarm["Threshold"]) == ("ApproximateNumberOfMessagesVisible", 0)


def test_the_systems_own_events_are_no_requests() -> None:
    rule = RESOURCES["RequestRule"]["Properties"]
    assert rule["EventPattern"] == {"source": [{"anything-but": SOURCE}], "detail-type": ["Report Requested"]}
    assert rule["EventBusName"] == {"Ref": "EventBusName"}


def test_only_the_rule_may_send_to_the_request_queue() -> None:
    (statement,) = RESOURCES["RequestQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Allow", "sqs:SendMessage")
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["RequestRule", "Arn"]}}}


def test_batches_have_one_message_and_report_failures() -> None:
    for function, event in events("SQS"):
        assert event["BatchSize"] == 1, function
        assert event["FunctionResponseTypes"] == ["ReportBatchItemFailures"], function


@pytest.mark.parametrize(
    ("function", "name", "default"),
    [
        ("WorkerFunction", "WorkerConcurrency", 5),
        ("DeadLetterFunction", "DeadLetterConcurrency", 2),
        ("IntakeFunction", "IntakeConcurrency", 2),
        ("DeliveryFunction", "DeliveryConcurrency", 5),
    ],
)
def test_concurrency_of_queues_is_a_parameter(function: str, name: str, default: int) -> None:
    (event,) = [event for each, event in events("SQS") if each == function]
    assert event["ScalingConfig"] == {"MaximumConcurrency": {"Ref": name}}
    parameter = DOCUMENT["Parameters"][name]
    # Lambda's limits of ScalingConfig for an SQS event source.
    assert (parameter["Default"], parameter["MinValue"], parameter["MaxValue"]) == (default, 2, 1000)


@pytest.mark.parametrize(("function", "name"), [("ApiFunction", "Api"), ("WebhookFunction", "Webhook")])
def test_other_functions_may_have_reserved_concurrency(function: str, name: str) -> None:
    parameter = f"{name}Concurrency"
    reserved = {"Fn::If": [f"Reserves{name}", {"Ref": parameter}, {"Ref": "AWS::NoValue"}]}
    assert FUNCTION_PROPERTIES[function]["ReservedConcurrentExecutions"] == reserved
    assert DOCUMENT["Conditions"][f"Reserves{name}"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, 0]}]}
    assert DOCUMENT["Parameters"][parameter]["Default"] == 0


def test_every_function_with_database_connections_has_a_concurrency_limit() -> None:
    """The scheduler needs none, because it is only invoked once a minute."""
    limited = {function for function, event in events("SQS") if "ScalingConfig" in event}
    limited |= {name for name, each in FUNCTION_PROPERTIES.items() if "ReservedConcurrentExecutions" in each}
    assert FUNCTION_PROPERTIES.keys() - limited == {"SchedulerFunction"}


def test_the_api_answers_within_the_gateways_timeout() -> None:
    """API Gateway's timeout is 29 s. A worker has Lambda's maximum timeout."""
    assert timeout_seconds("ApiFunction") <= 30
    assert timeout_seconds("WorkerFunction") == 900


def test_a_scheduler_run_ends_before_the_next_one() -> None:
    for function, event in events("Schedule"):
        assert event["Schedule"] == "rate(1 minute)"
        assert timeout_seconds(function) <= 60, function


# ---------------------------------------------------------------- storage


def test_bucket_is_private_and_encrypted() -> None:
    (bucket,) = of_type("AWS::S3::Bucket").values()
    assert bucket["PublicAccessBlockConfiguration"] == {
        f"{verb}Public{what}": True for verb, what in (("Block", "Acls"), ("Block", "Policy"), ("Ignore", "Acls"))
    } | {"RestrictPublicBuckets": True}
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] in {"AES256", "aws:kms"}
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert RESOURCES["ReportBucket"]["DeletionPolicy"] == "Retain"


def test_bucket_rejects_plain_http() -> None:
    (policy,) = of_type("AWS::S3::BucketPolicy").values()
    (statement,) = policy["PolicyDocument"]["Statement"]
    arn = {"Fn::GetAtt": ["ReportBucket", "Arn"]}
    assert policy["Bucket"] == {"Ref": "ReportBucket"}
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Resource"] == [arn, {"Fn::Sub": "${ReportBucket.Arn}/*"}]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_bucket_deletes_unfinished_uploads_and_nothing_by_age() -> None:
    (bucket,) = of_type("AWS::S3::Bucket").values()
    rules = bucket["LifecycleConfiguration"]["Rules"]
    assert all(rule["Status"] == "Enabled" for rule in rules)
    merged: Json = {}
    for rule in rules:
        merged |= rule
    assert not any("Expiration" in key for key in merged), "it would delete held files"
    assert merged["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}


def test_queues_topics_and_tables_are_encrypted() -> None:
    for name, queue in of_type("AWS::SQS::Queue").items():
        assert queue["SqsManagedSseEnabled"] is True, name
    topics = of_type("AWS::SNS::Topic")
    # SES cannot publish to a topic that the AWS managed key of SNS encrypts.
    assert [name for name, topic in topics.items() if "KmsMasterKeyId" not in topic] == ["EmailFeedbackTopic"]
    assert all(table["SSESpecification"]["SSEEnabled"] for table in of_type("AWS::DynamoDB::Table").values())


def test_the_idempotency_table_has_the_schema_of_powertools() -> None:
    table = RESOURCES["IdempotencyTable"]["Properties"]
    assert table["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expiration", "Enabled": True}


# ---------------------------------------------------------------- alarms


def test_an_alarm_fires_for_a_dead_letter() -> None:
    """The metric counts rows, because most dead letters are recorded by a worker and never reach the queue."""
    alarm = of_type("AWS::CloudWatch::Alarm")["DeadLetterAlarm"]
    assert alarm["Dimensions"] == [{"Name": "Stage", "Value": {"Ref": "StageName"}}]
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == ("Resma", "ReportsDeadLettered", "Sum")
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 0)


def test_an_alarm_fires_for_a_waiting_job() -> None:
    """The metric is computed from rows, because the age of the queue's oldest message includes running jobs."""
    alarm = of_type("AWS::CloudWatch::Alarm")["OldestJobAlarm"]
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == ("Resma", "OldestWaitingSeconds", "Maximum")
    assert DOCUMENT["Parameters"][alarm["Threshold"]["Ref"]]["MinValue"] > 0


def test_alarms_notify_the_topic() -> None:
    for name, alarm in of_type("AWS::CloudWatch::Alarm").items():
        assert alarm["AlarmActions"] == {
            "Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]
        }, name
        # Missing data are normal, except for the alarm that detects a stopped scheduler.
        assert alarm["TreatMissingData"] == ("breaching" if name == "SchedulerStoppedAlarm" else "notBreaching"), name


# ---------------------------------------------------------------- policies


@pytest.mark.parametrize("function", SETTINGS)
def test_policies_name_actions_and_resources(function: str) -> None:
    """SAM also adds permissions for logs, traces, network interfaces and the event source."""
    for statement in statements(function):
        assert statement["Effect"] == "Allow"
        assert not any("*" in action for action in statement["Action"]), statement
        for resource in statement["Resource"]:
            assert resource not in ("*", {"Ref": "AWS::NoValue"}), statement
            text = resource.get("Fn::Sub", "")
            assert "*" not in text or text == "${ReportBucket.Arn}/*" or text.endswith(TENANT_SECRETS), statement


def test_functions_use_keys_of_tenants_only_through_the_store_and_only_if_they_are_listed() -> None:
    policies = of_type("AWS::IAM::Policy")
    assert all(RESOURCES[name]["Condition"] == "HasKmsKeys" for name in policies)
    allowed: dict[str, set[str]] = {}
    for policy in policies.values():
        (statement,) = policy["PolicyDocument"]["Statement"]
        assert statement["Resource"] == {"Ref": "KmsKeyArns"}
        assert statement["Condition"] == {
            "StringEquals": {"kms:ViaService": {"Fn::Sub": "s3.${AWS::Region}.${AWS::URLSuffix}"}}
        }
        actions = {statement["Action"]} if isinstance(statement["Action"], str) else set(statement["Action"])
        allowed |= {role["Ref"]: actions for role in policy["Roles"]}
    writes, reads = {"kms:GenerateDataKey", "kms:Decrypt"}, {"kms:Decrypt"}
    readers = ("ApiFunctionRole", "WebhookFunctionRole", "DeliveryFunctionRole")
    assert allowed == {"WorkerFunctionRole": writes} | dict.fromkeys(readers, reads)


@pytest.mark.parametrize("function", SETTINGS)
def test_policies_allow_exactly_the_calls_of_the_code(function: str) -> None:
    allowed = {action for statement in statements(function) for action in statement["Action"]}
    if {"Ref": f"{function}Role"} in RESOURCES["EncryptFilesPolicy"]["Properties"]["Roles"]:
        allowed |= KMS_ACTIONS
    assert allowed == needed_actions(function)


@pytest.mark.parametrize("function", SETTINGS)
def test_policies_allow_exactly_the_resources_of_the_settings(function: str) -> None:
    """A function may use a resource if and only if its environment names it."""
    variables = {**DEFAULTS["Environment"]["Variables"], **FUNCTION_PROPERTIES[function]["Environment"]["Variables"]}
    named = {name for name in RESOURCES | DOCUMENT["Parameters"] if {"Ref": name} in variables.values()}
    choices = [value for value in variables.values() if isinstance(value, dict) and "Fn::If" in value]
    named |= {
        name
        for value in choices
        for choice in value["Fn::If"][1:]
        if isinstance(choice, dict)
        for name in names_in(choice)
    }
    named &= {*of_type("AWS::S3::Bucket"), *of_type("AWS::SQS::Queue"), *of_type("AWS::SNS::Topic")} | {
        *of_type("AWS::DynamoDB::Table"),
        *of_type("AWS::SecretsManager::Secret"),
        *(name for name in DOCUMENT["Parameters"] if name.endswith("SecretArn") or name == "EventBusName"),
    }
    reached = {name for s in statements(function) for resource in s["Resource"] for name in names_in(resource)}
    if function == "DeliveryFunction":
        assert reached >= DESTINATION_PARAMETERS
        # The name of the stage is part of names of secrets. SES finds the identity by the sender.
        reached -= DESTINATION_PARAMETERS | {"StageName", "EmailIdentity"}
    if function == "WorkerFunction":
        reached -= {"StageName"}  # as above, for keys that sign files
    assert reached - {"AWS::NoValue"} == named


def names_in(value: Any) -> set[str]:
    """Returns the resources and parameters in an expression."""
    match value:
        case {"Ref": name}:
            return {name}
        case {"Fn::GetAtt": [name, _]}:
            return {name}
        case {"Fn::Sub": text}:
            return {name for name in re.findall(r"\$\{([\w:]+)", text) if not name.startswith("AWS::")}
        case {"Fn::If": [_, *choices]}:
            return {name for choice in choices for name in names_in(choice)}
    raise AssertionError(f"Unknown expression: {value}")


def needed_actions(function: str) -> set[str]:
    """Returns the IAM actions of every client call that a handler can reach."""
    actions = set()
    for name, nodes in reached_from(FUNCTION_PROPERTIES[function]["Handler"].rpartition(".")[0]):
        for node in nodes:
            if isinstance(node, ast.Attribute) and node.attr in client_methods():
                assert node.attr in ACTION_OF, f"{name} calls {node.attr}. Add its action to ACTION_OF."
                actions.add(ACTION_OF[node.attr])
            if isinstance(node, ast.Constant) and node.value == "SSEKMSKeyId":
                actions |= KMS_ACTIONS
            if isinstance(node, ast.Name) and node.id == PERSISTENCE_LAYER:
                actions |= PERSISTENCE_ACTIONS
    return actions


@cache
def client_methods() -> frozenset[str]:
    """Returns the names of all methods of the clients that resma.aws creates."""
    services = {
        str(cast("ast.Constant", node.args[0]).value)
        for module in CLIENT_MODULES
        for node in ast.walk(parsed(module))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "client"
    }
    assert services == {"dynamodb", "events", "s3", "secretsmanager", "ses", "sns", "sqs", "sts"}
    session = Session()
    operations = (o for service in services for o in session.get_service_model(service).operation_names)
    methods = {xform_name(operation) for operation in operations}
    # Methods that boto3 adds to a client of S3.
    methods |= {"generate_presigned_url", "generate_presigned_post", "upload_file", "upload_fileobj", "download_file"}
    methods |= {"download_fileobj", "get_paginator"}
    # Other objects have attributes of these names: `copy` of S3, which boto3 adds too, and `query` of DynamoDB.
    return frozenset(methods - {"copy", "query"})


CLIENT_MODULES = ("resma.aws.clients", "resma.aws.s3_access")


def test_clients_are_created_in_two_modules() -> None:
    """Otherwise the search for client calls would be incomplete."""
    users = [
        path.relative_to(FUNCTIONS).as_posix()
        for path in FUNCTIONS.rglob("*.py")
        if any(
            (isinstance(node, ast.Import) and any(alias.name.startswith("boto3") for alias in node.names))
            or (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("boto3"))
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        )
    ]
    assert sorted(users) == [f"{module.replace('.', '/')}.py" for module in CLIENT_MODULES]


@cache
def parsed(module: str) -> ast.Module:
    """Returns a module's syntax tree."""
    path = FUNCTIONS / module.replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(file.read_text(encoding="utf-8") if file.exists() else "")


def reached_from(module: str) -> Iterator[tuple[str, list[ast.AST]]]:
    """Yields the code that a handler can run, with its name: functions and classes whose names are used, transitively.

    Classes are included as a whole, and so is the top-level code of each module, which runs on import.
    """
    yield module, list(ast.walk(parsed(module)))
    waiting = [*named_in(module, parsed(module))]
    seen: set[tuple[str, str]] = set()
    while waiting:
        definition = waiting.pop()
        if definition not in seen:
            seen.add(definition)
            nodes = list(code_of(*definition))
            yield ".".join(definition), nodes
            for node in nodes:
                waiting += named_in(definition[0], node)


def code_of(module: str, name: str) -> Iterator[ast.AST]:
    """Yields the code of a definition and the top-level code of its module; the whole module if the name is "*"."""
    for statement in parsed(module).body:
        if not isinstance(statement, ast.FunctionDef | ast.ClassDef) or name in {"*", statement.name}:
            yield from ast.walk(statement)


def named_in(module: str, code: ast.AST) -> Iterator[tuple[str, str]]:
    """Yields the definitions in our modules whose names the code uses."""
    known = definitions(module)
    for node in ast.walk(code):
        if isinstance(node, ast.Name) and node.id in known:
            yield known[node.id]


@cache
def definitions(module: str) -> dict[str, tuple[str, str]]:
    """Returns the module and the name of each definition that a module contains or imports from our modules."""
    known = {}
    for node in ast.walk(parsed(module)):
        if isinstance(node, ast.Import):
            assert not any(is_ours(alias.name) for alias in node.names), f"{module}: import names from our modules"
        elif isinstance(node, ast.ImportFrom) and node.module and is_ours(node.module):
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                # A router runs all functions that its module registers.
                name = "*" if alias.name == "router" else alias.name
                known[alias.asname or alias.name] = (submodule, "*") if is_ours(submodule) else (node.module, name)
    for statement in parsed(module).body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            known[statement.name] = (module, statement.name)
    return known


def is_ours(module: str) -> bool:
    """Returns whether a module is in functions/."""
    path = FUNCTIONS / module.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").exists()


def alarm_on(queue: str) -> Json:
    (alarm,) = [
        alarm
        for alarm in of_type("AWS::CloudWatch::Alarm").values()
        if alarm.get("Dimensions") == [{"Name": "QueueName", "Value": {"Fn::GetAtt": [queue, "QueueName"]}}]
    ]
    return alarm
