"""`python -m infra.checks.language [--count] [--only PATH ...]`: finds words that STYLE.md replaces by standard terms.

The words are in infra/checks/stop_list.toml. Searched are comments, docstrings, strings and names of code, the other
text files, and the paths of all files.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from infra.checks.language.search import Hit, search_tree
from infra.checks.language.stop_list import StopListError, read_stop_list
from infra.paths import ROOT


def count(hits: Iterable[Hit], key: Callable[[Hit], str]) -> Iterator[str]:
    """Yields a line per key with the number of its hits, the largest number first."""
    for name, number in Counter(key(hit) for hit in hits).most_common():
        yield f"{number:6}  {name}"


def _folder(hit: Hit) -> str:
    parts = hit.path.split("/")
    return "/".join(parts[: min(2, len(parts) - 1)]) or hit.path


def _shorten(pattern: str, longest: int = 60) -> str:
    return pattern if len(pattern) <= longest else f"{pattern[: longest - 1]}…"


def _relative(path: str) -> str:
    """A path of the command line, relative to the project's folder. Raises StopListError where it does not exist."""
    whole = Path(path).resolve()
    if not whole.exists() or not whole.is_relative_to(ROOT):
        raise StopListError(f"{path} does not exist in {ROOT}.")
    return whole.relative_to(ROOT).as_posix()


def main(given: Sequence[str] | None = None) -> int:
    """The command line. Returns 1 where the stop list objects to something, 2 where a path or the list is wrong."""
    parser = argparse.ArgumentParser(prog="python -m infra.checks.language", description="Searches for stopped words.")
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
    for line in count(hits, lambda hit: f"{_shorten(hit.term.pattern)}: say {hit.term.say}"):
        print(line)
    print(f"language: {len(hits)} phrases to replace, {len(unused)} exceptions without use")
    return 1 if hits or unused else 0


if __name__ == "__main__":
    sys.exit(main())
