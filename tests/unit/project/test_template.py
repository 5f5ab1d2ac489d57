"""template.yaml against the code that runs in it, and against what LocalStack does not enforce: policies, limits."""

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

DOCUMENT = read_template(TEMPLATE)
RESOURCES: dict[str, Json] = DOCUMENT["Resources"]
DEFAULTS: Json = DOCUMENT["Globals"]["Function"]

SETTINGS: dict[str, type[Settings]] = {
    "ApiFunction": ApiSettings,
    "IntakeFunction": IntakeSettings,
    "WorkerFunction": WorkerSettings,
    "DeadLetterFunction": DeadLetterSettings,
    "WebhookFunction": WebhookSettings,
    "SchedulerFunction": SchedulerSettings,
}

FLOW = [
    *("Api", "ApiFunction", "RequestRule", "RequestQueue", "FailedRequestQueue", "IntakeFunction"),
    *("JobQueue", "DeadLetterQueue", "WorkerFunction", "IdempotencyTable", "DeadLetterFunction"),
    *("ReportBucket", "ReportBucketPolicy", "EventTopic", "WebhookFunction", "SchedulerFunction"),
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
    # What a role must be allowed for each method of a boto3 client that the functions call.
    "get_secret_value": "secretsmanager:GetSecretValue",
    "send_message": "sqs:SendMessage",
    "change_message_visibility": "sqs:ChangeMessageVisibility",
    "publish": "sns:Publish",
    "put_events": "events:PutEvents",
    "generate_presigned_url": "s3:GetObject",  # signs get_object; whoever holds the address has the signer's rights
    "head_object": "s3:GetObject",  # S3 has no action of its own for it
    "get_object": "s3:GetObject",
    "put_object": "s3:PutObject",
    "create_multipart_upload": "s3:PutObject",
    "upload_part_copy": "s3:PutObject",  # and s3:GetObject of what is copied
    "upload_part": "s3:PutObject",
    "complete_multipart_upload": "s3:PutObject",
    "abort_multipart_upload": "s3:AbortMultipartUpload",
    "list_multipart_uploads": "s3:ListBucketMultipartUploads",
    "delete_object": "s3:DeleteObject",
    "list_objects_v2": "s3:ListBucket",
}

# Powertools makes its own calls behind this name (docs.aws.amazon.com/powertools/python, Idempotency, IAM Permissions).
PERSISTENCE_LAYER = "DynamoDBPersistenceLayer"
# No GetItem: where a put is refused, DynamoDB hands over the item that was in the way.
PERSISTENCE_ACTIONS = {f"dynamodb:{verb}Item" for verb in ("Put", "Update", "Delete")}


def of_type(kind: str) -> dict[str, Json]:
    """Properties of all resources of a type."""
    return {name: r.get("Properties", {}) for name, r in RESOURCES.items() if r["Type"] == kind}


FUNCTION_PROPERTIES = of_type("AWS::Serverless::Function")


def statements(function: str) -> list[Json]:
    """The statements of a function's policies, lists wherever IAM takes one or many."""
    found = []
    for policy in FUNCTION_PROPERTIES[function]["Policies"]:
        assert isinstance(policy, dict), f"{function}: {policy} gives more than is needed: write statements"
        for statement in policy["Statement"]:
            many = {
                key: value if isinstance(value, list) else [value]
                for key, value in statement.items()
                if key in {"Action", "Resource"}
            }
            found.append({**statement, **many})
    return found


def timeout_seconds(function: str) -> int:
    """A function's own time-out, or that of all; the longest, where it is a parameter."""
    seconds = {**DEFAULTS, **FUNCTION_PROPERTIES[function]}["Timeout"]
    return int(DOCUMENT["Parameters"][seconds["Ref"]]["MaxValue"] if isinstance(seconds, dict) else seconds)


def events(kind: str) -> Iterator[tuple[str, Json]]:
    """Each event source of a kind, with its function's name."""
    for name, properties in FUNCTION_PROPERTIES.items():
        for event in properties.get("Events", {}).values():
            if event["Type"] == kind:
                yield name, event["Properties"]


# ---------------------------------------------------------------- the template as such


