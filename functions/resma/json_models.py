"""Base classes of the JSON models of requests and responses. Names are camelCase in JSON, and snake_case in Python."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, JsonValue
from pydantic.alias_generators import to_camel

URI: dict[str, JsonValue] = {"format": "uri"}
"""JSON Schema of a property that holds a URL."""


def _public_name(model: type[Any]) -> str:
    """Returns a model's title in JSON Schema and its name in the OpenAPI document, unless its config has a `title`."""
    return model.__name__.removesuffix("View")


class ViewModel(BaseModel):
    """Base class of JSON that is sent: responses and events."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        model_title_generator=_public_name,
        json_schema_serialization_defaults_required=True,  # a response has every property
    )


def _refuse_other_kinds(value: object) -> object:
    """Raises ValueError for booleans and strings, which pydantic converts to integers and JSON Schema does not allow.

    90.0 is an integer for both.
    """
    if isinstance(value, bool | str):
        raise ValueError("It must be an integer.")  # noqa: TRY004  # pydantic converts only ValueError
    return value


_HIDDEN = "\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u206f\\ufeff\\ufff9-\\ufffb"
"""Control characters, line separators, controls of text direction (UAX #9) and of shaping, and the byte order mark."""

_HIDDEN_CHARACTER = re.compile(f"[{_HIDDEN}]")


_BLANK = (
    " \\u00a0\\u00ad\\u034f\\u115f\\u1160\\u1680\\u17b4\\u17b5\\u180b-\\u180e\\u2000-\\u200d\\u202f\\u205f"
    "\\u2060-\\u2064\\u2800\\u3000\\u3164\\ufe00-\\ufe0f\\uffa0"
)
"""Spaces, fillers and joiners: valid between other characters, but a string of nothing else looks empty."""

_VISIBLE_CHARACTER = re.compile(f"[^{_HIDDEN}{_BLANK}]")


def _refuse_hidden_characters(value: str) -> str:
    """Raises ValueError for characters that can make a name look like another: U+202E shows `gnp.exe` as `exe.png`."""
    found = _HIDDEN_CHARACTER.search(value)
    if found:
        raise ValueError(
            f"It contains U+{ord(found[0]):04X}. Remove control characters, line breaks and characters that change the "
            "direction of text."
        )
    if not _VISIBLE_CHARACTER.search(value):
        raise ValueError("It contains no visible character.")
    return value


def without_hidden_characters(value: str) -> str:
    """Returns a string that `SINGLE_LINE` accepts: hidden characters become spaces. Empty if nothing is visible."""
    line = _HIDDEN_CHARACTER.sub(" ", value).strip()
    return line if _VISIBLE_CHARACTER.search(line) else ""


SINGLE_LINE = AfterValidator(_refuse_hidden_characters)
"""Validator for titles and names; it stands after `Field`.

Right-to-left scripts do not need the refused characters, because labels are isolated.
"""

SINGLE_LINE_SCHEMA: dict[str, JsonValue] = {"pattern": f"^[^{_HIDDEN}]*[^{_HIDDEN}{_BLANK}][^{_HIDDEN}]*$"}
"""JSON Schema that corresponds to `SINGLE_LINE`."""

WHOLE_NUMBER = BeforeValidator(_refuse_other_kinds)
"""Validator of an integer. Limits must stand before it, otherwise the JSON Schema does not contain them."""

WholeNumber = Annotated[int, WHOLE_NUMBER]
"""An integer in a request, as JSON Schema defines integers (2020-12 §6.1.1)."""


class RequestModel(ViewModel):
    """Base class of JSON that is received. Properties have camelCase names, and unknown properties are refused."""

    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=False,  # otherwise time_zone would be accepted in place of timeZone
    )
