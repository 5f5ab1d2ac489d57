"""A page of a list fits into the response of a Lambda function, whatever its items contain."""

from __future__ import annotations

import json

import pytest

from api.http.page_size import MAX_PAGE_BYTES, fitting
from resma.json_models import ViewModel

LAMBDA_RESPONSE_BYTES = 6 * 1024 * 1024


class Item(ViewModel):
    """Model with a string of any size."""

    text: str


@pytest.mark.parametrize("character", ["x", '"', "\\", "é", "😀", "\x01"])
def test_a_page_fits_however_its_strings_are_escaped(character: str) -> None:
    items = [Item(text=character * 20_000) for _ in range(400)]
    page = fitting(items)
    body = json.dumps([json.loads(item.model_dump_json()) for item in page])
    assert len(json.dumps({"body": body})) < LAMBDA_RESPONSE_BYTES
    assert len(page) == len(items) or len(json.dumps({"body": body})) > MAX_PAGE_BYTES / 2


def test_a_small_page_is_complete_and_a_large_item_is_alone() -> None:
    small = [Item(text="x")] * 200
    assert fitting(small) == small
    assert fitting([]) == []
    large = Item(text="x" * MAX_PAGE_BYTES)
    assert fitting([large, *small]) == [large]
    assert fitting([*small, large]) == small
