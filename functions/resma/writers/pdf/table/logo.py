"""The logo of the brand: one form or image of the file (§8.10, §8.9), which every page shows in its own size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from resma.report.brand import Brand, Logo, LogoShape, PixelLogo, VectorLogo
from resma.writers.pdf.palette import operands
from resma.writers.pdf.syntax.objects import stream

NAME = b"/G"
"""Name of the logo in the resources of pages."""

Box = tuple[float, float]
"""Maximum width and height in points."""

COVER_LOGO: Box = (150.0, 34.0)
RUNNING_LOGO: Box = (70.0, 16.0)

_GAP = 8.0
_OPERATORS = {"m": b"m", "l": b"l", "c": b"c", "h": b"h"}


@dataclass(frozen=True, slots=True)
class PlacedLogo:
    """A logo on a page."""

    content: bytes
    """Operators that show the logo; none if the brand has no logo."""
    taken: float
    """Width that the logo and the gap beside it take, in points."""


def place_logo(brand: Brand, right: float, top: float, box: Box) -> PlacedLogo:
    """Returns the logo with its upper right corner at this position, as large as the box allows."""
    logo = brand.logo
    if logo is None:
        return PlacedLogo(b"", 0)
    scale = min(box[0] / logo.width, box[1] / logo.height)
    width, height = logo.width * scale, logo.height * scale
    # A form has the size of its view box, and an image is one unit wide and high (§8.9.5).
    across, up = (width, height) if isinstance(logo, PixelLogo) else (scale, scale)
    position = (across, up, right - width, top - height)
    return PlacedLogo(b"q %.5f 0 0 %.5f %.2f %.2f cm %b Do Q\n" % (*position, NAME), width + _GAP)


def logo_object(logo: Logo) -> bytes:
    """Returns the body of the logo's object: a form of paths, or an image in RGB."""
    if isinstance(logo, PixelLogo):
        entries = b"/Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceRGB/BitsPerComponent 8"
        return stream(entries % (logo.width, logo.height), logo.rgb)
    return _form(logo)


def _form(logo: VectorLogo) -> bytes:
    content = b"".join(part for shape in logo.shapes for part in _shape(shape))
    # PDF/A requires that a form refers to its resources (ISO 19005-2 6.2.2); paths need none.
    entries = b"/Type/XObject/Subtype/Form/BBox[0 0 %.4f %.4f]/Resources<<>>" % (logo.width, logo.height)
    return stream(entries, content)


def _shape(shape: LogoShape) -> Iterator[bytes]:
    """Yields the operators of a path (§8.5)."""
    if shape.fill:
        yield operands(shape.fill) + b" rg\n"
    if shape.stroke:
        yield b"%b RG %.4f w\n" % (operands(shape.stroke), shape.stroke_width)
    for operator, values in shape.operations:
        yield b" ".join([*(b"%.4f" % value for value in values), _OPERATORS[operator]]) + b"\n"
    yield _paint(shape) + b"\n"


def _paint(shape: LogoShape) -> bytes:
    star = b"*" if shape.even_odd else b""
    if shape.fill and shape.stroke:
        return b"B" + star
    return b"f" + star if shape.fill else b"S"
