"""What is wrong with a report type's files: where, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

FileName = Literal["report.toml", "query.sql"]

Place = tuple[str | int, ...]
"""Keys and indexes that lead to a value of report.toml: `("columns", 3, "kind")`."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One thing to mend. `at` is its place in report.toml; in query.sql it is known by its `line`."""

    says: str
    at: Place = ()
    file: FileName = "report.toml"
    line: int | None = None


class CatalogCheckError(ValueError):
    """Raised inside pydantic's validators: carries places that its own errors can't."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("; ".join(diagnostic.says for diagnostic in self.diagnostics))


# Words for kinds that people bring from elsewhere.
_ALSO_CALLED = {
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


def suggest(wrong: object, known: Iterable[str]) -> str:
    """What to write instead: the nearest of the known words, or all of them where none is near.

    >>> suggest("widht", ["width", "align"])
    'use width'
    """
    words = list(known)
    if (ours := _ALSO_CALLED.get(str(wrong))) in words:
        return f"use {ours}"
    if near := get_close_matches(str(wrong), words, n=1):
        return f"use {near[0]}"
    return f"there are {', '.join(words)}" if words else "there are none"


def lower_first(sentence: str) -> str:
    """To go on after a colon."""
    return sentence[:1].lower() + sentence[1:]
