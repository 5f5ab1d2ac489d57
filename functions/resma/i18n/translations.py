"""Translates the words that all reports share. Titles and headings of a report type are in its `report.toml`."""

from __future__ import annotations

from resma.i18n.locales import Language
from resma.i18n.words import WORDS


def translate(word: str, language: Language) -> str:
    """Returns the translation of an English word; the word itself in a language that files are not translated into.

    Raises KeyError if the word has no translation.
    """
    words = WORDS.get(language)
    return words[word] if words is not None and language != "en" else word
