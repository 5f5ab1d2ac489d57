"""Text that is not wholly Windows-1252: two bytes a character, in the report's own faces."""

from __future__ import annotations

from dataclasses import dataclass, field

from resma.writers.pdf.encodings import TwoByte
from resma.writers.pdf.face import FACES, UNIT
from resma.writers.pdf.objects import number


@dataclass(slots=True)
class WideState:
    """What is in use of one face's wide text, in order of first use: plain values of bounded size."""

    rows: list[int] = field(default_factory=list)
    """High bytes of the code points in use."""
    astral: list[int] = field(default_factory=list)
    """Code points beyond U+FFFF, of which there are codes for 2,048."""


class WideText:
    """Measures, cuts and shows text of any characters, in the face of one letter: `R` or `B`."""

    def __init__(self, letter: str, state: WideState) -> None:
        """`state` is kept up to date."""
        self._face = FACES[letter]()
        self._font = b"/%b2" % letter.encode()
        self._two_byte = TwoByte(state.rows, state.astral)

    def measure(self, text: str) -> float:
        """Width in thousandths of an em."""
        return self._face.measure(text) * UNIT

    def cut(self, text: str, limit: float) -> str:
        """The text, or as much of it as fits `limit` thousandths of an em with an ellipsis after it."""
        return self._face.cut(text, int(limit / UNIT))

    def show(self, text: str, size: float) -> bytes:
        """Operators that show the text from the current point on; they leave another font selected."""
        return b"%b %b Tf(%b)Tj\n" % (self._font, number(size), self._two_byte.encode([text]))
