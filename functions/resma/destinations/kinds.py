"""The kinds of destinations. docs/decisions/117-destinations.md says how a kind is added."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from pydantic import ValidationError

from resma.destinations.email_settings import EmailSettings
from resma.destinations.s3_settings import S3Settings
from resma.destinations.settings import DestinationRules, DestinationSettings
from resma.destinations.sftp_settings import SftpSettings
from resma.request_errors import FieldError, RequestInvalidError, json_pointer
from resma.validation_messages import advise

DestinationKind = Literal["S3", "SFTP", "EMAIL"]

SETTINGS_OF_KINDS: Mapping[DestinationKind, type[DestinationSettings]] = {
    "S3": S3Settings,
    "SFTP": SftpSettings,
    "EMAIL": EmailSettings,
}
"""Model of the settings of each kind."""

assert SETTINGS_OF_KINDS.keys() == set(get_args(DestinationKind))


def read_destination_settings(kind: DestinationKind, settings: Mapping[str, Any]) -> DestinationSettings:
    """Returns stored settings as their model. Raises RequestInvalidError if another version has stored them."""
    try:
        return SETTINGS_OF_KINDS[kind].model_validate(settings)
    except ValidationError as error:
        items = error.errors(include_url=False, include_input=False)
        raise RequestInvalidError.of(
            [FieldError(json_pointer("settings", *item["loc"]), advise(item)) for item in items]
        ) from None


def check_destination_settings(
    kind: DestinationKind, settings: Mapping[str, Any], rules: DestinationRules
) -> DestinationSettings:
    """Validates settings of a request. Raises RequestInvalidError with all errors; pointers begin with `/settings`."""
    checked = read_destination_settings(kind, settings)
    errors = [FieldError(f"/settings{error.pointer}", error.detail) for error in checked.errors(rules)]
    if errors:
        raise RequestInvalidError.of(errors)
    return checked


def settings_schema() -> dict[str, Any]:
    """Returns the JSON Schema of the settings of all kinds, without references."""
    schemas = [model.model_json_schema(by_alias=True) for model in SETTINGS_OF_KINDS.values()]
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
