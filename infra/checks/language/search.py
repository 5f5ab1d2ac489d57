"""Searches files for the words of the stop list."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.checks.language.source import AROUND, Source
from infra.checks.language.stop_list import KINDS, ReasonedException, StopList, Term, matches_any
from infra.paths import ROOT

SKIPPED_FOLDERS = {".git", ".resma", ".aws-sam", "node_modules", "__pycache__"}
"""Folders without text of the project, besides the caches of tools (`.*_cache`, `*.egg-info`, `.hypothesis`)."""

TEXT_FILES = {
    ".cfg", ".conf", ".css", ".go", ".html", ".java", ".js", ".json", ".md", ".mjs", ".py", ".sh", ".sql", ".svg",
    ".toml", ".ts", ".txt", ".xml", ".yaml", ".yml", "",
}  # fmt: skip
"""Suffixes of the files that are searched."""


@dataclass(frozen=True)
class Hit:
    """A place that the stop list objects to. `line` is 0 where it is the file's path."""

    path: str
    line: int
    phrase: str
    term: Term

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else f"{self.path}:1: path"
        return f"{where}: '{' '.join(self.phrase.split())}': say {self.term.say}"


def search_tree(stop_list: StopList, root: Path = ROOT, only: Sequence[str] = ()) -> tuple[list[Hit], set[str]]:
    """Searches all files, or those at or below `only`. Returns the hits, and messages of unused exceptions."""
    hits: list[Hit] = []
    used: set[ReasonedException] = set()
    for path in find_files(root):
        if matches_any(path, stop_list.skipped) or not _is_wanted(path, only):
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


def _is_wanted(path: str, only: Sequence[str]) -> bool:
    return not only or any(path == one or path.startswith(f"{one}/") or one == "." for one in only)


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
    """Yields what the stop list objects to in a file, each with the exception that allows it, if there is one."""
    if matches_any(path, stop_list.without_code):
        text = re.sub(r"`[^`\n]*`", lambda span: "`" * len(span[0]), text)
    exceptions = [item for item in stop_list.exceptions if matches_any(path, item.paths)]
    for source in (Source(path, path, is_path=True), Source(path, text)):
        for term in stop_list.terms:
            if source.may_have(term):
                yield from _search(source, term, exceptions)


def _search(
    source: Source, term: Term, exceptions: Sequence[ReasonedException]
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
    """Tells whether a match of an expression contains a part of the text, or (`or_part`) is contained in it."""
    begin, end = span
    for found in expression.finditer(text, max(0, begin - AROUND), end + AROUND):
        if found.start() <= begin and end <= found.end():
            return True
        if or_part and begin <= found.start() and found.end() <= end:
            return True
    return False
