"""The stop list: reads stop_list.toml and compiles its patterns.

In a pattern a space stands for whatever separates words: white space, a line break with a comment mark, `_`, `-`, or
the next capital letter of a name. A pattern matches whole words.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

STOP_LIST = Path(__file__).parents[1] / "stop_list.toml"

KINDS: Mapping[str, frozenset[str]] = {
    "all": frozenset({"comment", "docstring", "string", "name", "other"}),
    "text": frozenset({"comment", "docstring", "string", "other"}),
    "comments": frozenset({"comment", "docstring", "other"}),
    "docstrings": frozenset({"docstring"}),
    "strings": frozenset({"string", "other"}),
    "names": frozenset({"name"}),
}
"""What the `where` of a term means. "other" is text of files that are not code, such as Markdown and YAML."""

_BOUNDARY = r"(?:(?<![A-Za-z])|(?![A-Za-z])|(?-i:(?<=[a-z0-9])(?=[A-Z])))"
_SEPARATOR = (
    r"(?:[ \t_-]+|[ \t]*\r?\n[ \t]*(?:(?:\#|//|--|\*|>)[ \t]*)?"
    r"""|[ ]?["'`][ \t]*\+?\s+\+?[ \t]*[a-z]{0,2}["'`][ ]?|(?-i:(?<=[a-z0-9])(?=[A-Z])))"""
)


class StopListError(Exception):
    """The stop list is not usable. The message says which entry is wrong, and why."""


@dataclass(frozen=True)
class Term:
    """An entry of the stop list: what must not be written, and what to write instead."""

    pattern: str
    say: str
    hints: tuple[str, ...]
    hits: tuple[str, ...]
    misses: tuple[str, ...]
    where: str = "all"
    case: bool = False
    only: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()

    @functools.cached_property
    def expression(self) -> re.Pattern[str]:
        """The pattern, compiled."""
        return compile_words(self.pattern, self.case)

    @functools.cached_property
    def allowed(self) -> tuple[re.Pattern[str], ...]:
        """The phrases in which the words are right, compiled."""
        return tuple(compile_words(phrase) for phrase in self.allow)


@dataclass(frozen=True)
class ReasonedException:
    """A phrase that is right in some files. Other uses of its words in the same files are still reported."""

    paths: tuple[str, ...]
    phrase: str
    reason: str

    @functools.cached_property
    def expression(self) -> re.Pattern[str]:
        """The phrase, in which a space matches what separates words."""
        return re.compile(re.escape(self.phrase).replace(r"\ ", _SEPARATOR), re.IGNORECASE)


@dataclass(frozen=True)
class StopList:
    """The whole stop list. `skipped` has patterns of paths, `without_code` those whose code spans are not searched."""

    terms: tuple[Term, ...]
    exceptions: tuple[ReasonedException, ...]
    skipped: tuple[str, ...]
    without_code: tuple[str, ...]


def matches_any(path: str, patterns: Iterable[str]) -> bool:
    """Tells whether a path matches one of some patterns, in which `*` matches `/` too."""
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def compile_words(pattern: str, case: bool = False) -> re.Pattern[str]:
    """Compiles a pattern of the stop list, in which a space matches what separates words."""
    spaced = pattern.replace(" ", _SEPARATOR)
    return re.compile(f"{_BOUNDARY}(?:{spaced}){_BOUNDARY}", re.NOFLAG if case else re.IGNORECASE)


def read_stop_list(path: Path = STOP_LIST) -> StopList:
    """Reads the stop list. Raises StopListError where an entry lacks something or a pattern is wrong."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    skips = document.get("skip", [])
    try:
        stop_list = StopList(
            tuple(_read_term(item) for item in document["term"]),
            tuple(ReasonedException(**_with_tuples(item)) for item in document.get("exception", [])),
            tuple(skip["path"] for skip in skips if not skip.get("code_spans_only")),
            tuple(skip["path"] for skip in skips if skip.get("code_spans_only")),
        )
    except (KeyError, TypeError) as error:
        raise StopListError(f"{path.name}: {error}") from error
    reasons = [*skips, *document.get("exception", [])]
    if not all(item.get("reason", "").strip() for item in reasons):
        raise StopListError(f"{path.name}: every [[exception]] and [[skip]] must have a `reason`.")
    return stop_list


def _with_tuples(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in item.items()}


def _read_term(item: Mapping[str, Any]) -> Term:
    term = Term(**_with_tuples(item))
    if term.where not in KINDS:
        raise StopListError(f"'{term.pattern}': `where` must be one of {', '.join(KINDS)}.")
    for pattern in (term.pattern, *term.allow):
        try:
            compile_words(pattern)
        except re.error as error:
            raise StopListError(f"'{pattern}' is not a valid regular expression: {error}.") from error
    return term
