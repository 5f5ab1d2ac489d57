"""The strings of the console in both languages, read from its JavaScript modules."""

from __future__ import annotations

import re

from api.pages.console import FOLDER

_ENTRY = re.compile(r'^  "([^"]+)": "((?:[^"\\]|\\.)*)",$', re.MULTILINE)


def read_words(language: str) -> dict[str, str]:
    """Returns the strings of a language by key. Raises AssertionError for a duplicated key or an unreadable line."""
    text = (FOLDER / "words" / f"{language}.js").read_text(encoding="utf-8")
    entries = _ENTRY.findall(text)
    words = dict(entries)
    assert len(words) == len(entries), "A key is duplicated."
    assert len(words) == len(re.findall(r'^  "', text, re.MULTILINE)), "An entry was not recognized."
    return words


ENGLISH, PORTUGUESE = read_words("en"), read_words("pt")
