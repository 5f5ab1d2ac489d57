"""Colors as operands for content streams of a PDF: red, green and blue from 0 to 1."""

from __future__ import annotations

from resma.writers import palette


def _operands(color: str) -> bytes:
    return b" ".join(b"%.3f" % (value / 255) for value in bytes.fromhex(color))


ACCENT, INK, GRAY, RULE, STRIPE = map(
    _operands, (palette.ACCENT, palette.INK, palette.GRAY, palette.RULE, palette.STRIPE)
)
