"""The report's own typefaces, read by reportlab, for the one-byte fonts and the cover."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from reportlab.pdfbase.ttfonts import TTFont

FONTS = Path(__file__).parents[3] / "fonts"

REGULAR, BOLD = "Resma", "Resma-Bold"
"""Names of the typefaces in reportlab."""

NARROW_SPACE = 0x9D
"""Code of U+202F in the one-byte fonts, which separates thousands in French. Windows-1252 does not use this code."""

CODE_POINTS = [ord(bytes([code]).decode("cp1252", "replace")) for code in range(256)]
"""Code points of the one-byte fonts: Windows-1252 and the narrow space; U+FFFD for codes that are not used."""
CODE_POINTS[NARROW_SPACE] = 0x202F

_SOFT_HYPHEN = 0xAD
_ZERO_WIDTH_SPACE = 0x200B


class Face:
    """One typeface file, which is read once and does not change. Widths are in thousandths of an em, as in PDF.

    `font` is the font of reportlab canvases. They share its tables with the pages of the table, which takes 3 MB less.
    """

    def __init__(self, name: str, path: Path) -> None:
        self.font = TTFont(name, str(path))
        self.ttf = self.font.face
        self.glyphs: dict[int, int] = self.ttf.charToGlyph
        self.missing_width: int = round(self.ttf.defaultWidth)
        self.widths: dict[int, int] = {point: round(width) for point, width in self.ttf.charWidths.items()}
        self._hide_soft_hyphen()

    def _hide_soft_hyphen(self) -> None:
        """Makes the soft hyphen an empty glyph of zero width; at the end of a line it is replaced by a hyphen."""
        self.glyphs[_SOFT_HYPHEN] = self.glyphs[_ZERO_WIDTH_SPACE]
        self.widths[_SOFT_HYPHEN] = 0

    def width_of(self, point: int) -> int:
        return self.widths.get(point, self.missing_width)


@cache
def regular() -> Face:
    return Face(REGULAR, FONTS / "Roboto-Regular.ttf")


@cache
def bold() -> Face:
    return Face(BOLD, FONTS / "Roboto-Bold.ttf")


FACES: dict[str, Callable[[], Face]] = {"R": regular, "B": bold}
"""Faces by the letter of their names in content streams: `/R1` has one byte per character, `/R2` and further have
two."""
