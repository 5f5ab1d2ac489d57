"""Settings of functions: frozen models that are read once from environment variables, when they are first needed."""

from __future__ import annotations

import os
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from resma.errors import SettingsInvalidError

LOCAL_STAGE = "local"
"""Name of the stage that runs on a developer's machine, and that only this machine can reach."""


class Settings(BaseModel):
    """Settings of every function. The environment variable of a field is the field's name in upper case."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    stage: str = Field(min_length=1)


class TenantSettings(Settings):
    """Settings of a function that works for one tenant at a time."""

    database_secret_arn: str = Field(min_length=1)
    """ARN of a secret with host, port, dbname, username and password of a role that sees the rows of one tenant."""


class SealingSettings(Settings):
    """Settings of a function that seals keys of files, or opens them."""

    sealing_secret_arn: str = Field(min_length=1)
    """ARN of the secret of `resma.encryption.deployment_key`."""


class SystemSettings(Settings):
    """Settings of a function that works for all tenants."""

    system_secret_arn: str = Field(min_length=1)
    """ARN of a secret with host, port, dbname, username and password of a role that sees the rows of all tenants."""


S = TypeVar("S", bound=BaseModel)


def read_settings(model: type[S]) -> S:
    """Reads `model` from the environment. Empty variables count as unset, because CloudFormation cannot omit one.

    Raises SettingsInvalidError, which names each variable that is not valid, but not its value.
    """
    names = {field: field.upper() for field in model.model_fields}
    values = {field: os.environ[name] for field, name in names.items() if os.environ.get(name)}
    try:
        return model.model_validate(values)
    except ValidationError as error:
        wrong = "; ".join(f"{names[str(e['loc'][0])]}: {e['msg']}" for e in error.errors())
        message = f"Correct these environment variables of the function, which template.yaml sets: {wrong}"
        raise SettingsInvalidError(message) from None
