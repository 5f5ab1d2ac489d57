"""Reads CloudFormation templates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


def read_template(path: Path) -> dict[str, Any]:
    """Reads a template. Short forms of intrinsic functions are expanded: `!Ref x` becomes {"Ref": "x"}."""
    document: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), _TemplateLoader)  # noqa: S506  # a SafeLoader
    return document


class _TemplateLoader(yaml.SafeLoader):
    """A YAML loader for the short forms of CloudFormation's intrinsic functions."""


def _expand_short_form(loader: _TemplateLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        return {name: value.split(".", 1) if suffix == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


_TemplateLoader.add_multi_constructor("!", _expand_short_form)
