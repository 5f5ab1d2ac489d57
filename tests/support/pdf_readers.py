"""Reads PDFs with libraries independent of the writer: qpdf checks the syntax, PDFium (used by Chrome) reads and draws.

Both come with Python packages (pikepdf, pypdfium2), so that no program has to be installed.
"""

from __future__ import annotations

import ctypes
import logging
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
import pypdfium2.raw as pdfium
from PIL.Image import Image

POINTS_PER_INCH = 72

_LINE_TOLERANCE = 2.0
"""Maximum distance in points between the baselines of words in one line, since font sizes differ."""

_BLANKS = frozenset(" \t\r\n")
_HYPHEN_AT_END_OF_LINE = 2
"""Character code that PDFium returns for a hyphen at the end of a line."""

_pdfium_lock = threading.Lock()
"""Held during every call of PDFium, which is not thread-safe."""


@dataclass(frozen=True)
class Word:
    """A word and its position, in points from the upper left corner of the page."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    baseline: float


@dataclass(frozen=True)
class Page:
    """The words of a page, in the order of the file. Lengths are in points."""

    width: float
    height: float
    words: list[Word]

    @cached_property
    def text(self) -> str:
        """The lines from top to bottom, each with its words from left to right, separated by one space."""
        return "\n".join(join_lines(self.words))


def join_lines(words: Sequence[Word]) -> list[str]:
    """Returns the lines of the words from top to bottom. Words of any script are ordered from left to right."""
    lines: list[list[Word]] = []
    for word in sorted(words, key=lambda word: word.baseline):
        if lines and word.baseline - lines[-1][0].baseline < _LINE_TOLERANCE:
            lines[-1].append(word)
        else:
            lines.append([word])
    return [" ".join(word.text for word in sorted(line, key=lambda word: word.left)) for line in lines]


def read_pages(data: bytes) -> list[Page]:
    """Returns each page with its words."""
    with _opened(data) as document:
        return [_read_page(page) for page in document]


def read_in_order(data: bytes) -> list[str]:
    """Returns the text of each page in the order of the file, with letters in the order in which they are read.

    Blanks at both ends of a page are left out: PDFium adds some behind vowels that have no width.
    """
    with _opened(data) as document:
        texts = [_decode(text for _, text in _characters(page.get_textpage())) for page in document]
    return [text.replace("\r\n", "\n").strip() for text in texts]


def draw_page(data: bytes, number: int, dots_per_inch: int, *, gray: bool = False) -> Image:
    """Returns an image of a page; pages are numbered from 1."""
    with _opened(data) as document:
        page = document[number - 1]
        image: Image = page.render(scale=dots_per_inch / POINTS_PER_INCH, grayscale=gray).to_pil()
        return image.copy()  # PDFium's memory is freed with the document


def require_valid_pdf(data: bytes) -> None:
    """Asserts that qpdf reports no errors and no warnings."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "checked.pdf"
        path.write_bytes(data)
        errors = find_syntax_errors(path)
    assert not errors, errors


def find_syntax_errors(path: Path, *, file_key: str | None = None) -> str:
    """Returns the errors and warnings that `qpdf --check` prints. The string is empty if it prints nothing.

    An encrypted PDF needs its file key, in hexadecimal digits.
    """
    decryption = [] if file_key is None else [f"--password={file_key}", "--password-is-hex-key"]
    job = pikepdf.Job(["qpdf", "--check", *decryption, str(path)])
    with _captured_warnings() as messages:
        try:
            job.run()
        except (pikepdf.PdfError, pikepdf.PasswordError, RuntimeError) as error:
            return f"{''.join(messages)}{error}"
    return "" if job.exit_code == 0 else "".join(messages)


@contextmanager
def _captured_warnings() -> Iterator[list[str]]:
    """Collects the warnings and errors that pikepdf logs: it passes on qpdf's messages in no other way."""
    messages: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("pikepdf")
    logger.addHandler(handler)
    try:
        yield messages
    finally:
        logger.removeHandler(handler)


@contextmanager
def _opened(data: bytes) -> Iterator[Any]:
    with _pdfium_lock, closing(pypdfium2.PdfDocument(data)) as document:
        yield document


def _read_page(page: Any) -> Page:
    width, height = page.get_size()
    return Page(width, height, list(_words(page.get_textpage(), height)))


def _characters(text_page: Any) -> Iterator[tuple[int, str]]:
    """Yields number and text of each character, with the spaces and line ends that PDFium finds between them.

    A glyph without text is left out: the letters of a cluster of glyphs can all belong to one of them. A character
    beyond the Basic Multilingual Plane comes as two surrogates.
    """
    for number in range(text_page.count_chars()):
        if pdfium.FPDFText_HasUnicodeMapError(text_page.raw, number) == 1:
            continue
        code = pdfium.FPDFText_GetUnicode(text_page.raw, number)
        if code == _HYPHEN_AT_END_OF_LINE and pdfium.FPDFText_IsHyphen(text_page.raw, number) == 1:
            yield number, "-"
            yield number, "\n"
        else:
            yield number, chr(code)


def _words(text_page: Any, page_height: float) -> Iterator[Word]:
    """Yields the words between spaces and line ends."""
    letters: list[str] = []
    numbers: list[int] = []
    for number, text in _characters(text_page):
        if text not in _BLANKS:
            letters.append(text)
            numbers.append(number)
        elif letters:
            yield _word(text_page, page_height, letters, numbers)
            letters, numbers = [], []
    if letters:
        yield _word(text_page, page_height, letters, numbers)


def _word(text_page: Any, page_height: float, letters: list[str], numbers: list[int]) -> Word:
    """Returns a word that extends from its first letter to its last one, in either direction."""
    first, last = (_box(text_page, number) for number in (numbers[0], numbers[-1]))
    x, y = ctypes.c_double(), ctypes.c_double()
    pdfium.FPDFText_GetCharOrigin(text_page.raw, numbers[0], x, y)
    return Word(
        text=_decode(letters),
        left=min(first.left, last.left),
        top=page_height - max(first.top, last.top),
        right=max(first.right, last.right),
        bottom=page_height - min(first.bottom, last.bottom),
        baseline=page_height - y.value,
    )


def _box(text_page: Any, number: int) -> Any:
    """Returns the rectangle of a character: as wide as its advance, and as high as its font."""
    box = pdfium.FS_RECTF()
    pdfium.FPDFText_GetLooseCharBox(text_page.raw, number, box)
    return box


def _decode(units: Iterable[str]) -> str:
    """Joins UTF-16 code units, and combines pairs of surrogates into characters."""
    return "".join(units).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
