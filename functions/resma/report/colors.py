"""Arithmetic of colors, which are six hexadecimal digits: red, green and blue."""

from __future__ import annotations


def luminance(color: str) -> float:
    """Returns the relative luminance (WCAG 2.2) of a color, from 0 to 1."""
    channels = [value / 255 for value in bytes.fromhex(color)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast_with_white(color: str) -> float:
    """Returns the contrast ratio (WCAG 2.2) of a color and white, from 1 to 21."""
    return 1.05 / (luminance(color) + 0.05)


def mixed_with_white(color: str, share: float) -> str:
    """Returns a mixture of a color and white. `share` is the share of the color, from 0 to 1."""
    return bytes(round(255 + (value - 255) * share) for value in bytes.fromhex(color)).hex().upper()


def darkened(color: str, min_contrast: float) -> str:
    """Returns a color of the same hue whose contrast with white is at least `min_contrast`."""
    channels = bytes.fromhex(color)
    for percent in range(100, 0, -1):
        darker = bytes(value * percent // 100 for value in channels).hex()
        if contrast_with_white(darker) >= min_contrast:
            return darker
    return "000000"


def contrast(one: str, other: str) -> float:
    """Returns the contrast ratio (WCAG 2.2) of two colors, from 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def lightened(color: str, background: str, min_contrast: float) -> str:
    """Returns a mixture of a color and white whose contrast with a dark background is at least `min_contrast`."""
    for percent in range(100, 0, -1):
        lighter = mixed_with_white(color, percent / 100)
        if contrast(lighter, background) >= min_contrast:
            return lighter
    return "FFFFFF"
