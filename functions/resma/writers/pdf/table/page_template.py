"""What is the same on every table page, drawn once as a form XObject: title, headings, stripes, rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from resma.i18n.translations import translate
from resma.report.header import ReportHeader
from resma.writers.pdf.layout import (
    FOOTER_BASELINE,
    HEADINGS_HEIGHT,
    LEADING,
    MARGIN,
    SIZE,
    Cell,
    Layout,
)
from resma.writers.pdf.palette import ACCENT, GRAY, RULE, STRIPE
from resma.writers.pdf.syntax.objects import number
from resma.writers.pdf.text.pen import Line, Pen

_MIN_HEADING = 5.0
_GAP = 14.0


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
        size = max(_MIN_HEADING, min(SIZE, SIZE * room / max(width, 1)))
        parts.append(pen.show(Line(heading, "B", size, x, top - 10, room + 0.05, cell.column.align)))
    return b"".join(parts)


def heading_bar(layout: Layout) -> bytes:
    """The dark bar of a table's head; what follows is written on it in white."""
    box = (MARGIN, layout.slots_top, layout.right - MARGIN, HEADINGS_HEIGHT)
    return b"%b rg %b %b %b %b re f 1 1 1 rg\n" % (ACCENT, *map(number, box))


def titles(header: ReportHeader, layout: Layout, pen: Pen) -> bytes:
    """The running title above, and below which report it is and of when."""
    middle = (layout.right - MARGIN) / 2
    y, rule = layout.title_baseline, number(FOOTER_BASELINE + 11)
    room = layout.right - MARGIN - _page_number_room(header, layout, pen)
    return b"".join(
        (
            ACCENT + b" rg\n",
            pen.show(Line(header.title, "B", 9, MARGIN, y, middle)),
            GRAY + b" rg\n",
            pen.show(Line(header.organization, "R", 7.5, layout.right, y, middle - 12, "right")),
            b"%b RG 0.5 w %b %b m %b %b l S\n" % (RULE, number(MARGIN), rule, number(layout.right), rule),
            pen.show(Line(footer_text(header), "R", 6.5, MARGIN, FOOTER_BASELINE, room)),
        )
    )


def _page_number_room(header: ReportHeader, layout: Layout, pen: Pen) -> float:
    """What `Rows x to y of z · Page p of q` takes on the right at the most."""
    language = header.locale.language
    rows, pages = (header.locale.format_number(str(n)) for n in (header.rows, 3 * header.rows // layout.slots + 100))
    words = " ".join([translate(word, language) for word in ("Rows", "to", "of", "Page", "of")])
    return pen.width("R", f"{words}   ·   {rows} {rows} {rows} {pages} {pages}") * 6.5 / 1000 + _GAP


def as_of_text(header: ReportHeader) -> str:
    """When the snapshot was taken, in the locale's order."""
    return header.locale.format_date(f"{header.as_of:%Y-%m-%d %H:%M:%S} UTC")


def footer_text(header: ReportHeader) -> str:
    """What each page says of the whole report."""
    language = header.locale.language
    return "   ·   ".join(
        (
            f"{translate('As of', language)} {as_of_text(header)}",
            f"{translate('Time zone', language)}: {header.time_zone}",
            # Last, where there is no room for all: it is on the cover too.
            f"{translate('Report', language)} {header.report_id}",
        )
    )
