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
class Mistake:
    """One thing to mend. `at` is its place in report.toml; in query.sql it is known by its `line`."""

    says: str
    at: Place = ()
    file: FileName = "report.toml"
    line: int | None = None


class MistakesFound(ValueError):
    """Raised inside pydantic's validators: carries places that its own errors can't."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("; ".join(mistake.says for mistake in self.mistakes))


def suggest(wrong: object, known: Iterable[str]) -> str:
    """What to write instead: the nearest of the known words, or all of them where none is near.

    >>> suggest("widht", ["width", "align"])
    'use width'
    """
    words = list(known)
    if near := get_close_matches(str(wrong), words, n=1):
        return f"use {near[0]}"
    return f"there are {', '.join(words)}" if words else "there are none"
