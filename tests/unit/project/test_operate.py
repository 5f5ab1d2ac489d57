"""Alarms, dashboard and runbook agree with each other, and refer only to emitted metrics."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from botocore import xform_name
from botocore.session import Session

from infra.paths import FUNCTIONS, ROOT, TEMPLATE
from infra.template import read_template
from resma.aws.metrics import NAMESPACE, Metric

Json = dict[str, Any]

DOCUMENT = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
TEMPLATE_DOCUMENT = read_template(TEMPLATE)
RESOURCES: dict[str, Json] = TEMPLATE_DOCUMENT["Resources"]
ALARMS: dict[str, Json] = {
    name: resource["Properties"] for name, resource in RESOURCES.items() if resource["Type"] == "AWS::CloudWatch::Alarm"
}

AWS_METRICS = {
    # CloudWatch metrics of each service, by the page of its developer guide that lists them.
    "AWS/Lambda": ("FunctionName", {"Invocations", "Errors", "Throttles", "Duration", "ConcurrentExecutions"}),
    "AWS/SQS": (
        "QueueName",
        {
            "ApproximateAgeOfOldestMessage",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesVisible",
            "NumberOfMessagesReceived",
        },
    ),
    "AWS/ApiGateway": ("ApiName Stage", {"Count", "4XXError", "5XXError", "Latency"}),
}
"""Dimensions and used metrics of each namespace."""

MetricId = tuple[str, str, str]
"""A metric: its namespace, its name, and the names of its dimensions."""


def metrics_of_alarm(alarm: Json) -> Iterator[MetricId]:
    """Yields every metric of an alarm."""
    stats = [part["MetricStat"]["Metric"] for part in alarm.get("Metrics", []) if "MetricStat" in part]
    for metric in stats or [alarm]:
        yield metric["Namespace"], metric["MetricName"], " ".join(d["Name"] for d in metric["Dimensions"])


def widgets() -> list[Json]:
    """Returns the widgets of the dashboard, with CloudFormation's placeholders."""
    body: str = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    # This placeholder is a number.
    result: list[Json] = json.loads(body.replace("${WorkerMemoryMb}", "1792"))["widgets"]
    return result


def metrics_of_widget(widget: Json) -> Iterator[MetricId]:
    """Yields every metric of a widget."""
    for row in widget["properties"].get("metrics", []):
        if isinstance(row[0], str):
            texts = [item for item in row if isinstance(item, str)]
            yield texts[0], texts[1], " ".join(texts[2::2])
        elif searched := re.search(r"SEARCH\('\{(\w+),([\w,]+)\} MetricName=\"(\w+)\"", row[0]["expression"]):
            yield searched[1], searched[3], searched[2].replace(",", " ")


def require_measured(metric: MetricId) -> None:
    """Asserts that the metric is emitted with these dimensions."""
    namespace, name, dimensions = metric
    if namespace == NAMESPACE:
        assert name in set(Metric), name
        assert dimensions in {"Stage", "Stage ReportType"}
    else:
        assert (dimensions, name) in {(AWS_METRICS[namespace][0], known) for known in AWS_METRICS[namespace][1]}


# ---------------------------------------------------------------- alarms and their runbook


def test_every_alarm_has_an_entry_and_every_entry_an_alarm() -> None:
    assert set(re.findall(r"^### (\w+)$", DOCUMENT, re.MULTILINE)) == ALARMS.keys()
    assert len(ALARMS) >= 10


@pytest.mark.parametrize("name", ALARMS)
def test_an_entry_has_the_meaning_the_diagnosis_and_the_remedy(name: str) -> None:
    entry = re.split(r"^#{2,3} ", DOCUMENT.split(f"\n### {name}\n")[1], flags=re.MULTILINE)[0]
    assert re.findall(r"^\*\*(\w+):\*\*", entry, re.MULTILINE) == ["Means", "Look", "Do"]


@pytest.mark.parametrize("name", ALARMS)
def test_the_description_of_an_alarm_refers_to_its_entry(name: str) -> None:
    description = ALARMS[name]["AlarmDescription"]
    assert description.endswith(f". Runbook: docs/operate.md#{name.lower()}")
    assert len(description) <= 1024


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_uses_emitted_metrics(name: str) -> None:
    metrics = list(metrics_of_alarm(ALARMS[name]))
    assert metrics
    for metric in metrics:
        require_measured(metric)


@pytest.mark.parametrize("name", ALARMS)
def test_thresholds_that_differ_between_stages_are_parameters(name: str) -> None:
    """The entry names the parameter, so that an operator knows what to change."""
    if isinstance(threshold := ALARMS[name]["Threshold"], dict):
        assert threshold["Ref"] in TEMPLATE_DOCUMENT["Parameters"]
        assert f"`{threshold['Ref']}`" in DOCUMENT.split(f"\n### {name}\n")[1].split("\n### ")[0]


