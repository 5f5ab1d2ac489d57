"""Alarms, dashboard and runbook agree with each other, and name nothing that nobody measures."""

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
"""Namespace, dimensions, and of its metrics those that are used here."""

Named = tuple[str, str, str]
"""A metric: namespace, name, and names of its dimensions."""


def named_by_alarm(alarm: Json) -> Iterator[Named]:
    """Every metric that an alarm looks at."""
    stats = [part["MetricStat"]["Metric"] for part in alarm.get("Metrics", []) if "MetricStat" in part]
    for metric in stats or [alarm]:
        yield metric["Namespace"], metric["MetricName"], " ".join(d["Name"] for d in metric["Dimensions"])


def widgets() -> list[Json]:
    """Those of the dashboard, what CloudFormation puts in left as it is."""
    body: str = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    # A number that comes from a parameter.
    found: list[Json] = json.loads(body.replace("${WorkerMemoryMb}", "1792"))["widgets"]
    return found


def named_by_widget(widget: Json) -> Iterator[Named]:
    """Every metric that a widget shows."""
    for row in widget["properties"].get("metrics", []):
        if isinstance(row[0], str):
            texts = [item for item in row if isinstance(item, str)]
            yield texts[0], texts[1], " ".join(texts[2::2])
        elif searched := re.search(r"SEARCH\('\{(\w+),([\w,]+)\} MetricName=\"(\w+)\"", row[0]["expression"]):
            yield searched[1], searched[3], searched[2].replace(",", " ")


def require_measured(named: Named) -> None:
    """Asserts that somebody emits the metric, with these dimensions."""
    namespace, name, dimensions = named
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
def test_an_entry_says_what_it_means_where_to_look_and_what_to_do(name: str) -> None:
    entry = re.split(r"^#{2,3} ", DOCUMENT.split(f"\n### {name}\n")[1], flags=re.MULTILINE)[0]
    assert re.findall(r"^\*\*(\w+):\*\*", entry, re.MULTILINE) == ["Means", "Look", "Do"]


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_says_what_it_means_and_where_its_entry_is(name: str) -> None:
    words = ALARMS[name]["AlarmDescription"]
    assert words.endswith(f". Runbook: docs/operate.md#{name.lower()}")
    assert len(words) <= 1024


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_looks_at_what_is_measured(name: str) -> None:
    found = list(named_by_alarm(ALARMS[name]))
    assert found
    for named in found:
        require_measured(named)


@pytest.mark.parametrize("name", ALARMS)
def test_thresholds_that_differ_between_stages_are_parameters(name: str) -> None:
    """And the entry names the parameter, so that whoever is woken knows what to set."""
    if isinstance(threshold := ALARMS[name]["Threshold"], dict):
        assert threshold["Ref"] in TEMPLATE_DOCUMENT["Parameters"]
        assert f"`{threshold['Ref']}`" in DOCUMENT.split(f"\n### {name}\n")[1].split("\n### ")[0]


def test_a_quotient_is_of_what_is_always_counted_together() -> None:
    """An expression over a metric that is missing has no value, and no alarm rings."""
    for name, alarm in ALARMS.items():
        for part in alarm.get("Metrics", []):
            if "Expression" in part:
                used = set(re.findall(r"\b[a-z]\w*\b", part["Expression"]))
                assert used == {other["Id"] for other in alarm["Metrics"] if "MetricStat" in other}, name


@pytest.mark.parametrize(
    ("name", "counted", "share"),
    [
        ("FailureRateAlarm", {"failed": 0, "ready": 100}, 0),
        ("FailureRateAlarm", {"failed": 2, "ready": 0}, 0),  # two are an accident
        ("FailureRateAlarm", {"failed": 3, "ready": 0}, 100),
        ("FailureRateAlarm", {"failed": 3, "ready": 97}, 3),
        ("WebhookFailureAlarm", {"failed": 9, "delivered": 0}, 0),
        ("WebhookFailureAlarm", {"failed": 6, "delivered": 4}, 60),
        ("WebhookFailureAlarm", {"failed": 0, "delivered": 10}, 0),
    ],
)
def test_a_share_is_what_it_says(name: str, counted: dict[str, int], share: float) -> None:
    """CloudWatch's IF(condition, then, else) and its operators, as Python has them."""
    (expression,) = [part["Expression"] for part in ALARMS[name]["Metrics"] if "Expression" in part]
    condition, then, otherwise = re.fullmatch(r"IF\((.*), (.*), (.*)\)", expression).groups()  # type: ignore[union-attr]
    allowed = {"__builtins__": {}, **counted}
    value = eval(then if eval(condition, allowed) else otherwise, allowed)
    assert value == share


# ---------------------------------------------------------------- the dashboard


def test_the_dashboard_shows_what_is_measured() -> None:
    shown = [named for widget in widgets() for named in named_by_widget(widget)]
    assert len(shown) > 30
    for named in shown:
        require_measured(named)


def test_what_an_alarm_looks_at_is_on_the_dashboard() -> None:
    shown = {named[:2] for widget in widgets() for named in named_by_widget(widget)}
    looked_at = {named[:2] for alarm in ALARMS.values() for named in named_by_alarm(alarm)}
    assert looked_at - shown == {("AWS/SQS", "ApproximateAgeOfOldestMessage")}  # of a queue that is empty


def test_the_dashboard_has_every_alarm() -> None:
    (widget,) = [widget for widget in widgets() if widget["type"] == "alarm"]
    assert widget["properties"]["alarms"] == [f"${{{name}.Arn}}" for name in ALARMS]


def test_every_widget_is_a_question_and_has_its_place() -> None:
    taken: set[tuple[int, int]] = set()
    for widget in widgets():
        assert "?" in widget["properties"]["title"]
        place = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not place & taken, widget["properties"]["title"]
        assert max(x for x, _ in place) < 24
        taken |= place


def test_what_the_dashboard_leaves_to_cloudformation_is_there() -> None:
    body = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    for name in re.findall(r"\$\{([\w:]+)(?:\.\w+)?\}", body):
        assert name in RESOURCES or name in TEMPLATE_DOCUMENT["Parameters"] or name == "AWS::Region", name


# ---------------------------------------------------------------- the document


def test_every_metric_is_documented_and_every_documented_one_is_emitted() -> None:
    table = DOCUMENT.split("## Metrics")[1].split("## Alarms")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    assert sorted(name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])) == sorted(Metric)


def aws_commands() -> list[str]:
    """Of the document, those that call AWS."""
    return re.findall(r"^    (aws .*)$", DOCUMENT, re.MULTILINE) + re.findall(r"`(aws [^`]*)`", DOCUMENT)


@pytest.mark.parametrize("command", aws_commands())
def test_a_command_is_one_that_aws_has(command: str) -> None:
    """By botocore's description of the service: operation, parameters, and those that are needed."""
    _, service, operation, *arguments = shlex.split(command)
    model = Session().get_service_model(service)
    known = {xform_name(name, "-"): name for name in model.operation_names}
    shape = model.operation_model(known[operation]).input_shape
    given = {argument.removeprefix("--") for argument in arguments if argument.startswith("--")}
    members = {} if shape is None else {xform_name(name, "-"): name for name in shape.members}
    assert given <= members.keys()
    assert {name for name, member in members.items() if shape and member in shape.required_members} <= given


def test_a_query_looks_for_words_that_are_logged() -> None:
    """In the code as it stands, where a message is one literal."""
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


def test_there_are_commands() -> None:
    assert len(aws_commands()) >= 5
