"""Tools of an operator: logs and traces of a report by its id, metrics, and alarms."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.local.logs import LogLine, LogReader, Selection
from infra.paths import ROOT, TEMPLATE
from infra.template import read_template
from tests.support.client import Client, Json
from tests.support.embedded_metrics import Measured, read_metrics, total_of
from tests.support.eventually import eventually
from tests.support.fault_proxy import Fault
from tests.support.local_stack import ALARM_TOPIC, STACK, Faults
from tests.support.trace_receiver import TraceReceiver
from tests.support.webhook_receiver import WebhookReceiver

NONE = {"from": "2030-01-01"}
FUNCTIONS = {"api", "worker", "webhook", "scheduler"}
STAGE = {"Stage": "local"}


@pytest.fixture(scope="module")
def report(client: Client, webhooks: WebhookReceiver) -> Json:
    """A report for which all four functions have run: requested, generated, notified, and swept."""
    report_id = client.request_report("CSV", NONE, callbackUrl=webhooks.customer("operate"))
    ready = client.wait_for_status(report_id, "READY")
    webhooks.wait_for_webhooks("operate")
    client.sql("UPDATE resma.reports SET finished_at = finished_at - interval '1 hour' WHERE report_id = %s", report_id)
    eventually("the scheduler has swept it", lambda: _swept(client, report_id))
    return ready


def _swept(client: Client, report_id: str) -> bool:
    client.invoke_function("SchedulerFunction")
    return client.row(report_id)["swept_at"] is not None


def log_lines(client: Client) -> list[str]:
    """Returns every line that the functions have logged."""
    paths = sorted((client.stack.folder / "logs").glob("*.log"))
    return [line for path in paths for line in path.read_text("utf-8", "replace").splitlines()]


def read_logs(client: Client, report_id: str) -> list[LogLine]:
    """Returns the log lines about a report in chronological order."""
    return LogReader(client.stack.folder / "logs", Selection(report=report_id)).read()


def measured(client: Client) -> list[Measured]:
    """Returns every metric in the functions' logs."""
    return read_metrics("\n".join(log_lines(client)))


# ---------------------------------------------------------------- logs and traces


def test_the_logs_of_all_functions_follow_a_report(client: Client, report: Json) -> None:
    def services() -> set[str]:
        return {line.service for line in read_logs(client, report["id"])}

    eventually("all four functions have logged the report", lambda: services() >= FUNCTIONS)
    messages = [line.message for line in read_logs(client, report["id"])]
    path = ["a report was requested", "an attempt begins", "the report is ready", "a report has ended", "swept"]
    assert [message for message in messages if message in path] == path, "in chronological order"
    assert "a webhook attempt was made" in messages


def test_every_line_about_a_report_has_its_id_under_one_name(client: Client, report: Json) -> None:
    about = [line for line in log_lines(client) if report["id"] in line]
    assert len(about) >= 7
    for line in about:
        record = json.loads(line)
        assert record["report_id"] == report["id"], line
        assert record["tenant_id"] == "demo", line
        if "_aws" not in record:
            assert re.fullmatch(r"1-[0-9a-f]{8}-[0-9a-f]{24}", record["xray_trace_id"]), line
        if record["service"] == "worker":
            assert record["attempt"] == 1, line


def test_the_runbooks_query_uses_fields_that_log_lines_have(client: Client) -> None:
    """The report's webhook cannot be delivered, so that the query also finds an error."""
    report_id = client.request_report("CSV", NONE, callbackUrl="http://127.0.0.1:1/nobody")

    def records() -> list[Json]:
        return [json.loads(line) for line in log_lines(client) if report_id in line]

    eventually("the webhook was tried", lambda: any("error" in record for record in records()))
    text = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8").split("## Follow a report")[1]
    query = re.search(r"^    fields (.*)\n    \| filter (\w+) =", text, re.MULTILINE)
    assert query is not None
    logged = {name for record in records() for name in record}
    fields = set(query[1].split(", "))
    assert fields - logged == {"@timestamp"}, "CloudWatch adds this field"
    assert query[2] == "report_id"


