"""Reads commands, code blocks, links and headings from the documentation with a Markdown parser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from infra.paths import ROOT

CLIENT_PAGE = ROOT / "infra" / "cli" / "README.md"

PAGES = tuple(sorted({*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), CLIENT_PAGE} - {ROOT / "CHANGELOG.md"}))
"""Documents that describe the current state. The changelog and decisions describe the state at their date."""

DOCUMENTS = tuple(
    sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / ".github").rglob("*.md"), CLIENT_PAGE})
)
"""All Markdown documents."""

SCRIPT = "sh"
"""Info string of code blocks whose commands a test of that page runs unchanged, one after another."""

PROGRAMS = {
    "apt-get", "aws", "bash", "cd", "cp", "curl", "docker", "env", "export", "git", "go", "gpg", "jq", "ln", "make",
    "minio", "mkdir", "node", "npm", "open", "openssl", "pip", "pip3", "pipx", "psql", "pytest", "python", "python3",
    "resma", "sam", "source", "sudo", "uv", "wget", ".resma/venv/bin/python", ".resma/venv/bin/resma",
}  # fmt: skip
"""Programs with which a command can begin."""

_ASSIGNMENT = re.compile(r"[A-Z][A-Z0-9_]*=\S*\s+")


@dataclass(frozen=True)
class Block:
    """A code block. `line` is its first line, `kind` the info string of its fence (empty if it has none)."""

    page: str
    line: int
    kind: str
    text: str


@dataclass(frozen=True)
class Command:
    """A command line that a reader can type."""

    page: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"


def name_of(page: Path) -> str:
    """Returns the path of a page relative to the project's folder."""
    return page.relative_to(ROOT).as_posix()


@cache
def tokens(page: Path) -> list[Token]:
    """Returns the tokens of a page."""
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def blocks(page: Path) -> Iterator[Block]:
    """Yields every code block, fenced or indented."""
    for token in tokens(page):
        if token.type in {"fence", "code_block"}:
            assert token.map is not None
            yield Block(name_of(page), token.map[0] + 1, token.info.strip(), token.content)


def inlines(page: Path) -> Iterator[tuple[int, Token]]:
    """Yields every inline token in paragraphs, tables and headings, with its line."""
    line = 0
    for token in tokens(page):
        line = token.map[0] + 1 if token.map else line
        for child in token.children or ():
            yield line, child


def commands(page: Path) -> Iterator[Command]:
    """Yields every command in code blocks and code spans, with continued lines joined and comments removed."""
    for block in blocks(page):
        if block.kind in {"", "bash", "console", "shell", SCRIPT} and not block.text.startswith("#!"):
            for line in block.text.replace("\\\n", " ").splitlines():
                if is_command(text := plain(line)):
                    yield Command(block.page, block.line, text)
    for number, token in inlines(page):
        if token.type == "code_inline" and is_command(token.content) and " " in token.content:
            yield Command(name_of(page), number, plain(token.content))


def plain(line: str) -> str:
    """Returns a line without its prompt, the comment at its end, and redundant white space."""
    return " ".join(re.sub(r"\s+#\s.*$", "", re.sub(r"^\s*\$ ", "", line)).split())


def is_command(line: str) -> bool:
    """Returns whether a line begins with a known program, possibly after assignments of environment variables."""
    words = re.sub(rf"^(?:{_ASSIGNMENT.pattern})+", "", line.strip()).split()
    return bool(words) and words[0] in PROGRAMS


@cache
def anchors(page: Path) -> set[str]:
    """Returns the anchors of a page, which GitHub derives from its headings."""
    found: set[str] = set()
    for before, token in zip(tokens(page), tokens(page)[1:], strict=False):
        if before.type == "heading_open":
            heading = "".join(child.content for child in token.children or ())
            slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            found.add(slug if slug not in found else f"{slug}-1")
    return found


def links(page: Path) -> Iterator[tuple[int, str]]:
    """Yields the line and URL of every link, picture and HTML attribute."""
    for line, token in inlines(page):
        for name in ("href", "src"):
            if address := token.attrGet(name):
                yield line, str(address)
        if token.type == "html_inline":
            yield from ((line, address) for address in _in_html(token.content))
    for token in tokens(page):
        if token.type == "html_block":
            assert token.map is not None
            yield from ((token.map[0] + 1, address) for address in _in_html(token.content))


def _in_html(text: str) -> list[str]:
    return re.findall(r'(?:href|src|srcset)="([^"\s]+)', text)
