"""The brand of an organization, as writers draw it: colors, footer, legal notice and logo. It comes from resma.toml."""

from __future__ import annotations

from dataclasses import dataclass

Operation = tuple[str, tuple[float, ...]]
"""One step of a path, with absolute coordinates: `m` (move, x y), `l` (line, x y), `c` (cubic curve, x1 y1 x2 y2 x y),
`h` (close)."""


@dataclass(frozen=True, slots=True)
class LogoShape:
    """A path of a vector logo. Colors are six hexadecimal digits; None is not drawn."""

    operations: tuple[Operation, ...]
    fill: str | None
    stroke: str | None
    stroke_width: float
    even_odd: bool
    """Whether overlaps are filled by the even-odd rule, otherwise by the nonzero rule."""


@dataclass(frozen=True, slots=True)
class VectorLogo:
    """A logo of paths, from an SVG file. Coordinates start at the lower left corner."""

    width: float
    height: float
    shapes: tuple[LogoShape, ...]


@dataclass(frozen=True, slots=True)
class PixelLogo:
    """A logo of pixels, from a PNG file, on white."""

    width: int
    height: int
    rgb: bytes
    """Three bytes per pixel, in rows from the top."""


Logo = VectorLogo | PixelLogo


@dataclass(frozen=True, slots=True)
class Brand:
    """Brand of a report, in the language of the report. None means the default of Resma, or nothing."""

    primary: str | None = None
    """Color of titles, headings and charts, as six hexadecimal digits."""
    accent: str | None = None
    """Color of the line below titles, and second color of charts."""
    footer: str | None = None
    """Text at the bottom of every page."""
    legal: str | None = None
    """Text at the bottom of the cover, or in the letterhead of a report without a cover."""
    logo: Logo | None = None
