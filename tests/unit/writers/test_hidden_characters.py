"""Hidden characters in titles and names, which could disguise them, are rejected."""

from __future__ import annotations

import re

import pytest
from pydantic import BaseModel, ValidationError

from api.api_keys.models import ApiKeyRequest
from api.dead_letters.models import RedriveRequest
from api.schedules.models import ScheduleRequest
from resma.requests.report_request import ReportRequest

HIDDEN = [
    "\x00", "\n", "\x1b", "\x7f", "\x85", "\u061c", "\u200e", "\u200f", "\u2028", "\u202a", "\u202e", "\u2066",
    "\u2069", "\u206a", "\u206f", "\ufeff", "\ufff9", "\ufffb",
]  # fmt: skip

FIELDS = [(ReportRequest, "title"), (ApiKeyRequest, "name"), (ScheduleRequest, "name"), (RedriveRequest, "reason")]


def errors_of(model: type[BaseModel], field: str, text: str) -> list[str]:
    """Returns the messages of the model's validation errors for this field."""
    try:
        model.model_validate({field: text})
    except ValidationError as error:
        return [item["msg"] for item in error.errors() if item["loc"] == (field,)]
    return []


@pytest.mark.parametrize(("model", "field"), FIELDS)
@pytest.mark.parametrize("char", HIDDEN)
def test_hidden_characters_are_rejected_with_their_code(model: type[BaseModel], field: str, char: str) -> None:
    [message] = errors_of(model, field, f"report{char}gnp.exe")
    assert f"U+{ord(char):04X}. Remove" in message


@pytest.mark.parametrize(("model", "field"), FIELDS)
@pytest.mark.parametrize("text", ["Vendas é", "חשבון 42", "می\u200cخواهم", "👨\u200d👩", "श्री", "A – “B”", "x" * 100])
def test_text_of_any_script_is_accepted(model: type[BaseModel], field: str, text: str) -> None:
    assert errors_of(model, field, text) == []


BLANK = [" ", "\u2800", "\u00a0 ", "\u200b", "\u2060", "\u3164", "\u3000\u00ad", "\u200d\ufe0f"]


@pytest.mark.parametrize(("model", "field"), FIELDS)
@pytest.mark.parametrize("text", BLANK)
def test_text_without_visible_characters_is_rejected(model: type[BaseModel], field: str, text: str) -> None:
    [message] = errors_of(model, field, text)
    assert "no visible character" in message
    assert errors_of(model, field, f"{text}a{text}") == []


@pytest.mark.parametrize(("model", "field"), FIELDS)
def test_the_schema_has_the_same_rules(model: type[BaseModel], field: str) -> None:
    schema = model.model_json_schema()["properties"][field]
    pattern = schema.get("pattern") or next(part["pattern"] for part in schema["anyOf"] if "pattern" in part)
    assert not [char for char in HIDDEN if re.search(pattern, f"a{char}b")]
    assert not [text for text in BLANK if re.search(pattern, text)]
    assert re.search(pattern, "חשבון a\u200cb")
