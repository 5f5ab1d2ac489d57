"""Colours, fonts and lines of text as reportlab wants them, for the cover and its charts."""

from __future__ import annotations

from functools import cache

from reportlab.graphics.shapes import STATE_DEFAULTS
from reportlab.lib.colors import Color, HexColor
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from resma.writers.pdf.face import FONTS, regular

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
    low, high = 0, min(len(line), int(width))  # no character of a word is under a point wide
    while low < high:
        middle = (low + high + 1) // 2
        if width_of(line[:middle].rstrip() + "…", size, font) <= width:
            low = middle
        else:
            high = middle - 1
    return line[:low].rstrip() + "…"


def wrapped(text: str, width: float, size: float) -> list[str]:
    """The text in lines, broken at spaces where there are any."""
    lines = []
    rest = drawable(text)
    while width_of(rest, size) > width:
        fitting = len(shortened(rest, width, size)) - 1
        space = rest.rfind(" ", 1, fitting + 1)
        at = space if space > 0 else max(1, fitting)
        lines.append(rest[:at])
        rest = rest[at:].lstrip()
    return [*lines, rest]
