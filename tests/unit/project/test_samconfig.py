"""samconfig.toml: each stage is one that template.yaml takes, and no stage can be taken for another."""

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


def test_stages_have_stacks_of_their_own() -> None:
    assert len({read_stage(stage).stack_name for stage in STAGES}) == len(STAGES)


@pytest.mark.parametrize("stage", STAGES)
def test_parameters_are_the_templates(stage: str) -> None:
    given = read_stage(stage).parameters
    assert given["StageName"] == stage
    for name, value in given.items():
        rules = PARAMETERS[name]
        assert re.search(rules.get("AllowedPattern", ""), value), name
        assert value in rules.get("AllowedValues", [value]), name
        if rules["Type"] == "Number":
            assert rules.get("MinValue", 0) <= int(value) <= rules.get("MaxValue", 10**9), name


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_deployment_to_aws_shows_what_it_changes(stage: str) -> None:
    section = CONFIG[stage]["deploy"]["parameters"]
    assert section["confirm_changeset"] is True
    assert section["capabilities"] == "CAPABILITY_IAM"
    assert section["resolve_s3"] is True


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_every_stage_is_built_as_without_a_stage(stage: str) -> None:
    """The template's BuildMethod is a beta feature of SAM, which asks for it where no section enables it."""
    assert CONFIG[stage]["build"] == CONFIG["default"]["build"]
    assert CONFIG["default"]["build"]["parameters"]["beta_features"] is True


def test_a_forgotten_stage_is_no_other_stage() -> None:
    """Parameters given to `sam deploy` on the command line replace the section's: StageName must be missed then."""
    assert "Default" not in PARAMETERS["StageName"]


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_only_the_local_stage_lets_this_machine_in(stage: str) -> None:
    assert read_stage("local").parameters["LoopbackTenant"] == "demo"
    assert "LoopbackTenant" not in read_stage(stage).parameters
