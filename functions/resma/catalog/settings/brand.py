"""The table `[brand]` of resma.toml, with its colors checked for contrast."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from resma.catalog.texts import LocalizedText
from resma.report.colors import contrast_with_white, darkened

MIN_TEXT_CONTRAST = 4.5
"""Minimum contrast of text and its background (WCAG 2.2, 1.4.3). Headings of tables are white on the primary color."""
MIN_ACCENT_CONTRAST = 1.5
"""Minimum contrast of the accent color and white. It draws lines and parts of charts, never text."""

MAX_FOOTER = 200
MAX_LEGAL = 600
"""Maximum lengths of these strings, in characters."""


def _require_contrast(color: str, minimum: float, use: str) -> str:
    digits = color.removeprefix("#").lower()
    if len(digits) != 6 or not color.startswith("#") or set(digits) - set("0123456789abcdef"):
        raise ValueError('It must be a color of six hexadecimal digits, like "#0b5fff".')
    ratio = contrast_with_white(digits)
    if ratio < minimum:
        raise ValueError(
            f"Its contrast with white is {ratio:.1f}, and {use} needs {minimum:g}. Use a darker color, like "
            f'"#{darkened(digits, minimum)}".'
        )
    return f"#{digits}"


def _require_text_color(color: str) -> str:
    return _require_contrast(color, MIN_TEXT_CONTRAST, "text")


def _require_line_color(color: str) -> str:
    return _require_contrast(color, MIN_ACCENT_CONTRAST, "a line")


def _require_length(maximum: int) -> AfterValidator:
    def check(text: LocalizedText) -> LocalizedText:
        longest = max(len(translation) for _, translation in text.translations)
        if longest > maximum:
            raise ValueError(f"It has {longest} characters. Shorten it to {maximum}.")
        return text

    return AfterValidator(check)


def _require_inside(path: str) -> str:
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or "\\" in path:
        raise ValueError(
            'It must be a file in the folder of the catalog, like "logo.svg", because deployments include this folder.'
        )
    return path


class BrandSettings(BaseModel):
    """Appearance of the files: `[brand]`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str | None = Field(default=None, min_length=1, max_length=200)
    """Organization that the files name. None means the name of the tenant."""
    logo: Annotated[str, Field(min_length=1), AfterValidator(_require_inside)] | None = None
    """Path of an SVG or PNG file, relative to the folder of the catalog."""
    primary_color: Annotated[str, AfterValidator(_require_text_color)] | None = None
    """Color of titles, headings and charts."""
    accent_color: Annotated[str, AfterValidator(_require_line_color)] | None = None
    """Color of the line below titles, and second color of charts."""
    footer: Annotated[LocalizedText, _require_length(MAX_FOOTER)] | None = None
    """Text at the bottom of every page."""
    legal: Annotated[LocalizedText, _require_length(MAX_LEGAL)] | None = None
    """Text at the bottom of the cover, such as the registration of the company."""
