"""`python -m infra.checks.language [--count] [--only PATH ...]`: finds words that STYLE.md replaces by standard terms.

The words are in stop_list.toml. The search includes comments, docstrings, strings and names of code, other text files,
and the paths of all files. In a pattern, a space matches everything that separates words: white space, a line break
with a comment mark, `_`, `-`, or the next capital letter of a name. A pattern matches whole words and ignores case.
"""

from __future__ import annotations

import argparse
import ast
import bisect
import functools
import os
import re
import string
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from infra.paths import ROOT

STOP_LIST = Path(__file__).with_name("stop_list.toml")

SKIPPED_FOLDERS = {".git", ".resma", ".aws-sam", "node_modules", "__pycache__"}
"""Folders that are not searched. Caches of tools (`*_cache`, `*.egg-info`, `.hypothesis`) are not searched either."""

TEXT_FILES = {
    ".cfg", ".conf", ".css", ".go", ".html", ".java", ".js", ".json", ".md", ".mjs", ".py", ".sh", ".sql", ".svg",
    ".toml", ".ts", ".txt", ".xml", ".yaml", ".yml", "",
}  # fmt: skip
"""Suffixes of the files that are searched."""

KINDS: Mapping[str, frozenset[str]] = {
    "all": frozenset({"comment", "docstring", "string", "name", "other"}),
    "text": frozenset({"comment", "docstring", "string", "other"}),
    "comments": frozenset({"comment", "docstring", "other"}),
    "docstrings": frozenset({"docstring"}),
    "strings": frozenset({"string", "other"}),
    "names": frozenset({"name"}),
}
"""The kinds of text that each value of `where` includes. "other" is text that is not code, such as Markdown."""

AROUND = 120
"""Number of characters around a word that are searched for an allowed phrase."""

_LOWER = str.maketrans({letter: letter.lower() for letter in string.ascii_uppercase})

_BOUNDARY = r"(?:(?<![A-Za-z])|(?![A-Za-z])|(?-i:(?<=[a-z0-9])(?=[A-Z])))"
_SEPARATOR = (
    r"(?:[ \t_-]+|[ \t]*\r?\n[ \t]*(?:(?:\#|//|--|\*|>)[ \t]*)?"
    r"""|[ ]?["'`][ \t]*\+?\s+\+?[ \t]*[a-z]{0,2}["'`][ ]?|(?-i:(?<=[a-z0-9])(?=[A-Z])))"""
)