WITH_FUNCTIONS = [path for path in (TEMPLATE, *EXAMPLES.values()) if "Runtime: " in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("template", [TEMPLATE, *EXAMPLES.values()], ids=lambda path: path.name)
def test_cfn_lint_finds_nothing(template: Path) -> None:
    done = lint(template, "--include-checks", "I")
    assert done.returncode == 0, done.stdout + done.stderr


def lint(template: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Runs cfn-lint as `make` does, with `.cfnlintrc`."""
    command = [str(Path(sys.executable).with_name("cfn-lint")), *options, "--", str(template)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("template", WITH_FUNCTIONS, ids=lambda path: path.name)
def test_the_end_of_a_runtime_is_found_by_make_audit_and_not_by_make_check(template: Path, tmp_path: Path) -> None:
    """It comes with a date, and `make check` does not depend on the date."""
    ended = tmp_path / template.name
    text = template.read_text(encoding="utf-8")
    ended.write_text(text.replace("python3.13", "python3.6"), encoding="utf-8")
    assert lint(ended).stdout == ""
    (message,) = find_ended_runtimes(ended)
    assert "'python3.6' was deprecated" in message
    assert "-m infra.checks.dependencies runtimes\n" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_resources_stand_in_the_order_of_the_flow() -> None:
    assert [name for name in RESOURCES if name in FLOW] == FLOW


def test_every_function_is_known_here() -> None:
    assert FUNCTION_PROPERTIES.keys() == SETTINGS.keys()


@pytest.mark.parametrize("function", SETTINGS)
def test_handler_exists(function: str) -> None:
    module, _, name = FUNCTION_PROPERTIES[function]["Handler"].rpartition(".")
    assert callable(getattr(importlib.import_module(module), name))


# ---------------------------------------------------------------- environment


@pytest.mark.parametrize("function", SETTINGS)
def test_variables_are_those_that_the_code_reads(function: str) -> None:
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
    assert read.keys() <= given.keys(), "a setting that nobody can set"
    assert given["POWERTOOLS_SERVICE_NAME"]


def test_no_other_stage_than_local_lets_a_machine_in_without_a_key() -> None:
    """The rule refuses the deployment; should a rule ever be passed over, the function is told of no tenant."""
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


def test_only_the_local_stage_can_open_loopback_to_webhooks() -> None:
    """The code refuses it elsewhere too (resma/settings.py); samconfig.toml asks for it there alone."""
    assert DOCUMENT["Parameters"]["WebhookAllowLoopback"]["Default"] == "false"
    is_local, is_asked_for = DOCUMENT["Conditions"]["OpensLoopback"]["Fn::And"]
    assert is_local == {"Condition": "IsLocal"}
    assert DOCUMENT["Conditions"]["IsLocal"] == {"Fn::Equals": [{"Ref": "StageName"}, "local"]}
    assert is_asked_for == {"Fn::Equals": [{"Ref": "WebhookAllowLoopback"}, "true"]}
    given = {
        name: properties["Environment"]["Variables"].get("WEBHOOK_ALLOW_LOOPBACK")
        for name, properties in FUNCTION_PROPERTIES.items()
    }
    only_there = {"Fn::If": ["OpensLoopback", "true", ""]}
    assert {name: value for name, value in given.items() if value is not None} == {
        "ApiFunction": only_there,
        "IntakeFunction": only_there,
        "WebhookFunction": only_there,
    }
    opened = [stage for stage in ("local", "dev", "prod") if "WebhookAllowLoopback" in read_stage(stage).parameters]
    assert opened == ["local"]


def test_private_networks_are_allowed_by_name_alone() -> None:
    """None by default, the same for whoever takes a URL and for whoever sends to it, and no stage of ours lists any."""
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


def test_no_statement_may_outlast_an_invocation() -> None:
    parameters = DOCUMENT["Parameters"]
    longest = parameters["WorkerTimeoutSeconds"]["MaxValue"] - MARGIN_SECONDS
    assert parameters["MaxStatementTimeoutSeconds"]["MaxValue"] == longest
    default = parameters["MaxStatementTimeoutSeconds"]["Default"]
    assert default == WorkerSettings.model_fields["max_statement_timeout_seconds"].default == longest
    assert Limits().statement_timeout_seconds <= default


def test_queue_gives_a_message_more_often_than_any_report_needs() -> None:
    """Attempts are counted in the row. What the queue gives up all the same goes to whoever revives it."""
    policy = of_type("AWS::SQS::Queue")["JobQueue"]["RedrivePolicy"]
    waits = DOCUMENT["Parameters"]["MaxOutageWaitSeconds"]["Default"] / MAX_WAIT_SECONDS
    assert policy["maxReceiveCount"] > MAX_ATTEMPTS + MAX_CONTINUATIONS + 2 * waits
    assert policy["deadLetterTargetArn"] == {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}


def sends_to(function: str) -> set[str]:
    """Queues, topics and buses that a function's role may send to."""
    sending = {"sqs:SendMessage", "sns:Publish", "events:PutEvents"}
    return {
        name
        for statement in statements(function)
        if sending & {*statement["Action"]}
        for resource in statement["Resource"]
        for name in names_in(resource)
    }


def passed_on() -> dict[str, set[str]]:
    """For each queue, topic and bus, and each function, what gets what was sent there; rules by their patterns."""
    onward: dict[str, set[str]] = {function: sends_to(function) for function in FUNCTION_PROPERTIES}
    for function, event in events("SQS"):
        onward.setdefault(event["Queue"]["Fn::GetAtt"][0], set()).add(function)
    for function, event in events("SNS"):
        onward.setdefault(event["Topic"]["Ref"], set()).add(function)
    for name, queue in of_type("AWS::SQS::Queue").items():
        if "RedrivePolicy" in queue:
            onward.setdefault(name, set()).add(queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0])
    for rule in of_type("AWS::Events::Rule").values():
        if {"anything-but": SOURCE} not in rule["EventPattern"].get("source", []):  # it takes what functions put
            targets = {target["Arn"]["Fn::GetAtt"][0] for target in rule["Targets"]}
            onward.setdefault(rule["EventBusName"]["Ref"], set()).update(targets)
    return onward


@pytest.mark.parametrize("function", SETTINGS)
def test_no_function_sends_to_what_invokes_it(function: str) -> None:
    """Lambda ends such chains after about 16 invocations, unless RecursiveLoop says Allow."""
    onward, seen = passed_on(), set[str]()
    waiting = [*onward[function]]
    while waiting:
        if (name := waiting.pop()) not in seen:
            seen.add(name)
            waiting += onward.get(name, ())
    is_allowed = FUNCTION_PROPERTIES[function].get("RecursiveLoop") == "Allow"
    assert (function in seen) == is_allowed, f"{function} reaches {seen}"


def test_the_ways_of_messages_are_seen() -> None:
    """What the test above looks through is there at all."""
    onward = passed_on()
    assert "JobQueue" in onward["ApiFunction"] & onward["SchedulerFunction"] & onward["IntakeFunction"]
    assert onward["JobQueue"] == {"WorkerFunction", "DeadLetterQueue"}
    assert onward["DeadLetterQueue"] == {"DeadLetterFunction"}
    assert onward["WorkerFunction"] == {"EventTopic", "EventBusName"}
    assert onward["EventTopic"] == {"WebhookFunction"}
    assert "EventBusName" not in onward


def test_dead_letters_outlive_the_queue() -> None:
    """A message keeps the time it was sent when it moves: the second queue must keep it longer than the first."""
    queues = of_type("AWS::SQS::Queue")
    assert queues["DeadLetterQueue"]["MessageRetentionPeriod"] > queues["JobQueue"]["MessageRetentionPeriod"]


def test_queues_hide_messages_for_six_time_outs() -> None:
    seen = set()
    for function, event in events("SQS"):
        queue = event["Queue"]["Fn::GetAtt"][0]
        seen.add(queue)
        timeout = timeout_seconds(function)
        assert RESOURCES[queue]["Properties"]["VisibilityTimeout"] >= 6 * timeout, queue
    assert seen | {"FailedRequestQueue"} == of_type("AWS::SQS::Queue").keys(), "a queue without a consumer"


def test_events_that_are_given_up_are_kept() -> None:
    """By the queue after as many tries as the code counts, or by EventBridge; each lies where an alarm looks."""
    queues = of_type("AWS::SQS::Queue")
    failed = {"Fn::GetAtt": ["FailedRequestQueue", "Arn"]}
    assert queues["RequestQueue"]["RedrivePolicy"] == {"deadLetterTargetArn": failed, "maxReceiveCount": MAX_RECEIVES}
    assert queues["FailedRequestQueue"]["MessageRetentionPeriod"] == 14 * 86400
    (target,) = RESOURCES["RequestRule"]["Properties"]["Targets"]
    assert (target["Arn"], target["DeadLetterConfig"]) == ({"Fn::GetAtt": ["RequestQueue", "Arn"]}, {"Arn": failed})
    assert alarm_on("RequestQueue")["MetricName"] == "ApproximateAgeOfOldestMessage"
    alarm = alarm_on("FailedRequestQueue")
    assert (alarm["MetricName"], alarm["Threshold"]) == ("ApproximateNumberOfMessagesVisible", 0)


def test_our_own_events_ask_for_nothing() -> None:
    rule = RESOURCES["RequestRule"]["Properties"]
    assert rule["EventPattern"] == {"source": [{"anything-but": SOURCE}], "detail-type": ["Report Requested"]}
    assert rule["EventBusName"] == {"Ref": "EventBusName"}


def test_only_the_rule_sends_to_the_queue_of_requests() -> None:
    (statement,) = RESOURCES["RequestQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Allow", "sqs:SendMessage")
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["RequestRule", "Arn"]}}}


