"""The words of the console, in both languages, as its modules have them."""

from __future__ import annotations

import re

from api.pages.console import FOLDER

_ENTRY = re.compile(r'^  "([^"]+)": "((?:[^"\\]|\\.)*)",$', re.MULTILINE)


def read_words(language: str) -> dict[str, str]:
    """The words of a language, by key."""
    text = (FOLDER / "words" / f"{language}.js").read_text(encoding="utf-8")
    entries = _ENTRY.findall(text)
    words = dict(entries)
    assert len(words) == len(entries), "a key stands there twice"
    assert len(words) == len(re.findall(r'^  "', text, re.MULTILINE)), "an entry is not read"
    return words


ENGLISH, PORTUGUESE = read_words("en"), read_words("pt")
