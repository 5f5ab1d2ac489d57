"""Reads CloudFormation templates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


def read_template(path: Path) -> dict[str, Any]:
    """Reads a template, CloudFormation's short functions written out: `!Ref x` is {"Ref": "x"}."""
    document: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506  # a SafeLoader
    return document


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short functions."""


def _short_function(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        return {name: value.split(".", 1) if suffix == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _short_function)
