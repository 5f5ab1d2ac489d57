"""Colors, fonts and lines of text for reportlab, for the cover and its charts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from reportlab.graphics.shapes import STATE_DEFAULTS
from reportlab.lib.colors import Color, HexColor
from reportlab.pdfbase import pdfmetrics

from resma.report.brand import Brand
from resma.writers import palette
from resma.writers.pdf.fonts.glyph_codes import WideState
from resma.writers.pdf.fonts.own_faces import BOLD, REGULAR, bold, regular
from resma.writers.pdf.text.cp1252 import visible
from resma.writers.pdf.text.line_breaks import HYPHEN, SOFT_HYPHEN, break_lines, ends_of, units
from resma.writers.pdf.text.unicode import WideText

INK, GRAY, RULE, STRIPE, NEGATIVE = (
    HexColor(f"#{color}") for color in (palette.INK, palette.GRAY, palette.RULE, palette.STRIPE, palette.NEGATIVE)
)


@dataclass(frozen=True, slots=True)
class Colors:
    """The palette of a report as reportlab colors."""

    accent: Color
    line: Color
    shades: tuple[Color, ...]


def colors_of(brand: Brand) -> Colors:
    """Returns the colors of a brand, or the usual ones."""
    chosen = palette.palette_of(brand)
    shades = tuple(HexColor(f"#{color}") for color in chosen.shades)
    return Colors(HexColor(f"#{chosen.accent}"), HexColor(f"#{chosen.line}"), shades)


USUAL_COLORS = colors_of(Brand())

_BREAKS = "\n\r\t\x0b\x0c\x85\u2028\u2029"


@cache
def register_fonts() -> None:
    """Registers the report's faces with reportlab, once per process."""
    for face in (regular(), bold()):
        pdfmetrics.registerFont(face.font)
    # Drawings select this font first. With the default, Helvetica, the file would refer to a font that is not embedded.
    STATE_DEFAULTS["fontName"] = REGULAR


def has_glyphs(text: str) -> bool:
    """Returns whether the report's own faces can show the text."""
    glyphs = regular().glyphs
    return all(ord(c) in glyphs or c in _BREAKS for c in text)


def drawable(text: str) -> str:
    """Replaces line breaks with spaces and missing characters, which reportlab would omit, with U+FFFD.

    Soft hyphens are removed.
    """
    glyphs = regular().glyphs
    characters = [" " if c in _BREAKS else c if ord(c) in glyphs else "\ufffd" for c in text if c != SOFT_HYPHEN]
    return "".join(characters)


def width_of(text: str, size: float, font: str = REGULAR) -> float:
    """Returns the width in points, in the report's own faces or in the fonts that replace them."""
    if not has_glyphs(text):
        return _measuring(font).measure(visible(text)) * size / 1000
    return float(pdfmetrics.stringWidth(text, font, size))


@cache
def _measuring(font: str) -> WideText:
    """Returns an object that only measures and cuts text; its fonts are not embedded in any file."""
    return WideText("B" if font == BOLD else "R", WideState())


def shortened(text: str, width: float, size: float, font: str = REGULAR) -> str:
    """Returns the text in one line, cut and ended by an ellipsis if it is wider than `width` points."""
    if not has_glyphs(text):
        return _measuring(font).cut(visible(text), width / size * 1000)
    line = drawable(text)
    if width_of(line, size, font) <= width:
        return line
    available = width - width_of("…", size, font)
    return line[: _fitting(line, available, lambda part: width_of(part, size, font))].rstrip() + "…"


def wrapped(text: str, width: float, measure: Callable[[str], float]) -> list[str]:
    """Splits text into lines. `measure` returns the width of a string in points."""
    line = visible(text)
    if measure(line) <= width:
        return [line]
    parts = units(line)
    return list(break_lines(line, parts, ends_of(parts, width, measure), width, measure(HYPHEN)))


def _fitting(line: str, width: float, measure: Callable[[str], float]) -> int:
    """Returns the number of characters that fit `width` points."""
    low, high = 0, min(len(line), max(0, int(width)))  # no character of a word is narrower than a point
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if measure(line[:middle]) <= width else (low, middle - 1)
    return low
