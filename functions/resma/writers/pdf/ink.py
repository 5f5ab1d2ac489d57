"""Colours, fonts and lines of text as reportlab wants them, for the cover and its charts."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from reportlab.graphics.shapes import STATE_DEFAULTS
from reportlab.lib.colors import Color, HexColor
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from resma.writers.pdf.face import FONTS, regular
from resma.writers.pdf.single_byte import visible

REGULAR = "Resma"
BOLD = "Resma-Bold"

ACCENT = HexColor("#182E54")
INK = HexColor("#21262E")
GREY = HexColor("#6B7380")
RULE = HexColor("#CCD4DE")
STRIPE = HexColor("#F1F4F8")
NEGATIVE = HexColor("#A3483C")

SHADES: tuple[Color, ...] = tuple(
    HexColor(code) for code in ("#182E54", "#3E6296", "#7FA0CB", "#B9CBE3", "#8A93A0", "#C9A55C", "#D9DEE5")
)
"""For the parts of a whole, in order of size: blues, then grey and sand. The last is for `Other`."""

_BREAKS = "\n\r\t\x0b\x0c\x85\u2028\u2029"


@cache
def register_fonts() -> None:
    """Makes the report's faces known to reportlab, once in a process."""
    pdfmetrics.registerFont(TTFont(REGULAR, str(FONTS / "Roboto-Regular.ttf")))
    pdfmetrics.registerFont(TTFont(BOLD, str(FONTS / "Roboto-Bold.ttf")))
    # Drawings set this font before they begin: left at Helvetica, the file would name a font it lacks.
    STATE_DEFAULTS["fontName"] = REGULAR


def has_glyphs(text: str) -> bool:
    """Whether the report's own faces can show the text."""
    glyphs = regular().glyphs
    return all(ord(c) in glyphs or c in _BREAKS for c in text)


def drawable(text: str) -> str:
    """Line breaks as spaces, and what the faces lack as U+FFFD: reportlab would leave it out."""
    glyphs = regular().glyphs
    return "".join([" " if c in _BREAKS else c if ord(c) in glyphs else "\ufffd" for c in text])


def width_of(text: str, size: float, font: str = REGULAR) -> float:
    """Width on paper in points."""
    return float(pdfmetrics.stringWidth(text, font, size))


def shortened(text: str, width: float, size: float, font: str = REGULAR) -> str:
    """The text in one line, with an ellipsis where `width` points do not hold it."""
    line = drawable(text)
    if width_of(line, size, font) <= width:
        return line
    room = width - width_of("…", size, font)
    return line[: _fitting(line, room, lambda part: width_of(part, size, font))].rstrip() + "…"


def wrapped(text: str, width: float, measure: Callable[[str], float]) -> list[str]:
    """The text in lines, broken at spaces where there are any. `measure` gives the width of a text in points."""
    lines = []
    rest = visible(text)
    while measure(rest) > width:
        fitting = _fitting(rest, width, measure)
        space = rest.rfind(" ", 1, fitting + 1)
        at = space if space > 0 else max(1, fitting)
        lines.append(rest[:at])
        rest = rest[at:].lstrip()
    return [*lines, rest]


def _fitting(line: str, width: float, measure: Callable[[str], float]) -> int:
    """How many characters `width` points hold."""
    low, high = 0, min(len(line), max(0, int(width)))  # no character of a word is under a point wide
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if measure(line[:middle]) <= width else (low, middle - 1)
    return low