def test_messages_are_handled_one_by_one_and_reported_back() -> None:
    for function, event in events("SQS"):
        assert event["BatchSize"] == 1, function
        assert event["FunctionResponseTypes"] == ["ReportBatchItemFailures"], function


@pytest.mark.parametrize(
    ("function", "name", "default"),
    [
        ("WorkerFunction", "WorkerConcurrency", 5),
        ("DeadLetterFunction", "DeadLetterConcurrency", 2),
        ("IntakeFunction", "IntakeConcurrency", 2),
    ],
)
def test_concurrency_of_queues_is_a_parameter(function: str, name: str, default: int) -> None:
    (event,) = [event for each, event in events("SQS") if each == function]
    assert event["ScalingConfig"] == {"MaximumConcurrency": {"Ref": name}}
    parameter = DOCUMENT["Parameters"][name]
    # The bounds are Lambda's (ScalingConfig of an SQS event source).
    assert (parameter["Default"], parameter["MinValue"], parameter["MaxValue"]) == (default, 2, 1000)


@pytest.mark.parametrize(("function", "name"), [("ApiFunction", "Api"), ("WebhookFunction", "Webhook")])
def test_other_functions_may_have_reserved_concurrency(function: str, name: str) -> None:
    parameter = f"{name}Concurrency"
    reserved = {"Fn::If": [f"Reserves{name}", {"Ref": parameter}, {"Ref": "AWS::NoValue"}]}
    assert FUNCTION_PROPERTIES[function]["ReservedConcurrentExecutions"] == reserved
    assert DOCUMENT["Conditions"][f"Reserves{name}"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, 0]}]}
    assert DOCUMENT["Parameters"][parameter]["Default"] == 0


