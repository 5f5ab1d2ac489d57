"""Diagnostics: errors and warnings about a report type's files, each with its position and a remedy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

FileName = Literal["report.toml", "query.sql", "control.sql", "resma.toml"]

KeyPath = tuple[str | int, ...]
"""Keys and indexes that lead to a value of report.toml: `("columns", 3, "kind")`."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One error or warning. In report.toml its position is `key_path`; in a query it is `line`, from 1."""

    message: str
    key_path: KeyPath = ()
    file: FileName = "report.toml"
    line: int | None = None


class CatalogCheckError(ValueError):
    """Carries diagnostics out of pydantic's validators, whose own errors have no key paths below the model."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__(" ".join(diagnostic.message for diagnostic in self.diagnostics))


_SYNONYMS = {
    "money": "amount",
    "decimal": "amount",
    "numeric": "amount",
    "number": "amount",
    "float": "amount",
    "int": "integer",
    "bigint": "integer",
    "string": "text",
    "varchar": "text",
    "datetime": "timestamp",
    "timestamptz": "timestamp",
    "jsonb": "json",
    "enum": "choice",
    "list": "choice",
}
"""Names of types in databases and programming languages, and the kind that corresponds to each."""


def suggest(wrong: object, known: Iterable[str]) -> str:
    """Returns a sentence that names the most similar of the known words, or all of them if none is similar.

    >>> suggest("widht", ["width", "align"])
    "Use 'width'."
    """
    words = list(known)
    if (synonym := _SYNONYMS.get(str(wrong))) in words:
        return f"Use '{synonym}'."
    if matches := get_close_matches(str(wrong), words, n=1):
        return f"Use '{matches[0]}'."
    return f"Use one of {', '.join(words)}." if words else "None is defined. Remove it."
