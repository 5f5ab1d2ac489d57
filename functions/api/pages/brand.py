"""The brand of the catalog in the console: name, logo and color, from resma.toml."""

from __future__ import annotations

import base64
import html
import io
from functools import lru_cache
from pathlib import Path

from resma.catalog import catalog_folder, settings_in_use
from resma.errors import CatalogInvalidError
from resma.report.colors import darkened, lightened, mixed_with_white

STYLE = "brand.css"
"""Name of the style sheet of a brand with a color, among the files of the console."""

_MARK = '<span class="brand"><img src="console/icon.svg" alt="" width="26" height="26">Resma</span>'
_TITLE = "<title>Resma</title>"
_LAST_STYLE = '<link rel="stylesheet" href="console/parts.css">'
_LOGO_PIXELS = (480, 104)
_DARK_CARD = "191f29"
"""Background of the page's header in the dark theme."""


def branded_page(page: str) -> str:
    """Returns the page of the console with the brand of the catalog; unchanged if the catalog has none."""
    try:
        brand = settings_in_use().brand
    except CatalogInvalidError:  # the console is the place where its errors are shown
        return page
    if brand.name or brand.logo:
        name = html.escape(brand.name or "Resma")
        page = page.replace(_MARK, f'<span class="brand">{_image(brand.logo)}{name}</span>')
        page = page.replace(_TITLE, f"<title>{name}</title>")
    if brand.primary_color:
        page = page.replace(_LAST_STYLE, f'{_LAST_STYLE}\n    <link rel="stylesheet" href="console/{STYLE}">')
    return page


def brand_style() -> str | None:
    """Returns the style sheet with the brand's color; None if it has none. Contrast is that of WCAG 2.2 AA."""
    color = settings_in_use().brand.primary_color
    if color is None:
        return None
    light, dark = darkened(color[1:], 5.3), lightened(color[1:], _DARK_CARD, 5.3)
    shades = [mixed_with_white(color[1:], share) for share in (1, 0.8, 0.55, 0.4, 0.28, 0.16)]
    charts = "".join(
        f"  --chart-{number}: light-dark(#{shade}, #{lightened(shade, _DARK_CARD, 3)});\n"
        for number, shade in enumerate(shades, 1)
    )
    soft = mixed_with_white(color[1:], 0.07)
    accent = f"  --accent: light-dark(#{light}, #{dark});\n  --accent-soft: light-dark(#{soft}, #2a3240);\n"
    return f":root {{\n{accent}{charts}}}\n"


def _image(logo: str | None) -> str:
    """Returns the element of the logo, whose data are part of the page, because the API sends text only."""
    if logo is None:
        return ""
    path = catalog_folder() / logo
    state = path.stat()
    return f'<img class="logo" src="{_data_url(path, state.st_mtime_ns, state.st_size)}" alt="">'


@lru_cache(maxsize=2)
def _data_url(path: Path, _modified: int, _size: int) -> str:
    data = path.read_bytes()
    if data.startswith(b"\x89PNG"):
        from PIL import Image  # noqa: PLC0415  # only catalogs with a logo need it

        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            small = image.convert("RGBA")
        small.thumbnail(_LOGO_PIXELS)
        buffer = io.BytesIO()
        small.save(buffer, "PNG", optimize=True)
        return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return f"data:image/svg+xml;base64,{base64.b64encode(data).decode()}"
