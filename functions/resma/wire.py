"""What all models of JSON have in common that go in and out. Names are camelCase outside, snake_case inside."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel


class ViewModel(BaseModel):
    """What goes out."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


def _refuse_other_kinds(value: object) -> object:
    """Pydantic would take true for 1 and a text for its number; JSON Schema does not. Both take 90.0 for one."""
    if isinstance(value, bool | str):
        raise ValueError("give a whole number")  # noqa: TRY004  # pydantic makes an error of this one alone
    return value


WholeNumber = Annotated[int, BeforeValidator(_refuse_other_kinds)]
"""An integer of a request, as JSON Schema has it (2020-12 §6.1.1)."""


class RequestModel(ViewModel):
    """What comes in: names as they are outside, and no others."""

    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=False,  # or time_zone would do as well as timeZone
    )
