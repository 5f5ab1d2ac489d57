"""What all models of JSON have in common that go in and out. Names are camelCase outside, snake_case inside."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, JsonValue
from pydantic.alias_generators import to_camel

URI: dict[str, JsonValue] = {"format": "uri"}
"""JSON Schema of a property that holds a URL."""


def _public_name(model: type[Any]) -> str:
    """Title of a model's JSON Schema and its name in the OpenAPI document, unless its config has a `title`."""
    return model.__name__.removesuffix("View")


class ViewModel(BaseModel):
    """What goes out."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        model_title_generator=_public_name,
        json_schema_serialization_defaults_required=True,  # an answer has every property
    )


def _refuse_other_kinds(value: object) -> object:
    """Pydantic would take true for 1 and a text for its number; JSON Schema does not. Both take 90.0 for one."""
    if isinstance(value, bool | str):
        raise ValueError("It must be an integer.")  # noqa: TRY004  # pydantic makes an error of this one alone
    return value


_HIDDEN = "\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ufeff"
"""Control characters, line separators, controls of text direction (UAX #9) and the byte order mark."""

_HIDDEN_CHARACTER = re.compile(f"[{_HIDDEN}]")


_BLANK = (
    " \\u00a0\\u00ad\\u034f\\u115f\\u1160\\u1680\\u17b4\\u17b5\\u180b-\\u180e\\u2000-\\u200d\\u202f\\u205f"
    "\\u2060-\\u2064\\u3000\\u3164\\ufe00-\\ufe0f\\uffa0"
)
"""Spaces, fillers and joiners: useful between other characters, and nothing to see alone."""

_VISIBLE_CHARACTER = re.compile(f"[^{_HIDDEN}{_BLANK}]")


def _refuse_hidden_characters(value: str) -> str:
    """With them, a name can be shown as another: `gnp.exe` after U+202E is seen as `exe.png`."""
    found = _HIDDEN_CHARACTER.search(value)
    if found:
        raise ValueError(
            f"It contains U+{ord(found[0]):04X}. Remove control characters, line breaks and characters that change the "
            "direction of text."
        )
    if not _VISIBLE_CHARACTER.search(value):
        raise ValueError("It contains no visible character.")
    return value


SINGLE_LINE = AfterValidator(_refuse_hidden_characters)
"""For titles and names, after `Field`. Right-to-left scripts need none of these characters: labels are isolated."""

SINGLE_LINE_SCHEMA: dict[str, JsonValue] = {"pattern": f"^[^{_HIDDEN}]*[^{_HIDDEN}{_BLANK}][^{_HIDDEN}]*$"}
"""The same for JSON Schema."""

WholeNumber = Annotated[int, BeforeValidator(_refuse_other_kinds)]
"""An integer of a request, as JSON Schema has it (2020-12 §6.1.1)."""


class RequestModel(ViewModel):
    """What comes in: names as they are outside, and no others."""

    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=False,  # or time_zone would do as well as timeZone
    )