def test_every_function_that_holds_a_connection_has_a_limit() -> None:
    """The scheduler is invoked once a minute, and by nothing else."""
    limited = {function for function, event in events("SQS") if "ScalingConfig" in event}
    limited |= {name for name, each in FUNCTION_PROPERTIES.items() if "ReservedConcurrentExecutions" in each}
    assert FUNCTION_PROPERTIES.keys() - limited == {"SchedulerFunction"}


def test_api_answers_before_the_gateway_gives_up() -> None:
    """API Gateway waits 29 s; a worker may take Lambda's longest time."""
    assert timeout_seconds("ApiFunction") <= 30
    assert timeout_seconds("WorkerFunction") == 900


def test_a_run_ends_before_the_next_one() -> None:
    for function, event in events("Schedule"):
        assert event["Schedule"] == "rate(1 minute)"
        assert timeout_seconds(function) <= 60, function


# ---------------------------------------------------------------- what is stored


def test_bucket_is_private_and_encrypted() -> None:
    (bucket,) = of_type("AWS::S3::Bucket").values()
    assert bucket["PublicAccessBlockConfiguration"] == {
        f"{verb}Public{what}": True for verb, what in (("Block", "Acls"), ("Block", "Policy"), ("Ignore", "Acls"))
    } | {"RestrictPublicBuckets": True}
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] in {"AES256", "aws:kms"}
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert RESOURCES["ReportBucket"]["DeletionPolicy"] == "Retain"


