"""Colors as operands for content streams of a PDF: red, green and blue from 0 to 1."""

from __future__ import annotations

from resma.writers import palette


def operands(color: str) -> bytes:
    """Returns the operands of a color of six hexadecimal digits."""
    return b" ".join(b"%.3f" % (value / 255) for value in bytes.fromhex(color))


INK, GRAY, RULE, STRIPE = map(operands, (palette.INK, palette.GRAY, palette.RULE, palette.STRIPE))
