"""What is the same on every table page, drawn once as a form XObject: title, headings, stripes, rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from resma.header import ReportHeader
from resma.words import say
from resma.writers.pdf.layout import (
    FOOT_BASELINE,
    HEADINGS_HEIGHT,
    LEADING,
    MARGIN,
    SIZE,
    Cell,
    Layout,
)
from resma.writers.pdf.objects import escaped, number
from resma.writers.pdf.single_byte import DIGITS_ALIKE, UNIT, metrics, single, visible
from resma.writers.pdf.wide import WideText

ACCENT = b"0.094 0.180 0.329"
INK = b"0.13 0.15 0.18"
GREY = b"0.42 0.45 0.50"
STRIPE = b"0.957 0.965 0.976"
RULE = b"0.80 0.83 0.87"

_MOST_WIDTHS = 500
_LEAST_HEADING = 5.0
_GAP = 14.0


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

    def __init__(self, wide: dict[str, WideText]) -> None:
        self._wide = wide
        self._widths: dict[tuple[str, bytes], int] = {}

    def width(self, face: str, text: str) -> float:
        """In thousandths of an em. Kept by shape, for the page numbers: all digits are of one width."""
        data = single(text)
        if data is None:
            return self._wide[face].measure(text)
        shape = (face, data.translate(DIGITS_ALIKE))
        if shape not in self._widths:
            if len(self._widths) >= _MOST_WIDTHS:
                self._widths.clear()
            self._widths[shape] = metrics(face).width(data)
        return self._widths[shape]

    def show(self, line: Line) -> bytes:
        """A text object (§9.4). What is wider than the line's room is cut, with an ellipsis."""
        text = visible(line.text)
        wide, data = self._wide[line.face], single(text)
        if line.room:
            limit = line.room / line.size * 1000
            if data is None:
                text = wide.cut(text, limit)
            else:
                data = metrics(line.face).cut(data, int(limit / UNIT))
                text = data.decode("cp1252")
        x = line.x - (self.width(line.face, text) * line.size / 1000 if line.align == "right" else 0)
        if data is None:
            return b"BT %b %b Td %b ET\n" % (number(x), number(line.y), wide.show(text, line.size))
        font = b"/%b1 %b Tf" % (line.face.encode(), number(line.size))
        return b"BT %b %b %b Td(%b)Tj ET\n" % (font, number(x), number(line.y), escaped(data))


def frame(header: ReportHeader, layout: Layout, cells: Sequence[Cell], slots: int, pen: Pen) -> bytes:
    """The content of the form for pages with stripes for so many slots (0: pages draw theirs)."""
    ground = stripes(layout, range(1, slots, 2), slots) if slots else b""
    return b"".join((ground, _headings(layout, cells, pen), titles(header, layout, pen)))


def form_dictionary(layout: Layout, resources: int) -> bytes:
    """Entries of a form XObject as large as the page (§8.10.2)."""
    box = b"0 0 %b %b" % (number(layout.width), number(layout.height))
    return b"/Type/XObject/Subtype/Form/BBox[%b]/Resources %d 0 R" % (box, resources)


def stripes(layout: Layout, slots: Iterable[int], bottom: int) -> bytes:
    """A light ground under these slots, and a line under the last of the page."""
    left, right = number(MARGIN), number(layout.right)
    width, height = number(layout.right - MARGIN), number(LEADING)
    boxes = [b"%b %b %b %b re\n" % (left, number(layout.top_of(slot + 1)), width, height) for slot in slots]
    y = number(layout.top_of(bottom))
    line = b"%b RG 0.5 w %b %b m %b %b l S\n" % (RULE, left, y, right, y)
    return b"%b rg\n%bf\n%b" % (STRIPE, b"".join(boxes), line) if boxes else line


def _headings(layout: Layout, cells: Sequence[Cell], pen: Pen) -> bytes:
    top = layout.headings_top
    parts = [heading_bar(layout)]
    for cell in cells:
        x = cell.right - cell.padding if cell.is_right else cell.left + cell.padding
        heading, room = cell.column.heading, cell.text_width
        width = pen.width("B", heading) * SIZE / 1000
        # Made smaller first, and only then cut: it is read once and stands above every cell.
        size = max(_LEAST_HEADING, min(SIZE, SIZE * room / max(width, 1)))
        parts.append(pen.show(Line(heading, "B", size, x, top - 10, room + 0.05, cell.column.align)))
    return b"".join(parts)


def heading_bar(layout: Layout) -> bytes:
    """The dark bar of a table's head; what follows is written on it in white."""
    box = (MARGIN, layout.slots_top, layout.right - MARGIN, HEADINGS_HEIGHT)
    return b"%b rg %b %b %b %b re f 1 1 1 rg\n" % (ACCENT, *map(number, box))


def titles(header: ReportHeader, layout: Layout, pen: Pen) -> bytes:
    """The running title above, and below which report it is and of when."""
    middle = (layout.right - MARGIN) / 2
    y, rule = layout.title_baseline, number(FOOT_BASELINE + 11)
    room = layout.right - MARGIN - _page_number_room(header, layout, pen)
    return b"".join(
        (
            ACCENT + b" rg\n",
            pen.show(Line(header.title, "B", 9, MARGIN, y, middle)),
            GREY + b" rg\n",
            pen.show(Line(header.organisation, "R", 7.5, layout.right, y, middle - 12, "right")),
            b"%b RG 0.5 w %b %b m %b %b l S\n" % (RULE, number(MARGIN), rule, number(layout.right), rule),
            pen.show(Line(foot_text(header), "R", 6.5, MARGIN, FOOT_BASELINE, room)),
        )
    )


def _page_number_room(header: ReportHeader, layout: Layout, pen: Pen) -> float:
    """What `Rows x to y of z · Page p of q` takes on the right at the most."""
    language = header.locale.language
    rows, pages = (header.locale.format_number(str(n)) for n in (header.rows, 3 * header.rows // layout.slots + 100))
    words = " ".join([say(word, language) for word in ("Rows", "to", "of", "Page", "of")])
    return pen.width("R", f"{words}   ·   {rows} {rows} {rows} {pages} {pages}") * 6.5 / 1000 + _GAP


def as_of_text(header: ReportHeader) -> str:
    """When the snapshot was taken, in the locale's order."""
    return header.locale.format_date(f"{header.as_of:%Y-%m-%d %H:%M:%S} UTC")


def foot_text(header: ReportHeader) -> str:
    """What each page says of the whole report."""
    language = header.locale.language
    return "   ·   ".join(
        (
            f"{say('As of', language)} {as_of_text(header)}",
            f"{say('Time zone', language)}: {header.time_zone}",
            # Last, where there is no room for all: it is on the cover too.
            f"{say('Report', language)} {header.report_id}",
        )
    )
