"""Colors of reports in all formats: red, green and blue as six hexadecimal digits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from resma.report.brand import Brand
from resma.report.colors import contrast_with_white, mixed_with_white

ACCENT = "182E54"
INK = "21262E"
GRAY = "6B7380"
RULE = "CCD4DE"
STRIPE = "F1F4F8"
NEGATIVE = "A3483C"

SHADES = ("182E54", "3E6296", "7FA0CB", "B9CBE3", "8A93A0", "C9A55C", "D9DEE5")
"""Colors of the parts of a whole, in order of size: blues, then gray and sand. The last is for `Other`."""

_MAX_PALETTES = 64


@dataclass(frozen=True, slots=True)
class Palette:
    """Colors of one report: those above, or those of the brand."""

    accent: str = ACCENT
    """Color of titles, headings and charts, with enough contrast for white text on it."""
    line: str = ACCENT
    """Color of the line below titles."""
    subtotal: str = "E5EBF3"
    """Background of subtotals."""
    shades: tuple[str, ...] = SHADES


def palette_of(brand: Brand) -> Palette:
    """Returns the palette with the brand's colors, from which further shades are mixed."""
    return _palette(brand.primary, brand.accent)


@lru_cache(_MAX_PALETTES)
def _palette(primary: str | None, accent: str | None) -> Palette:
    usual = Palette()
    *_, gray, sand, other = usual.shades
    shades = usual.shades
    if primary:
        shades = (primary.upper(), *(mixed_with_white(primary, share) for share in (0.8, 0.5, 0.28)), gray, sand, other)
    if accent:
        shades = (*shades[:5], accent.upper(), other)
    return Palette(
        accent=(primary or usual.accent).upper(),
        line=(accent or primary or usual.line).upper(),
        subtotal=mixed_with_white(primary, 0.11) if primary else usual.subtotal,
        shades=shades,
    )


def is_light(color: str) -> bool:
    """Returns whether white text on this color is not legible."""
    return contrast_with_white(color) < 3
