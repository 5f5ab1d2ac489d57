"""Content that all table pages share, drawn once as a form XObject: title, headings, stripes, lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from resma.i18n.translations import translate
from resma.report.header import ReportHeader
from resma.writers.palette import palette_of
from resma.writers.pdf.layout import (
    FOOTER_BASELINE,
    HEADINGS_HEIGHT,
    LEADING,
    MARGIN,
    SIZE,
    Cell,
    Layout,
)
from resma.writers.pdf.palette import GRAY, RULE, STRIPE, operands
from resma.writers.pdf.syntax.objects import number
from resma.writers.pdf.table.logo import RUNNING_LOGO, place_logo
from resma.writers.pdf.text.pen import Line, Pen

_MIN_HEADING = 5.0
_GAP = 14.0
BRAND_BASELINE = 14.0
"""Baseline of the brand's text, below the footer."""


def frame(header: ReportHeader, layout: Layout, cells: Sequence[Cell], slots: int, pen: Pen) -> bytes:
    """Returns the content of the form, with stripes for `slots` slots (0 if each page draws its own stripes)."""
    background = stripes(layout, range(1, slots, 2), slots) if slots else b""
    return b"".join((background, _headings(header, layout, cells, pen), titles(header, layout, pen)))


def first_frame(  # noqa: PLR0913, PLR0917  # everything that the page is drawn from
    header: ReportHeader, layout: Layout, cells: Sequence[Cell], start: int, slots: int, above: bytes, pen: Pen
) -> bytes:
    """Returns the content of the form of a first page whose table starts at slot `start`, below `above`.

    `slots` is the number of slots up to the last line, or 0 if the page draws its own stripes.
    """
    background = stripes(layout, range(start + 1, slots, 2), slots) if slots else b""
    lowered = b"q 1 0 0 1 0 %b cm %bQ\n" % (number(-start * LEADING), _headings(header, layout, cells, pen))
    return b"".join((background, lowered, above))


def form_dictionary(layout: Layout, resources: int) -> bytes:
    """Returns the entries of a form XObject with the size of the page (§8.10.2)."""
    box = b"0 0 %b %b" % (number(layout.width), number(layout.height))
    return b"/Type/XObject/Subtype/Form/BBox[%b]/Resources %d 0 R" % (box, resources)


def stripes(layout: Layout, slots: Iterable[int], bottom: int) -> bytes:
    """Returns a light background for these slots, and a line below the last slot of the page."""
    left, right = number(MARGIN), number(layout.right)
    width, height = number(layout.right - MARGIN), number(LEADING)
    boxes = [b"%b %b %b %b re\n" % (left, number(layout.top_of(slot + 1)), width, height) for slot in slots]
    y = number(layout.top_of(bottom))
    line = b"%b RG 0.5 w %b %b m %b %b l S\n" % (RULE, left, y, right, y)
    return b"%b rg\n%bf\n%b" % (STRIPE, b"".join(boxes), line) if boxes else line


def _headings(header: ReportHeader, layout: Layout, cells: Sequence[Cell], pen: Pen) -> bytes:
    return heading_bar(header, layout) + b"".join([pen.show_cached(_heading(cell, layout, pen)) for cell in cells])


def _heading(cell: Cell, layout: Layout, pen: Pen) -> Line:
    x = cell.right - cell.padding if cell.is_right else cell.left + cell.padding
    heading, available = cell.column.heading, cell.text_width
    width = pen.width("B", heading) * SIZE / 1000
    # A heading is made smaller before it is cut, because all cells below depend on it.
    size = max(_MIN_HEADING, min(SIZE, SIZE * available / max(width, 1)))
    return Line(heading, "B", size, x, layout.headings_top - 10, available + 0.05, cell.column.align)


def heading_bar(header: ReportHeader, layout: Layout) -> bytes:
    """Returns the dark bar behind headings, and sets the color of the following text to white."""
    box = (MARGIN, layout.slots_top, layout.right - MARGIN, HEADINGS_HEIGHT)
    return b"%b rg %b %b %b %b re f 1 1 1 rg\n" % (accent(header), *map(number, box))


def titles(header: ReportHeader, layout: Layout, pen: Pen) -> bytes:
    """Returns the running title at the top, and the report's id and time at the bottom."""
    middle = (layout.right - MARGIN) / 2
    y = layout.title_baseline
    logo = place_logo(header.brand, layout.right, layout.height - 12, RUNNING_LOGO)
    return b"".join(
        (
            accent(header) + b" rg\n",
            pen.show(Line(header.title, "B", 9, MARGIN, y, middle)),
            GRAY + b" rg\n",
            pen.show(
                Line(header.organization, "R", 7.5, layout.right - logo.taken, y, middle - 12 - logo.taken, "right")
            ),
            logo.content,
            footers(header, layout, pen),
        )
    )


def footers(header: ReportHeader, layout: Layout, pen: Pen) -> bytes:
    """Returns the report's id and time at the bottom, in the current color, and the line above them."""
    rule = number(FOOTER_BASELINE + 11)
    footer_width = layout.right - MARGIN - _page_number_width(header, layout, pen)
    return b"".join(
        (
            b"%b RG 0.5 w %b %b m %b %b l S\n" % (RULE, number(MARGIN), rule, number(layout.right), rule),
            pen.show(Line(footer_text(header), "R", 6.5, MARGIN, FOOTER_BASELINE, footer_width)),
            brand_footer(header, layout, pen),
        )
    )


def brand_footer(header: ReportHeader, layout: Layout, pen: Pen) -> bytes:
    """Returns the brand's text at the bottom of the page, in the current color; nothing if it has none."""
    if not header.brand.footer:
        return b""
    return pen.show(Line(header.brand.footer, "R", 6.5, MARGIN, BRAND_BASELINE, layout.right - MARGIN))


def _page_number_width(header: ReportHeader, layout: Layout, pen: Pen) -> float:
    """Returns the maximum width of `Rows x to y of z · Page p of q` on the right."""
    language = header.locale.language
    rows, pages = (header.locale.format_count(n) for n in (header.rows, 3 * header.rows // layout.slots + 100))
    words = " ".join([translate(word, language) for word in ("Rows", "to", "of", "Page", "of")])
    return pen.width("R", f"{words}   ·   {rows} {rows} {rows} {pages} {pages}") * 6.5 / 1000 + _GAP


def accent(header: ReportHeader) -> bytes:
    """Returns the color of titles and headings."""
    return operands(palette_of(header.brand).accent)


def as_of_text(header: ReportHeader) -> str:
    """Returns the time of the snapshot in the locale's format."""
    return header.locale.format_date(f"{header.as_of:%Y-%m-%d %H:%M:%S} UTC")


def footer_text(header: ReportHeader) -> str:
    """Returns the part of the footer that is the same on all pages."""
    language = header.locale.language
    return "   ·   ".join(
        (
            f"{translate('As of', language)} {as_of_text(header)}",
            f"{translate('Time zone', language)}: {header.time_zone}",
            # The id is last and may be cut, because the cover shows it too.
            f"{translate('Report', language)} {header.report_id}",
        )
    )
