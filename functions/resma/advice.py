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
    "string_unicode": "give a text of whole characters",
    "bool_type": "give true or false, without quotes",
    "bool_parsing": "give true or false, without quotes",
    "int_type": "give a whole number",
    "int_parsing": "give a whole number",
    "int_from_float": "give a whole number",
    "date_type": "give a day as YYYY-MM-DD",
    "date_parsing": "give a day as YYYY-MM-DD",
    "date_from_datetime_parsing": "give a day as YYYY-MM-DD",
    "date_from_datetime_inexact": "give a day as YYYY-MM-DD, without a time",
    "datetime_type": "give a moment with its zone, like 2024-05-01T00:00:00Z",
    "datetime_parsing": "give a moment with its zone, like 2024-05-01T00:00:00Z",
    "datetime_from_date_parsing": "give a moment with its zone, like 2024-05-01T00:00:00Z",
    "timezone_aware": "add the moment's zone, like 2024-05-01T00:00:00Z",
    "literal_error": "give one of {expected}",
    "greater_than_equal": "give a number from {ge} on",
    "less_than_equal": "give a number up to {le}",
    "string_too_long": "give a text of at most {max_length} characters",
    "too_long": "name at most {max_length}",
    "too_short": "name at least one, or leave it out",
    "string_pattern_mismatch": "it has not the form that is wanted here: its JSON Schema says which",
}
"""By the type of pydantic's error, with what it knows of the limit; its own words are good enough for the others."""


def advise(item: Mapping[str, Any]) -> str:
    """What to do about one of pydantic's errors."""
    limits = item.get("ctx") or {}
    if item["type"] == "string_too_short":
        least = limits.get("min_length", 1)
        return "give a text that is not empty" if least == 1 else f"give a text of at least {least} characters"
    if (advice := _ADVICE.get(item["type"])) is None:
        return str(item["msg"]).removeprefix("Value error, ")
    return advice.format(**limits)