_PYTHON = re.compile(
    r"""(?P<comment>\#[^\n]*)
    |(?P<string>(?:\b(?:[rbfu]|rb|br|rf|fr))?(?:'''(?:[^\\]|\\.)*?'''|\"\"\"(?:[^\\]|\\.)*?\"\"\"
        |'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"))
    |(?P<name>[^\W\d]\w*)""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_BRACES = re.compile(
    r"""(?P<string>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`)
    |(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<name>[^\W\d][\w$]*)""",
    re.VERBOSE | re.DOTALL,
)
_SQL = re.compile(r"(?P<comment>--[^\n]*|/\*.*?\*/)|(?P<string>'[^']*')|(?P<name>[^\W\d]\w*)", re.DOTALL)

LEXERS: Mapping[str, re.Pattern[str]] = {
    ".py": _PYTHON, ".js": _BRACES, ".mjs": _BRACES, ".ts": _BRACES, ".go": _BRACES, ".java": _BRACES, ".sql": _SQL,
}  # fmt: skip
"""Expressions by suffix that distinguish comments, strings and names. Python's tokenizer takes ten times longer."""


class StopListError(Exception):
    """The stop list or an argument is not valid. The message says which, and why."""


@dataclass(frozen=True)
class Term:
    """An entry of the stop list: a pattern that must not occur, and what to write instead."""

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
        """The compiled pattern."""
        return compile_words(self.pattern, self.case)

    @functools.cached_property
    def allowed(self) -> tuple[re.Pattern[str], ...]:
        """The compiled phrases in which the words are allowed."""
        return tuple(compile_words(phrase) for phrase in self.allow)


@dataclass(frozen=True)
class ReasonedException:
    """A phrase that is allowed in some files. Other uses of its words in these files are still reported."""

    paths: tuple[str, ...]
    phrase: str
    reason: str

    @functools.cached_property
    def expression(self) -> re.Pattern[str]:
        """The compiled phrase, in which a space matches everything that separates words."""
        return re.compile(re.escape(self.phrase).replace(r"\ ", _SEPARATOR), re.IGNORECASE)


@dataclass(frozen=True)
class StopList:
    """The stop list. `skipped` has patterns of skipped paths, `without_code` of paths whose code spans are skipped."""

    terms: tuple[Term, ...]
    exceptions: tuple[ReasonedException, ...]
    skipped: tuple[str, ...]
    without_code: tuple[str, ...]


@dataclass(frozen=True)
class Hit:
    """A match of a term. `line` is 0 if the match is in the file's path."""

    path: str
    line: int
    phrase: str
    term: Term

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else f"{self.path}:1: path"
        return f"{where}: '{' '.join(self.phrase.split())}': say {self.term.say}"


def compile_words(pattern: str, case: bool = False) -> re.Pattern[str]:
    """Compiles a pattern of the stop list, in which a space matches everything that separates words."""
    spaced = pattern.replace(" ", _SEPARATOR)
    return re.compile(f"{_BOUNDARY}(?:{spaced}){_BOUNDARY}", re.NOFLAG if case else re.IGNORECASE)


def read_stop_list(path: Path = STOP_LIST) -> StopList:
    """Reads the stop list. Raises StopListError if an entry is incomplete or a pattern is not valid."""
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
    try:
        compile_words(term.pattern, term.case)
        for phrase in term.allow:
            compile_words(phrase)
    except re.error as error:
        raise StopListError(f"'{term.pattern}' is not a valid regular expression: {error}.") from error
    return term


def find_files(root: Path = ROOT) -> Iterator[str]:
    """Yields the paths of all text files below a folder, relative to it."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not _is_state(name))
        for name in sorted(names):
            if Path(name).suffix.lower() in TEXT_FILES or name.startswith("."):
                yield Path(folder, name).relative_to(root).as_posix()


def _is_state(name: str) -> bool:
    return name in SKIPPED_FOLDERS or name.endswith((".egg-info", "_cache")) or name == ".hypothesis"


def search_text(path: str, text: str, stop_list: StopList) -> Iterator[tuple[Hit, ReasonedException | None]]:
    """Yields the hits in a file, each with the exception that allows it, if any."""
    if _matches(path, stop_list.without_code):
        text = re.sub(r"`[^`\n]*`", lambda span: "`" * len(span[0]), text)
    exceptions = [item for item in stop_list.exceptions if _matches(path, item.paths)]
    for source in (_Source(path, path, is_path=True), _Source(path, text)):
        for term in stop_list.terms:
            if source.may_have(term):
                yield from _search(source, term, exceptions)


def _search(
    source: _Source, term: Term, exceptions: Sequence[ReasonedException]
) -> Iterator[tuple[Hit, ReasonedException | None]]:
    kinds = KINDS[term.where]
    for found in source.find(term):
        span = found.span()
        if not source.is_one_of(kinds, span) or any(_covers(allowed, source.text, span) for allowed in term.allowed):
            continue
        hit = Hit(source.path, source.line_of(span[0]), found[0], term)
        yield (
            hit,
            next((item for item in exceptions if _covers(item.expression, source.text, span, or_part=True)), None),
        )


def _covers(expression: re.Pattern[str], text: str, span: tuple[int, int], or_part: bool = False) -> bool:
    """Returns whether a match of an expression contains `span`, or (`or_part`) is contained in it."""
    begin, end = span
    for found in expression.finditer(text, max(0, begin - AROUND), end + AROUND):
        if found.start() <= begin and end <= found.end():
            return True
        if or_part and begin <= found.start() and found.end() <= end:
            return True
    return False


class _Source:
    """The text of a file. It is split into comments, strings and names only when needed."""

    def __init__(self, path: str, text: str, is_path: bool = False) -> None:
        self.path, self.text, self._is_path = path, text, is_path
        self._suffix = Path(path).suffix
        lowered = text.lower()
        self._lowered = lowered if len(lowered) == len(text) else text.translate(_LOWER)

    def may_have(self, term: Term) -> bool:
        """Returns whether the term applies to the file, and the text contains one of its hints."""
        return any(hint in self._lowered for hint in term.hints) and (not term.only or _matches(self.path, term.only))

    def find(self, term: Term) -> Iterator[re.Match[str]]:
        """Yields the matches of a term's pattern. Only text around its hints is searched, which is much faster."""
        for begin, end in self._find_surroundings(term.hints):
            yield from term.expression.finditer(self.text, begin, end)

    def _find_surroundings(self, hints: Iterable[str]) -> Iterator[tuple[int, int]]:
        """Yields disjoint parts of the text that contain all occurrences of the hints."""
        positions = sorted(position for hint in hints for position in _find_all(hint, self._lowered))
        begin = end = -1
        for position in positions:
            if position - AROUND > end:
                if end >= 0:
                    yield begin, end
                begin = max(0, position - AROUND)
            end = position + AROUND
        if end >= 0:
            yield begin, end

    @functools.cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(found.end() for found in re.finditer("\n", self.text))]

    def line_of(self, position: int) -> int:
        """Returns the line number of a position, from 1; 0 in a path."""
        return 0 if self._is_path else bisect.bisect_right(self._line_starts, position)

    def is_one_of(self, kinds: frozenset[str], span: tuple[int, int]) -> bool:
        """Returns whether a part of the text is of one of these kinds."""
        if kinds == KINDS["all"]:
            return True
        if self._is_path:
            return "name" in kinds
        if self._suffix not in LEXERS:
            return "other" in kinds
        starts, found = self._tokens
        index = bisect.bisect_right(starts, span[1] - 1) - 1
        kind = found[index] if index >= 0 else "name"
        is_sure = kind != "string" or ("docstring" in kinds) == ("string" in kinds)
        return (kind if is_sure or starts[index] not in self._docstrings else "docstring") in kinds

    @functools.cached_property
    def _tokens(self) -> tuple[list[int], list[str]]:
        """The positions and the kinds of all tokens. Docstrings have the kind `string`."""
        found = [(token.start(), token.lastgroup or "") for token in LEXERS[self._suffix].finditer(self.text)]
        return [start for start, _ in found], [kind for _, kind in found]

    @functools.cached_property
    def _docstrings(self) -> set[int]:
        """The positions of strings that are statements: docstrings, also those below an attribute."""
        try:
            tree = ast.parse(self.text if self._suffix == ".py" else "")
        except SyntaxError:
            return set()
        lines = self.text.splitlines(keepends=True)
        return {
            self._line_starts[node.lineno - 1] + len(lines[node.lineno - 1].encode()[: node.col_offset].decode())
            for node in ast.walk(tree)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }


def _find_all(hint: str, text: str) -> Iterator[int]:
    position = text.find(hint)
    while position >= 0:
        yield position
        position = text.find(hint, position + 1)


def _matches(path: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def search_tree(stop_list: StopList, root: Path = ROOT, only: Sequence[str] = ()) -> tuple[list[Hit], set[str]]:
    """Searches all files, or those at or below `only`. Returns the hits, and messages for unused exceptions."""
    hits: list[Hit] = []
    used: set[ReasonedException] = set()
    for path in find_files(root):
        if _matches(path, stop_list.skipped) or not _is_selected(path, only):
            continue
        try:
            text = (root / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for hit, exception in search_text(path, text, stop_list):
            if exception is None:
                hits.append(hit)
            else:
                used.add(exception)
    unused = () if only else [item for item in stop_list.exceptions if item not in used]
    return hits, {
        f"stop_list.toml: no text needs the exception '{item.phrase}' in {', '.join(item.paths)}" for item in unused
    }


def _is_selected(path: str, only: Sequence[str]) -> bool:
    return not only or any(path == one or path.startswith(f"{one}/") or one == "." for one in only)


def count(hits: Iterable[Hit], key: Callable[[Hit], str]) -> Iterator[str]:
    """Yields a line per key with its number of hits, the largest number first."""
    for name, number in Counter(key(hit) for hit in hits).most_common():
        yield f"{number:6}  {name}"


def _folder(hit: Hit) -> str:
    parts = hit.path.split("/")
    return "/".join(parts[: min(2, len(parts) - 1)]) or hit.path


def _relative(path: str) -> str:
    """Returns a path relative to the project's folder. Raises StopListError if it does not exist."""
    whole = Path(path).resolve()
    if not whole.exists() or not whole.is_relative_to(ROOT):
        raise StopListError(f"{path} does not exist in {ROOT}.")
    return whole.relative_to(ROOT).as_posix()


def main(given: Sequence[str] | None = None) -> int:
    """Runs the command. Returns the exit code: 1 if there are hits, 2 if a path or the stop list is not valid."""
    parser = argparse.ArgumentParser(
        prog="python -m infra.checks.language", description="Searches for words of the stop list."
    )
    parser.add_argument("--count", action="store_true", help="print numbers by folder and by pattern only")
    parser.add_argument("--only", nargs="+", metavar="PATH", default=[], help="search these files and folders only")
    options = parser.parse_args(given)
    try:
        hits, unused = search_tree(read_stop_list(), only=[_relative(path) for path in options.only])
    except StopListError as error:
        print(error, file=sys.stderr)
        return 2
    for line in count(hits, _folder) if options.count else (*hits, *sorted(unused)):
        print(line)
    for line in count(hits, lambda hit: f"{hit.term.pattern} -> {hit.term.say}"):
        print(line)
    print(f"language: {len(hits)} phrases to replace, {len(unused)} exceptions without use")
    return 1 if hits or unused else 0


if __name__ == "__main__":
    sys.exit(main())
