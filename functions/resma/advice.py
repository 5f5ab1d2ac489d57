"""What pydantic found wrong, in words that say what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ADVICE = {
    "extra_forbidden": "there is no such field: leave it out",
    "missing": "this is needed",
    "dict_type": "give an object",
    "model_type": "give an object",
    "model_attributes_type": "give an object",
    "list_type": "give an array",
    "string_type": "give a text",
    "too_short": "name at least one, or leave it out",
    "string_pattern_mismatch": "it has not the form that is wanted here: its JSON Schema says which",
}
"""By the type of pydantic's error; its own words are good enough for the others."""


def advise(item: Mapping[str, Any]) -> str:
    """What to do about one of pydantic's errors."""
    return _ADVICE.get(item["type"]) or str(item["msg"]).removeprefix("Value error, ")
