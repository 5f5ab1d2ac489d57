"""Reads logos: SVG files as paths, and PNG files as pixels on white.

Of SVG, everything that consists of filled or stroked paths and basic shapes is drawn; other elements are refused by
name, so that a logo never appears in part.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from resma.report.brand import Logo, LogoShape, Operation, PixelLogo, VectorLogo
from resma.report.colors import mixed_with_white

MAX_SVG_BYTES = 256 * 1024
MAX_PNG_BYTES = 2 * 1024 * 1024
MAX_PIXELS = 16_000_000
MAX_OPERATIONS = 20_000
"""Maximum number of lines and curves of an SVG file."""
MAX_ASPECT = 20
"""Maximum ratio of the longer to the shorter side."""
MAX_COORDINATE = 100_000
"""Maximum absolute value of a coordinate, in units of the view box. A PDF has no infinite numbers."""
MIN_SIDE = 0.1
"""Minimum length of a side of the view box. PDFs have four decimals of each coordinate."""

_KEPT_PIXELS = (1200, 480)
"""Larger images are made smaller: a logo is at most 150 by 34 points, which is 576 dpi."""

_DRAWN = frozenset({"svg", "g", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "use"})
_SILENT = frozenset({"title", "desc", "metadata", "style", "defs", "symbol", "namedview", "a", "switch"})
"""Elements that draw nothing themselves."""
_UNSUPPORTED_PROPERTIES = ("clip-path", "mask", "filter", "stroke-dasharray")
_SVG = "{http://www.w3.org/2000/svg}"
_PNG_START = b"\x89PNG\r\n\x1a\n"


class LogoError(ValueError):
    """The file of a logo cannot be used. The message says what is wrong and what to do."""


def read_logo(path: Path) -> Logo:
    """Returns the logo in a file. It is read again after a change of the file. Raises LogoError."""
    try:
        state = path.stat()
    except OSError:
        raise LogoError(f"The logo {path.name!r} does not exist. Its path is relative to resma.toml.") from None
    return _read(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=4)
def _read(path: Path, _modified: int, size: int) -> Logo:
    if size > MAX_PNG_BYTES:
        raise LogoError(f"The logo has {_kilobytes(size)}. A PNG file must have at most {_kilobytes(MAX_PNG_BYTES)}.")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LogoError(f"The logo {path.name!r} cannot be read. {error.strerror}.") from None
    if data.startswith(_PNG_START):
        return _read_png(data)
    if b"<svg" in data[:MAX_SVG_BYTES]:
        return _read_svg(data)
    raise LogoError("The logo is neither an SVG file nor a PNG file. Convert it to one of them.")


def _read_png(data: bytes) -> PixelLogo:
    from PIL import Image  # noqa: PLC0415  # only catalogs with a logo need it

    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            _require_pixels(image.width, image.height)
            colored = image.convert("RGBA")
    except Image.DecompressionBombError:
        raise LogoError(f"The logo has more than {MAX_PIXELS:,} pixels. Make it smaller.") from None
    except (OSError, SyntaxError, ValueError) as error:
        if isinstance(error, LogoError):
            raise
        raise LogoError("The logo is not a valid PNG file. Export it again.") from error
    colored.thumbnail(_KEPT_PIXELS)
    flat = Image.new("RGB", colored.size, "white")
    flat.paste(colored, mask=colored.getchannel("A"))
    return PixelLogo(flat.width, flat.height, flat.tobytes())


def _require_pixels(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise LogoError(f"The logo has {width} x {height} pixels. Make it smaller; 1200 pixels in width are enough.")
    _require_aspect(width, height)


def _read_svg(data: bytes) -> VectorLogo:
    if len(data) > MAX_SVG_BYTES:
        raise LogoError(
            f"The logo has {_kilobytes(len(data))}. An SVG file must have at most {_kilobytes(MAX_SVG_BYTES)}. "
            "Simplify its paths, or use PNG."
        )
    if b"<!ENTITY" in data:
        raise LogoError("The logo declares XML entities. Export it as plain SVG.")
    try:
        root = ET.fromstring(data)  # noqa: S314  # without entities, and of limited size
    except ET.ParseError as error:
        raise LogoError(f"The logo is not a valid SVG file: {error}. Export it again.") from None
    _require_paths(root)
    _require_few_copies(root)
    box = _view_box(root)
    _require_aspect(box[2], box[3])
    shapes: list[LogoShape] = []
    operations = 0
    for shape in _shapes(root, box):
        operations += len(shape.operations)
        if operations > MAX_OPERATIONS:
            raise LogoError(
                f"The logo has more than {MAX_OPERATIONS:,} lines and curves. Simplify its paths, or use PNG."
            )
        _require_coordinates(shape)
        shapes.append(shape)
    if not shapes:
        raise LogoError("The logo draws nothing. Export it as plain SVG with its paths.")
    return VectorLogo(box[2], box[3], tuple(shapes))


def _require_paths(root: ET.Element) -> None:
    """Raises LogoError with all elements and properties that cannot be drawn."""
    if root.tag not in {"svg", f"{_SVG}svg"}:
        raise LogoError("The logo is XML, but not SVG. Use an SVG file or a PNG file.")
    # Elements of other namespaces are data of an editor, unless an element of SVG has the same name.
    names = {element.tag.removeprefix(_SVG) for element in root.iter()}
    foreign = {name for name in names if not name.startswith("{")} - _DRAWN - _SILENT
    for element in root.iter():
        style = (
            f"{element.get('style', '')};{element.text or ''}"
            if element.tag.endswith("style")
            else element.get("style")
        )
        for name in _UNSUPPORTED_PROPERTIES:
            if element.get(name, "none") != "none" or (style and f"{name}:" in style.replace(" ", "")):
                foreign.add(name)
        if "url(" in " ".join(element.attrib.values()):
            foreign.add("url()")
    if foreign:
        raise LogoError(
            f"The logo uses {', '.join(sorted(foreign))}, which is not supported. Convert text and effects to filled "
            "paths, or use PNG."
        )


def _require_few_copies(root: ET.Element) -> None:
    """Raises LogoError if elements that <use> copies are larger than a file may be: copies of copies grow fast."""
    by_id = {element.get("id"): element for element in root.iter()}
    sizes: dict[ET.Element, int | None] = {}

    def size(element: ET.Element) -> int:
        """Returns the number of characters of an element with all copies."""
        known = sizes.get(element, 0)
        if known is None:
            raise LogoError("An element of the logo contains itself by <use>. Export it as plain SVG.")
        if known:
            return known
        sizes[element] = None
        total = len(element.tag.rpartition("}")[2]) + sum(map(len, element.attrib.values())) + sum(map(size, element))
        href = element.get("{http://www.w3.org/1999/xlink}href") or element.get("href") or ""
        if element.tag.endswith("use") and (target := by_id.get(href.removeprefix("#"))) is not None:
            total += size(target)
        sizes[element] = total
        return total

    try:
        is_large = size(root) > MAX_SVG_BYTES
    except RecursionError:
        raise LogoError("The elements of the logo are nested too deeply. Export it as plain SVG.") from None
    if is_large:
        raise LogoError("The logo copies too many elements by <use>. Export it as plain SVG, or use PNG.")


def _require_coordinates(shape: LogoShape) -> None:
    numbers = [shape.stroke_width, *(number for _, point in shape.operations for number in point)]
    if not all(abs(number) <= MAX_COORDINATE for number in numbers):  # NaN is not smaller than any number
        raise LogoError(
            f"A path of the logo has a coordinate of more than {MAX_COORDINATE:,}, or one that is not a number. "
            "Export it again."
        )


def _view_box(root: ET.Element) -> tuple[float, float, float, float]:
    """Returns x, y, width and height of the view box, or of the size if there is no view box."""
    try:
        if box := root.get("viewBox"):
            x, y, width, height = (float(number) for number in box.replace(",", " ").split())
        else:
            x, y = 0.0, 0.0
            width, height = (float(root.get(name, "").removesuffix("px")) for name in ("width", "height"))
    except ValueError:
        raise LogoError("The logo has no valid `viewBox`. Add one to the element <svg>.") from None
    if not all(abs(number) <= MAX_COORDINATE for number in (x, y, width, height)):
        raise LogoError(f"The `viewBox` of the logo has a number of more than {MAX_COORDINATE:,}. Make it smaller.")
    if 0 < min(width, height) < MIN_SIDE:
        raise LogoError(f"A side of the `viewBox` of the logo is shorter than {MIN_SIDE:g}. Make it larger.")
    return x, y, width, height


def _require_aspect(width: float, height: float) -> None:
    if min(width, height) <= 0 or max(width, height) > MAX_ASPECT * min(width, height):
        raise LogoError(f"The logo is {width:g} x {height:g}. No side may be more than {MAX_ASPECT} times the other.")


def _shapes(root: ET.Element, box: tuple[float, float, float, float]) -> Iterator[LogoShape]:
    import svgelements  # noqa: PLC0415  # only catalogs with a logo need it

    # The logo is drawn in the coordinates of its view box.
    root.set("viewBox", " ".join(f"{number:g}" for number in box))
    root.set("width", f"{box[2]:g}")
    root.set("height", f"{box[3]:g}")
    try:
        svg = svgelements.SVG.parse(io.BytesIO(ET.tostring(root)), reify=True)
        for element in svg.elements(lambda item: isinstance(item, svgelements.Shape)):
            path = svgelements.Path(element)
            operations = tuple(_operations(path, box[3]))
            fill, stroke = _color(element, "fill"), _color(element, "stroke")
            if operations and (fill or stroke) and element.values.get("display") != "none":
                even_odd = element.values.get("fill-rule") == "evenodd"
                yield LogoShape(operations, fill, stroke, float(element.stroke_width or 0), even_odd)
    except (ValueError, TypeError, AttributeError, KeyError, IndexError, ZeroDivisionError, RecursionError) as error:
        raise LogoError(f"The paths of the logo cannot be read: {error}. Export it again as plain SVG.") from error


def _operations(path: Any, height: float) -> Iterator[Operation]:
    """Yields the steps of a path, with y upwards."""
    for segment in _without_arcs(path):
        points = {
            "Move": ("end",),
            "Line": ("end",),
            "CubicBezier": ("control1", "control2", "end"),
            "QuadraticBezier": ("start", "control", "end"),
            "Close": (),
        }[type(segment).__name__]
        at = [(float(getattr(segment, name).x), height - float(getattr(segment, name).y)) for name in points]
        match type(segment).__name__:
            case "Close":
                yield "h", ()
            case "QuadraticBezier":  # as a cubic curve
                (x0, y0), (x1, y1), (x2, y2) = at
                yield "c", ((x0 + 2 * x1) / 3, (y0 + 2 * y1) / 3, (x2 + 2 * x1) / 3, (y2 + 2 * y1) / 3, x2, y2)
            case name:
                yield (
                    {"Move": "m", "Line": "l", "CubicBezier": "c"}[name],
                    tuple(value for point in at for value in point),
                )


def _without_arcs(path: Any) -> Iterator[Any]:
    """Yields the segments of a path, in which cubic curves replace arcs."""
    for segment in path:
        yield from segment.as_cubic_curves() if type(segment).__name__ == "Arc" else (segment,)


def _color(element: Any, name: str) -> str | None:
    """Returns a color as it looks on white; None if it is not drawn."""
    color = getattr(element, name)
    if color is None or color.value is None:
        return None
    opaque = bytes((color.red, color.green, color.blue)).hex()
    return mixed_with_white(opaque, color.alpha / 255 * _opacity(element))


def _opacity(element: Any) -> float:
    text = str(element.values.get("opacity") or "1")
    value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    return min(1.0, max(0.0, value))


def _kilobytes(size: int) -> str:
    return f"{-(-size // 1024):,} KiB"
