"""Reads PDFs with poppler, which most Linux desktops use to display them. Tests skip it if it is not installed."""

from __future__ import annotations

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.eventually import PATIENCE_SECONDS
from tests.support.optional_tools import require_tools

_MARKS_OF_DIRECTION = dict.fromkeys(map(ord, "\u202a\u202b\u202c"))


def read_by_poppler(data: bytes, *options: str) -> list[str]:
    """Returns the text of each page, read by `pdftotext`. Asserts that it prints no warnings."""
    text = _run("pdftotext", data, "-enc", "UTF-8", *options, "{file}", "-")
    return [page.translate(_MARKS_OF_DIRECTION).strip() for page in text.split("\f")[:-1]]


def draw_by_poppler(data: bytes, dots_per_inch: int) -> None:
    """Draws all pages with `pdftoppm`. Asserts that it prints no warnings, for example about a font."""
    _run("pdftoppm", data, "-r", str(dots_per_inch), "{file}", "{file}")


def _run(program: str, data: bytes, *arguments: str) -> str:
    """Runs one of poppler's programs on a file with this content, whose path replaces `{file}`."""
    require_tools("poppler", [program], "apt-get install poppler-utils")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "file.pdf"
        path.write_bytes(data)
        command = [program, *(argument.replace("{file}", str(path)) for argument in arguments)]
        done = subprocess.run(command, capture_output=True, check=True, timeout=PATIENCE_SECONDS)
    assert not done.stderr, done.stderr
    return done.stdout.decode("utf-8")
