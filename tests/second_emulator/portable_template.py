"""Rewrites the template for the second emulator: without features that it lacks, and in forms that it supports."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

API_ID = "resma"
"""Id of the API. The emulator reads it from a tag, so that the API's URL is known before the deployment."""

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

Document = dict[str, Any]


@dataclass(frozen=True)
class PortableTemplate:
    """The rewritten template, and the logical names of the resources that were left out."""

    document: Document
    left_out: tuple[str, ...]


def make_portable(template: Mapping[str, Any], parameters: Mapping[str, str]) -> PortableTemplate:
    """Rewrites a template. `parameters` are those of the deployment, which override the template's defaults.

    - Alarms of metric math and dashboards, which the emulator lacks, are left out, and the outputs that refer to them.
    - `MaximumConcurrency` becomes a number, because the emulator refuses the string of a parameter.
    - Method `ANY` becomes one event per method, because the emulator does not import `x-amazon-apigateway-any-method`.
    """
    document: Document = copy.deepcopy(dict(template))
    resources: Document = document["Resources"]
    left_out = tuple(name for name, resource in resources.items() if _is_unsupported(resource))
    for name in left_out:
        del resources[name]
    document["Outputs"] = {
        name: output for name, output in document["Outputs"].items() if not set(_references(output)) & set(left_out)
    }
    defaults = {name: str(item["Default"]) for name, item in document["Parameters"].items() if "Default" in item}
    values = {**defaults, **parameters}
    for resource in resources.values():
        if resource["Type"] == "AWS::Serverless::Function":
            events: Document = resource["Properties"].get("Events", {})
            resource["Properties"]["Events"] = dict(_portable_events(events, values))
        elif resource["Type"] == "AWS::Serverless::Api":
            tags = {**resource["Properties"].get("Tags", {}), "ms-custom-id": API_ID}
            resource["Properties"] |= {"Tags": tags, "PropagateTags": True}
    return PortableTemplate(document, left_out)


def _is_unsupported(resource: Mapping[str, Any]) -> bool:
    is_metric_math = resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"]
    return is_metric_math or resource["Type"] == "AWS::CloudWatch::Dashboard"


def _references(node: Any) -> Iterator[str]:
    """Yields the logical names that a part of a template refers to by Ref or Fn::GetAtt."""
    if isinstance(node, list):
        for item in node:
            yield from _references(item)
    elif isinstance(node, dict):
        for name, value in node.items():
            if name == "Ref":
                yield value
            elif name == "Fn::GetAtt":
                yield value[0]
            else:
                yield from _references(value)


def _portable_events(events: Document, values: Mapping[str, str]) -> Iterator[tuple[str, Document]]:
    for name, event in events.items():
        properties: Document = event.get("Properties", {})
        if (concurrency := properties.get("ScalingConfig", {}).get("MaximumConcurrency")) is not None:
            number = values[concurrency["Ref"]] if isinstance(concurrency, dict) else concurrency
            properties["ScalingConfig"]["MaximumConcurrency"] = int(number)
        if event["Type"] == "Api" and properties["Method"].upper() == "ANY":
            for method in METHODS:
                yield f"{name}{method.title()}", {**event, "Properties": {**properties, "Method": method}}
        else:
            yield name, event
