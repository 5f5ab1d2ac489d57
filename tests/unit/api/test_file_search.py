"""The search for files by the start of their key is a range of strings."""

from __future__ import annotations

import pytest

from api.report_files.rows import end_of_prefix


@pytest.mark.parametrize(
    ("prefix", "end"),
    [
        ("a", "b"),
        ("br 1", "br 2"),
        ("a\ud7ff", "a\ue000"),
        ("a\U0010ffff", "b"),
        ("\U0010ffff\U0010ffff", None),
    ],
)
def test_the_end_of_a_prefix_is_after_all_strings_that_start_with_it(prefix: str, end: str | None) -> None:
    assert end_of_prefix(prefix) == end
    if end is not None:
        following = (prefix + "\U0010ffff" * 3).encode()
        assert prefix.encode() <= following < end.encode()
