"""The first pages of a PDF as a picture, drawn by PDFium."""

from __future__ import annotations

from pathlib import Path

import pypdfium2
from PIL import Image

_DOTS_PER_INCH = 100
_PAGES = 2
"""The cover, and the first page of the table."""


def draw_first_pages(file: Path) -> Path:
    """Writes the first pages of the PDF as one PNG beside it, and returns the path of the picture."""
    with pypdfium2.PdfDocument(file) as document:
        pages = [
            document[index].render(scale=_DOTS_PER_INCH / 72).to_pil() for index in range(min(_PAGES, len(document)))
        ]
    picture = Image.new("RGB", (max(page.width for page in pages), sum(page.height for page in pages)), "gray")
    top = 0
    for page in pages:
        picture.paste(page, (0, top))
        top += page.height
    image = file.with_suffix(".png")
    picture.save(image)
    return image
