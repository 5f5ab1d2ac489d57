"""The second emulator deploys the project's template, except for the named resources."""

from __future__ import annotations

from typing import Any

import pytest

from infra.deploy.cloudformation import read_stage
from infra.paths import ROOT, TEMPLATE
from infra.template import read_template
from tests.second_emulator.portable_template import METHODS, PortableTemplate, make_portable


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return read_template(TEMPLATE)


@pytest.fixture(scope="module")
def portable(template: dict[str, Any]) -> PortableTemplate:
    return make_portable(template, read_stage("local").parameters)


def test_only_alarms_of_metric_math_and_the_dashboard_are_omitted(
    template: dict[str, Any], portable: PortableTemplate
) -> None:
    kept = {name: resource["Type"] for name, resource in portable.document["Resources"].items()}
    expected = {name: resource["Type"] for name, resource in template["Resources"].items()}
    assert kept == {name: type_ for name, type_ in expected.items() if name not in portable.left_out}
    assert {expected[name] for name in portable.left_out} == {"AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard"}


def test_the_page_names_the_omitted_resources(portable: PortableTemplate) -> None:
    page = (ROOT / "docs" / "emulators.md").read_text(encoding="utf-8")
    assert [name for name in portable.left_out if f"`{name}`" not in page] == []


def test_nothing_refers_to_omitted_resources(portable: PortableTemplate) -> None:
    text = str(portable.document)
    assert [name for name in portable.left_out if f"'Ref': '{name}'" in text or f"'{name}', 'Arn'" in text] == []


def test_each_path_of_the_api_has_an_event_for_each_method(portable: PortableTemplate) -> None:
    events = portable.document["Resources"]["ApiFunction"]["Properties"]["Events"].values()
    routes = [(event["Properties"]["Path"], event["Properties"]["Method"]) for event in events]
    assert sorted(routes) == sorted((path, method) for path in ("/", "/{proxy+}") for method in METHODS)


def test_maximum_concurrency_is_the_value_of_the_parameter(template: dict[str, Any]) -> None:
    document = make_portable(template, {"WorkerConcurrency": "7"}).document
    configs = [
        event["Properties"]["ScalingConfig"]["MaximumConcurrency"]
        for resource in document["Resources"].values()
        for event in resource["Properties"].get("Events", {}).values()
        if "ScalingConfig" in event.get("Properties", {})
    ]
    assert 7 in configs
    assert all(isinstance(number, int) for number in configs)


def test_the_given_template_is_not_changed(template: dict[str, Any]) -> None:
    make_portable(template, {})
    assert template == read_template(TEMPLATE)
