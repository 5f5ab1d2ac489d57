"""samconfig.toml: the parameters of each stage are valid for template.yaml, and stages cannot be confused."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest

from infra.deploy.cloudformation import read_stage
from infra.paths import ROOT, TEMPLATE
from infra.template import read_template

STAGES = ("local", "dev", "prod")
CONFIG: dict[str, Any] = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
PARAMETERS: dict[str, dict[str, Any]] = read_template(TEMPLATE)["Parameters"]


def test_stages_are_those_that_are_documented() -> None:
    assert CONFIG.keys() - {"version", "default"} == set(STAGES)


def test_each_stage_has_its_own_stack() -> None:
    assert len({read_stage(stage).stack_name for stage in STAGES}) == len(STAGES)


@pytest.mark.parametrize("stage", STAGES)
def test_parameters_are_valid_for_the_template(stage: str) -> None:
    given = read_stage(stage).parameters
    assert given["StageName"] == stage
    for name, value in given.items():
        rules = PARAMETERS[name]
        assert re.search(rules.get("AllowedPattern", ""), value), name
        assert value in rules.get("AllowedValues", [value]), name
        if rules["Type"] == "Number":
            assert rules.get("MinValue", 0) <= int(value) <= rules.get("MaxValue", 10**9), name


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_deployment_to_aws_shows_its_changes(stage: str) -> None:
    section = CONFIG[stage]["deploy"]["parameters"]
    assert section["confirm_changeset"] is True
    assert section["capabilities"] == "CAPABILITY_IAM"
    assert section["resolve_s3"] is True


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_every_stage_is_built_with_the_same_settings(stage: str) -> None:
    """The template's BuildMethod is a beta feature of SAM, which prompts for it if it is not enabled."""
    assert CONFIG[stage]["build"] == CONFIG["default"]["build"]
    assert CONFIG["default"]["build"]["parameters"]["beta_features"] is True


def test_a_missing_stage_name_is_an_error() -> None:
    """Parameters of `sam deploy` on the command line replace the section's, and may then lack StageName."""
    assert "Default" not in PARAMETERS["StageName"]


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_only_the_local_stage_accepts_requests_of_this_machine_without_a_key(stage: str) -> None:
    assert read_stage("local").parameters["LoopbackTenant"] == "demo"
    assert "LoopbackTenant" not in read_stage(stage).parameters
