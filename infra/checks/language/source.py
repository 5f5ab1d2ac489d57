"""The text of a file, and what in it is a comment, a docstring, a string or a name."""

from __future__ import annotations

import ast
import bisect
import functools
import re
import string
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from infra.checks.language.stop_list import KINDS, Term, matches_any

AROUND = 120
"""Characters before and after a word that are searched for the phrase that it belongs to."""

_LOWER = str.maketrans({letter: letter.lower() for letter in string.ascii_uppercase})

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
"""By suffix: the tokens that tell a comment, a string and a name apart. Python's tokenizer takes ten times longer."""


class Source:
    """The text of a file. What is a comment and what a string is found out when it is first needed."""

    def __init__(self, path: str, text: str, is_path: bool = False) -> None:
        self.path, self.text, self._is_path = path, text, is_path
        self._suffix = Path(path).suffix
        lowered = text.lower()
        self._lowered = lowered if len(lowered) == len(text) else text.translate(_LOWER)

    def may_have(self, term: Term) -> bool:
        """Tells whether the file is one of a term's, and has one of its hints."""
        return any(hint in self._lowered for hint in term.hints) and (
            not term.only or matches_any(self.path, term.only)
        )

    def find(self, term: Term) -> Iterator[re.Match[str]]:
        """Yields the matches of a term's pattern. Only text around its hints is searched: that is much faster."""
        for begin, end in self._find_surroundings(term.hints):
            yield from term.expression.finditer(self.text, begin, end)

    def _find_surroundings(self, hints: Iterable[str]) -> Iterator[tuple[int, int]]:
        """Yields parts of the text, apart from each other, that have all occurrences of the hints."""
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
        """Returns the number of a position's line, from 1; 0 in a path."""
        return 0 if self._is_path else bisect.bisect_right(self._line_starts, position)

    def is_one_of(self, kinds: frozenset[str], span: tuple[int, int]) -> bool:
        """Tells whether a part of the text is of one of these kinds."""
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
        """The position of each token and its kind. Docstrings are strings here."""
        found = [(token.start(), token.lastgroup or "") for token in LEXERS[self._suffix].finditer(self.text)]
        return [start for start, _ in found], [kind for _, kind in found]

    @functools.cached_property
    def _docstrings(self) -> set[int]:
        """The positions of strings that are statements: docstrings, and those below an attribute."""
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