def test_expressions_use_metrics_that_are_emitted_together() -> None:
    """If a metric of an expression is missing, the expression has no value, and the alarm does not fire."""
    for name, alarm in ALARMS.items():
        for part in alarm.get("Metrics", []):
            if "Expression" in part:
                used = set(re.findall(r"\b[a-z]\w*\b", part["Expression"]))
                assert used == {other["Id"] for other in alarm["Metrics"] if "MetricStat" in other}, name


@pytest.mark.parametrize(
    ("name", "counted", "share"),
    [
        ("FailureRateAlarm", {"failed": 0, "ready": 100}, 0),
        ("FailureRateAlarm", {"failed": 2, "ready": 0}, 0),  # two failures are not enough
        ("FailureRateAlarm", {"failed": 3, "ready": 0}, 100),
        ("FailureRateAlarm", {"failed": 3, "ready": 97}, 3),
        ("WebhookFailureAlarm", {"failed": 9, "delivered": 0}, 0),
        ("WebhookFailureAlarm", {"failed": 6, "delivered": 4}, 60),
        ("WebhookFailureAlarm", {"failed": 0, "delivered": 10}, 0),
    ],
)
def test_expressions_compute_the_share(name: str, counted: dict[str, int], share: float) -> None:
    """CloudWatch's IF(condition, then, else) and its operators are evaluated in Python."""
    (expression,) = [part["Expression"] for part in ALARMS[name]["Metrics"] if "Expression" in part]
    condition, then, otherwise = re.fullmatch(r"IF\((.*), (.*), (.*)\)", expression).groups()  # type: ignore[union-attr]
    allowed = {"__builtins__": {}, **counted}
    value = eval(then if eval(condition, allowed) else otherwise, allowed)
    assert value == share


# ---------------------------------------------------------------- the dashboard


def test_the_dashboard_shows_emitted_metrics() -> None:
    metrics = [metric for widget in widgets() for metric in metrics_of_widget(widget)]
    assert len(metrics) > 30
    for metric in metrics:
        require_measured(metric)


def test_metrics_of_alarms_are_on_the_dashboard() -> None:
    on_dashboard = {metric[:2] for widget in widgets() for metric in metrics_of_widget(widget)}
    in_alarms = {metric[:2] for alarm in ALARMS.values() for metric in metrics_of_alarm(alarm)}
    assert in_alarms - on_dashboard == {
        ("AWS/SQS", "ApproximateAgeOfOldestMessage")
    }  # of a queue that is normally empty


def test_the_dashboard_has_every_alarm() -> None:
    (widget,) = [widget for widget in widgets() if widget["type"] == "alarm"]
    assert widget["properties"]["alarms"] == [f"${{{name}.Arn}}" for name in ALARMS]


def test_every_widget_has_a_question_as_title_and_overlaps_no_other() -> None:
    taken: set[tuple[int, int]] = set()
    for widget in widgets():
        assert "?" in widget["properties"]["title"]
        area = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not area & taken, widget["properties"]["title"]
        assert max(x for x, _ in area) < 24
        taken |= area


def test_placeholders_of_the_dashboard_exist() -> None:
    body = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    for name in re.findall(r"\$\{([\w:]+)(?:\.\w+)?\}", body):
        assert name in RESOURCES or name in TEMPLATE_DOCUMENT["Parameters"] or name == "AWS::Region", name


# ---------------------------------------------------------------- the document


def test_every_metric_is_documented_and_every_documented_one_is_emitted() -> None:
    table = DOCUMENT.split("## Metrics")[1].split("## Alarms")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    assert sorted(name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])) == sorted(Metric)


def aws_commands() -> list[str]:
    """Returns the commands of the document that call AWS."""
    return re.findall(r"^    (aws .*)$", DOCUMENT, re.MULTILINE) + re.findall(r"`(aws [^`]*)`", DOCUMENT)


@pytest.mark.parametrize("command", aws_commands())
def test_aws_commands_are_valid(command: str) -> None:
    """botocore's service model has the operation and its parameters, and all required parameters are given."""
    _, service, operation, *arguments = shlex.split(command)
    model = Session().get_service_model(service)
    known = {xform_name(name, "-"): name for name in model.operation_names}
    shape = model.operation_model(known[operation]).input_shape
    given = {argument.removeprefix("--") for argument in arguments if argument.startswith("--")}
    parameters = {} if shape is None else {xform_name(name, "-"): name for name in shape.members}
    assert given <= parameters.keys()
    required = {} if shape is None else set(shape.required_members)
    assert {option for option, name in parameters.items() if name in required} <= given


def test_log_queries_search_for_logged_messages() -> None:
    """Each message must be a single literal in the code."""
    sources = "\n".join(path.read_text(encoding="utf-8") for path in FUNCTIONS.rglob("*.py"))
    messages = set(re.findall(r'message = "([^"]+)"', DOCUMENT))
    services = set(re.findall(r'service = "([^"]+)"', DOCUMENT))
    assert len(messages) >= 2
    for message in messages:
        assert f'"{message}"' in sources
    given = {
        resource["Properties"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
        for resource in RESOURCES.values()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    assert services <= given


def test_the_document_has_aws_commands() -> None:
    assert len(aws_commands()) >= 5