def test_one_command_prints_what_was_logged_about_a_report(client: Client, report: Json) -> None:
    """This is the command that `REPORT=… make logs` runs."""
    environment = {**os.environ, "PYTHONPATH": "infra/cli", "RESMA_STACK": STACK, "REPORT": report["id"]}
    command = [sys.executable, "-m", "resma_cli", "logs"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert "the report is ready" in done.stdout
    assert done.stdout.splitlines() == sorted(done.stdout.splitlines(), key=lambda line: line[:12])
    for value, message in (
        ("nonsense", "is not a report's id"),
        ("0199f1c2-7b1e-7c3a-9f57-2b8f6a4d9e10", "No log line matches"),
    ):
        refused = subprocess.run(
            command, cwd=ROOT, env={**environment, "REPORT": value}, capture_output=True, text=True, check=False
        )
        assert (refused.returncode, message in refused.stderr) == (1, True), refused.stderr


def test_traces_are_searched_by_report(client: Client, report: Json, traces: TraceReceiver) -> None:
    names = {"request report", "generate report", "deliver webhook"}
    eventually("the report's traces have arrived", lambda: traces.of_report(report["id"]).keys() >= names)
    made = traces.of_report(report["id"])["generate report"]
    assert made["annotations"] == {"report_id": report["id"], "report_type": "TRANSACTIONS", "attempt": 1}
    assert (made["type"], made["fault"]) == ("subsegment", False)
    assert made["end_time"] - made["start_time"] >= report["metrics"]["seconds"]["generate"]
    logged = next(
        record
        for record in map(json.loads, (line for line in log_lines(client) if report["id"] in line))
        if record.get("message") == "the report is ready"
    )
    assert made["trace_id"] == logged["xray_trace_id"], "the line has the id of its trace"


# ---------------------------------------------------------------- metrics and alarms


def test_the_functions_logs_hold_metrics_that_cloudwatch_reads(client: Client, report: Json) -> None:
    found = measured(client)
    assert {each.namespace for each in found} == {"Resma"}
    assert {each.dimensions[0] for each in found} == {("Stage", "local")}
    by_service = {service: {each.name for each in found if each.line["service"] == service} for service in FUNCTIONS}
    assert "ReportsRequested" in by_service["api"]
    assert {"ReportsReady", "GenerateSeconds", "CostUsd", "PeakRssMb"} <= by_service["worker"]
    assert {"WebhooksDelivered", "WebhookSeconds"} <= by_service["webhook"]
    assert {"OldestWaitingSeconds", "ReportsWaiting", "JobsRequeued"} <= by_service["scheduler"]
    own = [each for each in found if each.line.get("report_id") == report["id"]]
    assert total_of(own, "ReportsReady", **STAGE, ReportType="TRANSACTIONS") == 1
    assert total_of(own, "CostUsd", **STAGE) == pytest.approx(float(report["metrics"]["costUsd"]["total"]))


@pytest.fixture
def alarm_queue(client: Client) -> Iterator[str]:
    """The URL of a queue that is subscribed to the topic of the alarms."""
    sqs, sns = client.aws("sqs"), client.aws("sns")
    assert sns.create_topic(Name=ALARM_TOPIC.rpartition(":")[2])["TopicArn"] == ALARM_TOPIC
    url = sqs.create_queue(QueueName="test-alarms")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=ALARM_TOPIC, Protocol="sqs", Endpoint=arn)
    # An alarm notifies when its state changes, and an earlier test may have left its cause behind.
    for name in ("DeadLetterAlarm", "OldestJobAlarm"):
        alarm = find_alarm(client, name)["AlarmName"]
        client.aws("cloudwatch").set_alarm_state(AlarmName=alarm, StateValue="OK", StateReason="a test starts")
    yield url
    sns.delete_topic(TopicArn=ALARM_TOPIC)
    sqs.delete_queue(QueueUrl=url)


def find_alarm(client: Client, logical_name: str) -> Any:
    """Returns a deployed alarm by its logical name in the template."""
    alarms = client.aws("cloudwatch").describe_alarms(AlarmNamePrefix=f"resma-local-{logical_name}-")["MetricAlarms"]
    (alarm,) = alarms
    return alarm


def evaluate_alarm(client: Client, logical_name: str) -> str:
    """Makes LocalStack evaluate an alarm at once, by putting the same alarm again; returns its state."""
    properties = (
        *("AlarmName", "AlarmDescription", "Namespace", "MetricName", "Dimensions", "Statistic", "Period"),
        *("EvaluationPeriods", "Threshold", "ComparisonOperator", "TreatMissingData", "AlarmActions"),
    )
    alarm = find_alarm(client, logical_name)
    if alarm["StateValue"] != "ALARM":
        client.aws("cloudwatch").put_metric_alarm(**{name: alarm[name] for name in properties})
    return str(find_alarm(client, logical_name)["StateValue"])


