"""Settings come from environment variables, once, when they are first needed; each function has a frozen model."""

from __future__ import annotations

import os
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from resma.errors import SettingsInvalidError

LOCAL_STAGE = "local"
"""The stage that is no network's, only a machine's own."""


class Settings(BaseModel):
    """What every function reads. A field's environment variable is its name in capitals."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    stage: str = Field(min_length=1)


class TenantSettings(Settings):
    """What a function reads that works for one tenant at a time."""

    database_secret_arn: str = Field(min_length=1)
    """Secrets Manager: JSON with host, port, dbname, username, password, of a role that sees one tenant's rows."""


class SystemSettings(Settings):
    """What a function reads that looks after all tenants."""

    system_secret_arn: str = Field(min_length=1)
    """As above, of a role that sees all tenants' rows."""


S = TypeVar("S", bound=BaseModel)


def read_settings(model: type[S]) -> S:
    """Reads `model` from the environment. Empty variables count as unset, as CloudFormation cannot leave one out.

    Raises SettingsInvalidError naming each variable that is wrong, never its value.
    """
    names = {field: field.upper() for field in model.model_fields}
    values = {field: os.environ[name] for field, name in names.items() if os.environ.get(name)}
    try:
        return model.model_validate(values)
    except ValidationError as error:
        wrong = "; ".join(f"{names[str(e['loc'][0])]}: {e['msg']}" for e in error.errors())
        message = f"set these environment variables of the function right (template.yaml sets them): {wrong}"
        raise SettingsInvalidError(message) from None
