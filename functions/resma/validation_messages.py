"""Messages for pydantic's validation errors that say what to do. Pydantic's own messages name types of Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from resma.short_text import counted

_DATE = "It must be a date in the form YYYY-MM-DD."
_DATE_TIME = "It must be a timestamp with its offset from UTC, like 2024-05-01T00:00:00Z."
_INTEGER = "It must be an integer."
_OBJECT = "It must be an object."
_STRING = "It must be a string."
_BOOLEAN = "It must be true or false, without quotes."
_ADVICE = {
    "extra_forbidden": "This property does not exist. Remove it.",
    "missing": "It is required.",
    "dict_type": _OBJECT,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "list_type": "It must be an array.",
    "string_type": _STRING,
    "string_sub_type": _STRING,
    "string_unicode": "It must be a string of valid Unicode characters.",
    "bool_type": _BOOLEAN,
    "bool_parsing": _BOOLEAN,
    "int_type": _INTEGER,
    "int_parsing": _INTEGER,
    "int_parsing_size": _INTEGER,
    "int_from_float": _INTEGER,
    "date_type": _DATE,
    "date_parsing": _DATE,
    "date_from_datetime_parsing": _DATE,
    "date_from_datetime_inexact": _DATE,
    "datetime_type": _DATE_TIME,
    "datetime_parsing": _DATE_TIME,
    "datetime_from_date_parsing": _DATE_TIME,
    "timezone_aware": _DATE_TIME,
    "greater_than_equal": "It must be {ge} or more.",
    "less_than_equal": "It must be {le} or less.",
    "string_pattern_mismatch": "It does not have the required form: it must match the regular expression {pattern}",
}
"""Messages by the type of pydantic's error, with placeholders for the values in the error's `ctx`."""

_UNKNOWN = "It is not valid: see its description in the OpenAPI document."
_OURS = ("value_error", "assertion_error")
"""Types of errors that validators of this project have raised, with their own messages."""


def advise(item: Mapping[str, Any], *, otherwise: str = _UNKNOWN) -> str:
    """Returns a message that says how to fix one of pydantic's errors; `otherwise` if its type is not known here."""
    limits: Mapping[str, Any] = item.get("ctx") or {}
    match item["type"]:
        case "string_too_short" if limits.get("min_length", 1) == 1:
            return "It must not be empty."
        case "string_too_short" | "too_short" as kind:
            noun = "item" if kind == "too_short" else "character"
            return f"It must have at least {counted(limits.get('min_length', 1), noun)}."
        case "string_too_long" | "too_long" as kind:
            noun = "item" if kind == "too_long" else "character"
            return f"It must have at most {counted(limits['max_length'], noun)}."
        case "literal_error":
            return f"It must be {'one of ' if ' or ' in limits['expected'] else ''}{limits['expected']}."
        case kind if kind in _OURS:
            return str(limits.get("error") or item["msg"]).removeprefix("Value error, ")
        case kind:
            return _ADVICE[kind].format(**limits) if kind in _ADVICE else otherwise