def test_bucket_takes_no_plain_http() -> None:
    (policy,) = of_type("AWS::S3::BucketPolicy").values()
    (statement,) = policy["PolicyDocument"]["Statement"]
    arn = {"Fn::GetAtt": ["ReportBucket", "Arn"]}
    assert policy["Bucket"] == {"Ref": "ReportBucket"}
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Resource"] == [arn, {"Fn::Sub": "${ReportBucket.Arn}/*"}]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_bucket_forgets_old_reports_and_unfinished_uploads() -> None:
    (bucket,) = of_type("AWS::S3::Bucket").values()
    rules = bucket["LifecycleConfiguration"]["Rules"]
    assert all(rule["Status"] == "Enabled" for rule in rules)
    merged: Json = {}
    for rule in rules:
        merged |= rule
    assert merged["ExpirationInDays"] == {"Ref": "RetentionDays"}
    assert merged["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}


def test_everything_else_is_encrypted_too() -> None:
    for name, queue in of_type("AWS::SQS::Queue").items():
        assert queue["SqsManagedSseEnabled"] is True, name
    assert all(topic["KmsMasterKeyId"] for topic in of_type("AWS::SNS::Topic").values())
    assert all(table["SSESpecification"]["SSEEnabled"] for table in of_type("AWS::DynamoDB::Table").values())


def test_idempotency_table_is_the_one_that_powertools_expects() -> None:
    table = RESOURCES["IdempotencyTable"]["Properties"]
    assert table["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expiration", "Enabled": True}


# ---------------------------------------------------------------- alarms


def test_a_dead_letter_rings() -> None:
    """By the rows: most dead letters are written down by their last worker, and never see the queue of that name."""
    alarm = of_type("AWS::CloudWatch::Alarm")["DeadLetterAlarm"]
    assert alarm["Dimensions"] == [{"Name": "Stage", "Value": {"Ref": "StageName"}}]
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == ("Resma", "ReportsDeadLettered", "Sum")
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 0)


def test_a_job_that_waits_rings() -> None:
    """By the rows: the queue's own age of its oldest message has those that are under way in it."""
    alarm = of_type("AWS::CloudWatch::Alarm")["OldestJobAlarm"]
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == ("Resma", "OldestWaitingSeconds", "Maximum")
    assert DOCUMENT["Parameters"][alarm["Threshold"]["Ref"]]["MinValue"] > 0


def test_alarms_reach_somebody() -> None:
    for name, alarm in of_type("AWS::CloudWatch::Alarm").items():
        assert alarm["AlarmActions"] == {
            "Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]
        }, name
        # Silence is well but where it is what rings.
        assert alarm["TreatMissingData"] == ("breaching" if name == "SchedulerStoppedAlarm" else "notBreaching"), name


# ---------------------------------------------------------------- policies


@pytest.mark.parametrize("function", SETTINGS)
def test_policies_name_actions_and_resources(function: str) -> None:
    """Beside these a role has what SAM adds: logs, traces, network interfaces, and reading its event source."""
    for statement in statements(function):
        assert statement["Effect"] == "Allow"
        assert not any("*" in action for action in statement["Action"]), statement
        for resource in statement["Resource"]:
            assert resource not in ("*", {"Ref": "AWS::NoValue"}), statement
            text = resource.get("Fn::Sub", "")
            assert "*" not in text or text == "${ReportBucket.Arn}/*", statement


@pytest.mark.parametrize("function", SETTINGS)
def test_policies_allow_what_the_code_calls_and_nothing_else(function: str) -> None:
    allowed = {action for statement in statements(function) for action in statement["Action"]}
    assert allowed == needed_actions(function)


@pytest.mark.parametrize("function", SETTINGS)
def test_policies_reach_what_the_settings_name(function: str) -> None:
    """A function that is told of a resource may use it; one that is not told may not."""
    variables = {**DEFAULTS["Environment"]["Variables"], **FUNCTION_PROPERTIES[function]["Environment"]["Variables"]}
    told = {name for name in RESOURCES | DOCUMENT["Parameters"] if {"Ref": name} in variables.values()}
    told &= {*of_type("AWS::S3::Bucket"), *of_type("AWS::SQS::Queue"), *of_type("AWS::SNS::Topic")} | {
        *of_type("AWS::DynamoDB::Table"),
        *(name for name in DOCUMENT["Parameters"] if name.endswith("SecretArn") or name == "EventBusName"),
    }
    reached = {name for s in statements(function) for resource in s["Resource"] for name in names_in(resource)}
    assert reached - {"AWS::NoValue"} == told


def names_in(value: Any) -> set[str]:
    """Resources and parameters that an expression names."""
    match value:
        case {"Ref": name}:
            return {name}
        case {"Fn::GetAtt": [name, _]}:
            return {name}
        case {"Fn::Sub": text}:
            return {name for name in re.findall(r"\$\{([\w:]+)", text) if not name.startswith("AWS::")}
        case {"Fn::If": [_, *choices]}:
            return {name for choice in choices for name in names_in(choice)}
    raise AssertionError(f"not understood: {value}")


def needed_actions(function: str) -> set[str]:
    """The actions behind every client call in what a handler reaches, by the names that it uses."""
    actions = set()
    for place, nodes in reached_from(FUNCTION_PROPERTIES[function]["Handler"].rpartition(".")[0]):
        for node in nodes:
            if isinstance(node, ast.Attribute) and node.attr in client_methods():
                assert node.attr in ACTION_OF, f"{place} calls {node.attr}: say in ACTION_OF which action it needs"
                actions.add(ACTION_OF[node.attr])
            if isinstance(node, ast.Name) and node.id == PERSISTENCE_LAYER:
                actions |= PERSISTENCE_ACTIONS
    return actions


@cache
def client_methods() -> frozenset[str]:
    """Names of all methods of the clients that resma.aws makes."""
    made = {
        str(cast("ast.Constant", node.args[0]).value)
        for node in ast.walk(parsed("resma.aws.clients"))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "client"
    }
    assert made == {"events", "s3", "secretsmanager", "sns", "sqs"}
    session = Session()
    operations = (o for service in made for o in session.get_service_model(service).operation_names)
    # What boto3 adds to a client of S3; `copy` is left out, for many things are copied.
    added = {"generate_presigned_url", "generate_presigned_post", "upload_file", "upload_fileobj", "download_file"}
    return frozenset(xform_name(operation) for operation in operations) | added | {"download_fileobj", "get_paginator"}


def test_clients_are_made_in_one_place() -> None:
    """Else the scan above would not see what a client made elsewhere can do."""
    users = [
        path.relative_to(FUNCTIONS).as_posix()
        for path in FUNCTIONS.rglob("*.py")
        if any(
            (isinstance(node, ast.Import) and any(alias.name.startswith("boto3") for alias in node.names))
            or (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("boto3"))
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        )
    ]
    assert users == ["resma/aws/clients.py"]


@cache
def parsed(module: str) -> ast.Module:
    """A module's syntax tree."""
    path = FUNCTIONS / module.replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(file.read_text(encoding="utf-8") if file.exists() else "")


def reached_from(module: str) -> Iterator[tuple[str, list[ast.AST]]]:
    """Everything that a handler's module can run: itself, and each function and class whose name is used on the way.

    A class counts whole, with the code at the top of each module, which importing it runs.
    """
    yield module, list(ast.walk(parsed(module)))
    waiting = [*named_in(module, parsed(module))]
    seen: set[tuple[str, str]] = set()
    while waiting:
        place = waiting.pop()
        if place not in seen:
            seen.add(place)
            nodes = list(code_of(*place))
            yield ".".join(place), nodes
            for node in nodes:
                waiting += named_in(place[0], node)


def code_of(module: str, name: str) -> Iterator[ast.AST]:
    """A definition's code, and that at the top of its module; with "*" for a name, the whole module's."""
    for statement in parsed(module).body:
        if not isinstance(statement, ast.FunctionDef | ast.ClassDef) or name in {"*", statement.name}:
            yield from ast.walk(statement)


def named_in(module: str, code: ast.AST) -> Iterator[tuple[str, str]]:
    """Where the names that code uses are defined, of our own modules."""
    known = definitions(module)
    for node in ast.walk(code):
        if isinstance(node, ast.Name) and node.id in known:
            yield known[node.id]


@cache
def definitions(module: str) -> dict[str, tuple[str, str]]:
    """For each name that a module defines or imports from another of ours: in which module it is what."""
    known = {}
    for node in ast.walk(parsed(module)):
        if isinstance(node, ast.Import):
            assert not any(is_ours(alias.name) for alias in node.names), f"{module}: import names from our modules"
        elif isinstance(node, ast.ImportFrom) and node.module and is_ours(node.module):
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                # A router runs all that its module registers with it.
                name = "*" if alias.name == "router" else alias.name
                known[alias.asname or alias.name] = (submodule, "*") if is_ours(submodule) else (node.module, name)
    for statement in parsed(module).body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            known[statement.name] = (module, statement.name)
    return known


def is_ours(module: str) -> bool:
    """Whether a module lies in functions/."""
    path = FUNCTIONS / module.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").exists()


def alarm_on(queue: str) -> Json:
    (alarm,) = [
        alarm
        for alarm in of_type("AWS::CloudWatch::Alarm").values()
        if alarm.get("Dimensions") == [{"Name": "QueueName", "Value": {"Fn::GetAtt": [queue, "QueueName"]}}]
    ]
    return alarm
