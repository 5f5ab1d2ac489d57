"""Parameters of a stage in samconfig.toml, the configuration file of SAM. Comments and other settings are kept.

Format: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-cli-config.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from infra.errors import StackError

_BUILD = {"cached": True, "parallel": True, "beta_features": True}
_DEPLOY = {"capabilities": "CAPABILITY_IAM", "resolve_s3": True, "confirm_changeset": True}


class SamconfigError(StackError):
    """The configuration file of SAM can't be changed."""

    code = "samconfig-invalid"


def change_parameters(text: str, stage: str, region: str, parameters: Mapping[str, str]) -> str:
    """Returns the text of samconfig.toml with these parameters in the section `<stage>.deploy.parameters`.

    A stage that does not exist gets sections like those of the others. An existing region is kept. Raises
    SamconfigError.
    """
    try:
        document = tomlkit.parse(text)
    except TOMLKitError as error:
        raise SamconfigError(f"samconfig.toml: {error}. Correct it.") from error
    try:
        if stage not in document:
            _add_stage(document, stage)
        section: Any = document[stage]["deploy"]["parameters"]
        section.setdefault("region", region)
        section["parameter_overrides"] = _override(section.get("parameter_overrides", ""), parameters)
    except (KeyError, TypeError, AttributeError) as error:
        raise SamconfigError(
            f"samconfig.toml: the section [{stage}.deploy.parameters] does not exist or is not valid. Correct it, or "
            f"remove all sections of {stage}."
        ) from error
    return tomlkit.dumps(document)


def read_samconfig(path: Path) -> str:
    """Returns the text of the file. Raises SamconfigError if it can't be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SamconfigError(f"{path} can't be read: {error}. Name the file with --config-file.") from error


def _add_stage(document: tomlkit.TOMLDocument, stage: str) -> None:
    """Adds the sections of a stage."""
    deploy = {"stack_name": f"resma-{stage}", **_DEPLOY, "parameter_overrides": f"StageName={stage}"}
    document.add(stage, tomlkit.item({"build": {"parameters": _BUILD}, "deploy": {"parameters": deploy}}))


def _override(overrides: str | list[str], parameters: Mapping[str, str]) -> str | list[str]:
    """Returns the overrides with these parameters replaced or added: a string `A=b C="d e"`, or a list of `A=b`."""
    if isinstance(overrides, list):
        kept = [pair for pair in overrides if pair.split("=", 1)[0] not in parameters]
        return [*kept, *(f"{name}={value}" for name, value in parameters.items())]
    for name, value in parameters.items():
        pattern = rf'(?<!\S){name}=("(?:\\.|[^"\\])*"|\S*)'
        overrides, count = re.subn(pattern, lambda _, pair=f"{name}={value}": pair, overrides)  # type: ignore[misc]
        if not count:
            overrides = f"{overrides} {name}={value}".strip()
    return overrides
