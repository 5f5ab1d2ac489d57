"""Localized strings of the catalog: a plain string in the catalog's language, or a table of languages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationInfo, model_validator

from resma.catalog.diagnostics import CatalogCheckError, Diagnostic

DEFAULT_LANGUAGE = "en"
"""Language of plain strings if resma.toml does not set `language`."""

_DATE_LABELS = {
    "from": {"en": "From", "pt": "De", "de": "Von", "fr": "Du", "es": "Desde", "it": "Dal", "ja": "開始日"},
    "to": {"en": "To", "pt": "Até", "de": "Bis", "fr": "Au", "es": "Hasta", "it": "Al", "ja": "終了日"},
}
"""Labels of the date filters that most report types have, by name and language."""

_LANGUAGE_CODE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def require_language_code(code: str) -> str:
    """Returns the code. Raises ValueError if it does not have the form of BCP 47."""
    if not _LANGUAGE_CODE.fullmatch(code):
        raise ValueError("It must be the code of a language, like 'en' or 'pt-BR'.")
    return code


class LocalizedText(BaseModel):
    """A localized string. It is built from a string, or from a mapping of language codes to strings.

    The language of plain strings is `language` in the context of the validation, which is the one of resma.toml.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    translations: tuple[tuple[str, str], ...]
    """Pairs of language code and string. The first one is the fallback for all other languages."""

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: object, info: ValidationInfo) -> object:
        """Raises CatalogCheckError if the value is neither a string nor a table of languages."""
        language = (info.context or {}).get("language", DEFAULT_LANGUAGE)
        if isinstance(value, LocalizedText) or (isinstance(value, Mapping) and set(value) == {"translations"}):
            return value
        if isinstance(value, str):
            value = {language: value}
        if diagnostics := list(_find_errors(value)):
            raise CatalogCheckError(diagnostics)
        assert isinstance(value, Mapping)
        return {"translations": tuple(sorted(value.items(), key=lambda pair: pair[0] != language))}

    def in_language(self, language: str) -> str:
        """Returns the string in a language, or else in the catalog's language, or else the first one.

        A language without a region has the strings of the same language with a region, and the reverse.
        """
        strings = dict(self.translations)
        base = language.split("-", maxsplit=1)[0]
        similar = (text for code, text in self.translations if code.split("-", maxsplit=1)[0] == base)
        return strings.get(language) or strings.get(base) or next(similar, self.translations[0][1])


def _find_errors(value: Any) -> Iterator[Diagnostic]:
    if isinstance(value, str | Mapping) and not value:
        yield Diagnostic("It must not be empty.")
    elif not isinstance(value, Mapping):
        yield Diagnostic('It must be a string, or a table of languages like { en = "Orders", pt = "Pedidos" }.')
    else:
        for code, text in value.items():
            if not _LANGUAGE_CODE.fullmatch(str(code)):
                yield Diagnostic(f"'{code}' must be the code of a language, like 'en' or 'pt-BR'.", (code,))
            elif not isinstance(text, str) or not text:
                yield Diagnostic(f"The string of language '{code}' must not be {text!r}. Write a string.", (code,))


def default_label(name: str, kind: object) -> str | dict[str, str]:
    """Returns the label of a filter whose report.toml has none."""
    return dict(_DATE_LABELS[name]) if kind == "date" and name in _DATE_LABELS else name_in_words(name)


def name_in_words(name: str) -> str:
    """Returns the name of a column, a filter or a folder in words, as its heading.

    >>> name_in_words("order_date"), name_in_words("OrderDate"), name_in_words("Order Date")
    ('Order date', 'Order date', 'Order Date')
    """
    words = re.sub(r"[_\s]+", " ", name).strip()
    if " " not in words:
        split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", words)
        # An abbreviation, such as ID or URL, keeps its capital letters.
        words = " ".join(word if word.isupper() else word.lower() for word in split.split(" "))
    return words[:1].upper() + words[1:] if words else name
