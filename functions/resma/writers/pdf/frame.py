"""What is the same on every table page, drawn once as a form XObject: title, headings, stripes, rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from resma.header import ReportHeader
from resma.writers.pdf.encodings import TwoByte, single_byte
from resma.writers.pdf.face import FACES, UNIT
from resma.writers.pdf.layout import (
    FOOT_BASELINE,
    HEADINGS_HEIGHT,
    HEADINGS_TOP,
    LEADING,
    MARGIN,
    PADDING,
    PAGE_HEIGHT,
    PAGE_WIDTH,
    ROWS_TOP,
    SIZE,
    TITLE_BASELINE,
    Cell,
)
from resma.writers.pdf.objects import escaped, number

ACCENT = b"0.094 0.180 0.329"
INK = b"0.13 0.15 0.18"
GREY = b"0.42 0.45 0.50"
STRIPE = b"0.957 0.965 0.976"
RULE = b"0.80 0.83 0.87"

RIGHT_EDGE = PAGE_WIDTH - MARGIN


_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"000000000")
_MOST_WIDTHS = 500


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text, in points. `face` is a letter of `FACES`, x the right end where `align` is right."""

    text: str
    face: str
    size: float
    x: float
    y: float
    room: float = 0
    """The width it may take, or 0 for any."""
    align: str = "left"


class Pen:
    """One line of text at a time, in any characters."""

    def __init__(self, two_byte: dict[str, TwoByte]) -> None:
        self._two_byte = two_byte
        self._widths: dict[tuple[str, bytes], int] = {}

    def width(self, face: str, text: str) -> int:
        """In thousandths of an em. Kept by shape, for the page numbers: all digits are of one width."""
        shape = (face, text.encode().translate(_DIGITS_ALIKE))
        if shape not in self._widths:
            if len(self._widths) >= _MOST_WIDTHS:
                self._widths.clear()
            self._widths[shape] = FACES[face]().width(text)
        return self._widths[shape]

    def show(self, line: Line) -> bytes:
        """A text object (§9.4). What is wider than the line's room is cut, with an ellipsis."""
        text, x = line.text, line.x
        if line.room:
            text = FACES[line.face]().cut(text, int(line.room / line.size * 1000 / UNIT))
        if line.align == "right":
            x -= self.width(line.face, text) * line.size / 1000
        data = single_byte(text)
        name = f"/{line.face}{1 if data is not None else 2}".encode()
        shown = escaped(data) if data is not None else self._two_byte[line.face].encode([text])
        return b"BT %b %b Tf %b %b Td(%b)Tj ET\n" % (name, number(line.size), number(x), number(line.y), shown)


def frame(header: ReportHeader, cells: Sequence[Cell], rows: int, pen: Pen) -> bytes:
    """The content of the form for pages of so many rows."""
    return b"".join((_stripes(rows), _headings(cells, pen), _titles(header, pen)))


def form_dictionary(resources: int) -> bytes:
    """Entries of a form XObject as large as the page (§8.10.2)."""
    box = b"0 0 %b %b" % (number(PAGE_WIDTH), number(PAGE_HEIGHT))
    return b"/Type/XObject/Subtype/Form/BBox[%b]/Resources %d 0 R" % (box, resources)


def _stripes(rows: int) -> bytes:
    """Every second row on a light ground, and a line under the last."""
    left, width = number(MARGIN), number(RIGHT_EDGE - MARGIN)
    boxes = [
        b"%b %b %b %b re\n" % (left, number(ROWS_TOP - (row + 1) * LEADING), width, number(LEADING))
        for row in range(1, rows, 2)
    ]
    bottom = number(ROWS_TOP - rows * LEADING)
    line = b"%b RG 0.5 w %b %b m %b %b l S\n" % (RULE, left, bottom, number(RIGHT_EDGE), bottom)
    return b"%b rg\n%b%b" % (STRIPE, b"".join(boxes) + (b"f\n" if boxes else b""), line)


def _headings(cells: Sequence[Cell], pen: Pen) -> bytes:
    bottom = HEADINGS_TOP - HEADINGS_HEIGHT
    parts = [
        b"%b rg %b %b %b %b re f 1 1 1 rg\n"
        % (ACCENT, number(MARGIN), number(bottom), number(RIGHT_EDGE - MARGIN), number(HEADINGS_HEIGHT))
    ]
    for cell in cells:
        x = cell.right - PADDING if cell.is_right else cell.left + PADDING
        align = cell.column.align
        heading = cell.column.heading
        parts.append(pen.show(Line(heading, "B", SIZE, x, HEADINGS_TOP - 10, cell.text_width, align)))
    return b"".join(parts)


def _titles(header: ReportHeader, pen: Pen) -> bytes:
    """The running title above, and below which report it is and of when."""
    middle = (RIGHT_EDGE - MARGIN) / 2
    foot_rule = number(FOOT_BASELINE + 11)
    foot = f"As of {header.as_of:%Y-%m-%d %H:%M:%S} UTC   ·   Report {header.report_id}"
    return b"".join(
        (
            ACCENT + b" rg\n",
            pen.show(Line(header.title, "B", 9, MARGIN, TITLE_BASELINE, middle)),
            GREY + b" rg\n",
            pen.show(Line(header.organisation, "R", 7.5, RIGHT_EDGE, TITLE_BASELINE, middle - 12, "right")),
            b"%b RG 0.5 w %b %b m %b %b l S\n" % (RULE, number(MARGIN), foot_rule, number(RIGHT_EDGE), foot_rule),
            pen.show(Line(foot, "R", 6.5, MARGIN, FOOT_BASELINE)),
        )
    )