def receive_alarms(client: Client, queue: str) -> set[str]:
    """Receives the notifications in the queue; returns the descriptions of the alarms that fire."""
    messages = client.aws("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    notifications = [json.loads(json.loads(message["Body"])["Message"]) for message in messages]
    return {each["AlarmDescription"] for each in notifications if each["NewStateValue"] == "ALARM"}


def publish(client: Client, found: list[Measured], minutes: int) -> None:
    """Puts metrics as CloudWatch Logs does from log lines, with the same values for a number of minutes.

    LocalStack does not create metrics from log lines.
    """
    now = datetime.now(UTC)
    for each in found:
        client.aws("cloudwatch").put_metric_data(
            Namespace=each.namespace,
            MetricData=[
                {
                    "MetricName": each.name,
                    "Dimensions": [{"Name": name, "Value": value} for name, value in each.dimensions],
                    "Timestamp": now - timedelta(minutes=minute),
                    "Values": list(each.values),
                    "Unit": each.unit,
                }
                for minute in range(minutes)
            ],
        )


def test_a_dead_letter_fires_an_alarm_that_notifies(client: Client, faults: Faults, alarm_queue: str) -> None:
    """Covers the deployed path from a report's last attempt to the notification of the operator."""
    client.wait_for_empty_queues()
    with faults.sqs.failing(Fault("refuse")):
        report_id = client.request_report("CSV", NONE)
        client.sql("UPDATE resma.reports SET attempt = attempts_allowed WHERE report_id = %s", report_id)
    client.send_job_again(report_id)
    client.wait_for_status(report_id, "FAILED")
    last = eventually("it is counted", lambda: [m for m in measured(client) if m.name == "ReportsDeadLettered"])[-1]
    publish(client, [last], minutes=1)
    eventually("the alarm fires", lambda: evaluate_alarm(client, "DeadLetterAlarm") == "ALARM")
    (description,) = eventually("the notification has arrived", lambda: receive_alarms(client, alarm_queue))
    assert description.endswith("Runbook: docs/operate.md#deadletteralarm")


def test_a_report_that_no_worker_claims_fires_an_alarm(client: Client, alarm_queue: str) -> None:
    """The report stays PENDING, since its message is lost."""
    report_id = client.request_report("CSV", NONE)
    client.wait_for_status(report_id, "READY")
    client.sql(
        "UPDATE resma.reports SET status = 'PENDING', created_at = now() - interval '1 hour', started_at = NULL,"
        " finished_at = NULL, enqueued_at = now(), swept_at = NULL WHERE report_id = %s",
        report_id,
    )
    try:
        client.invoke_function("SchedulerFunction")

        def late() -> list[Measured]:
            return [each for each in measured(client) if each.name == "OldestWaitingSeconds" and each.values[0] > 3500]

        last = eventually("the scheduler has measured it", late)[-1]
        assert find_alarm(client, "OldestJobAlarm")["StateValue"] != "ALARM"
        publish(client, [last], minutes=6)
        eventually("the alarm fires", lambda: evaluate_alarm(client, "OldestJobAlarm") == "ALARM")
        assert any(
            "#oldestjobalarm" in each
            for each in eventually("the notification has arrived", lambda: receive_alarms(client, alarm_queue))
        )
    finally:
        client.sql("DELETE FROM resma.reports WHERE report_id = %s", report_id)


def test_the_alarms_are_deployed_as_the_template_defines_them(client: Client) -> None:
    """LocalStack ignores unknown properties; it stores metric math and percentiles but does not evaluate them."""
    alarms = client.aws("cloudwatch").describe_alarms()["MetricAlarms"]
    written = [r for r in read_template(TEMPLATE)["Resources"].values() if r["Type"] == "AWS::CloudWatch::Alarm"]
    assert len(alarms) == len(written)
    for alarm in alarms:
        assert alarm["AlarmActions"] == [ALARM_TOPIC], alarm["AlarmName"]
    shares = {
        alarm["AlarmName"].split("-")[2]: next(part for part in alarm["Metrics"] if "Expression" in part)["Expression"]
        for alarm in alarms
        if alarm.get("Metrics")
    }
    assert shares == {
        "FailureRateAlarm": "IF(failed >= 3, 100 * failed / (failed + ready), 0)",
        "WebhookFailureAlarm": "IF(failed + delivered >= 10, 100 * failed / (failed + delivered), 0)",
    }
    assert find_alarm(client, "SlowReportAlarm")["ExtendedStatistic"] == "p95"
